"""What is known of a run that is taken up again: from there its observers go on."""

from __future__ import annotations

from dataclasses import dataclass

from hyflow.journal import RunDir, Tally, read_jobs, read_open, read_tallies
from hyflow.model.events import Submitting


@dataclass(frozen=True, slots=True)
class SoFar:
    """The run's figures, which their reader counts on, and the attempts that have no end yet, as they were announced."""

    tally: Tally
    open: tuple[Submitting, ...] = ()


def so_far(run: RunDir) -> SoFar:
    """From the journal. Raises JournalError."""
    attempts = tuple(attempt.event for attempt in read_open(run.journal))
    return SoFar(Tally(read_tallies(run.journal), read_jobs(run.journal)), attempts)
