"""What is known of a run that is taken up again, or that somebody begins to watch: from there its observers go on."""

from __future__ import annotations

from dataclasses import dataclass

from hyflow.journal import RunDir, Tally, read_header, read_open, read_record, read_standing
from hyflow.model.events import Submitting


@dataclass(frozen=True, slots=True)
class SoFar:
    """The run's figures, which their reader counts on; the attempts that have no end yet, as they were announced; the number of the latest
    event that is in them; when the run was made (seconds since the epoch)."""

    tally: Tally
    open: tuple[Submitting, ...]
    seq: int
    since: float


def taken_up(run: RunDir, figures: Tally) -> SoFar:
    """The same for a run that nobody else writes to, whose figures are known."""
    attempts = read_open(run.journal)
    latest = read_record(run.journal)
    return SoFar(figures, tuple(attempt.event for attempt in attempts), latest.seq if latest else 0, read_header(run.journal).created)


def so_far(run: RunDir) -> SoFar:
    """From the journal, as it is at one moment. Raises JournalError."""
    standing = read_standing(run.journal)
    attempts = tuple(attempt.event for attempt in standing.open)
    return SoFar(Tally(standing.steps, standing.phases), attempts, standing.seq, read_header(run.journal).created)
