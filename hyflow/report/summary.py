"""A run in figures: its state, its times, its steps. Read from the journal in a time that does not depend on the number of jobs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from hyflow import plain
from hyflow.journal import (
    Header,
    Owner,
    Phase,
    RunDir,
    StepTally,
    holder,
    read_header,
    read_meta,
    read_milestones,
    read_record,
    read_session,
    read_tallies,
)
from hyflow.model.events import Delivered, Event, Stopping
from hyflow.model.workflow import Program
from hyflow.report.outline import in_order, outline


class RunState(StrEnum):
    """How a run stands. INTERRUPTED: its driver was stopped or died before the run's end."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Summary:
    """`steps` in the order of the document. `ended` (seconds since the epoch): None while it goes on; then `owner` drives it."""

    header: Header
    state: RunState
    steps: tuple[StepTally, ...]
    ended: float | None
    owner: Owner | None

    def total(self, *phases: Phase) -> int:
        """Jobs in these phases; of no phase given, all that are known of."""
        return sum(step[phase] for step in self.steps for phase in phases or Phase)

    @property
    def elapsed(self) -> float:
        """Seconds from its creation to its end, or to now."""
        return (self.ended or time.time()) - self.header.created


def summarize(run: RunDir) -> Summary:
    """The run's summary with the steps that were heard of. Raises JournalError."""
    path = run.journal
    owner, session = holder(run.lock), read_session(path)
    steps = tuple(read_tallies(path))
    milestones = [type(record.event) for record in read_milestones(path, Delivered, Stopping)]
    state = _state(milestones, alive=owner is not None, ended=session.ended is not None)
    ended = None if owner is not None else session.ended or _last(run)
    return Summary(read_header(path), state, steps, ended, owner)


def every_step(run: RunDir, summary: Summary) -> Summary:
    """The summary with the steps that nothing was heard of yet, too."""
    try:
        program: Program = plain.loads(read_meta(run.journal).program, Program)
    except msgspec.DecodeError:
        return summary
    return Summary(summary.header, summary.state, tuple(in_order(outline(program), summary.steps)), summary.ended, summary.owner)


def as_json(summary: Summary) -> dict[str, Any]:
    """Times in seconds; counts by phase, with `jobs` for all that are known of."""
    header = summary.header
    return {
        "run": header.run,
        "name": header.name,
        "state": summary.state.value,
        "workflow": header.workflow,
        "arguments": header.arguments,
        "outdir": header.outdir,
        "created": header.created,
        "ended": summary.ended,
        "elapsed": summary.elapsed,
        "pid": summary.owner.pid if summary.owner else None,
        "host": summary.owner.host if summary.owner else None,
        "jobs": summary.total(),
        **{phase.value: summary.total(phase) for phase in Phase},
    }


def step_json(step: StepTally) -> dict[str, Any]:
    """One step: counts by phase, attempts by location, `first` and `last` event (seconds since the epoch), `wall` seconds in sum."""
    return {
        "step": step.path,
        "jobs": step.total,
        **{phase.value: step[phase] for phase in Phase},
        "attempts": step.attempts,
        "places": step.places,
        "first": step.first or None,
        "last": step.last or None,
        "wall": step.wall,
    }


def _state(milestones: Sequence[type[Event]], *, alive: bool, ended: bool) -> RunState:
    if Delivered in milestones:
        return RunState.DONE
    if alive:
        return RunState.STOPPING if Stopping in milestones else RunState.RUNNING
    return RunState.FAILED if ended and Stopping not in milestones else RunState.INTERRUPTED


def _last(run: RunDir) -> float:
    record = read_record(run.journal)
    return record.at if record else read_header(run.journal).created
