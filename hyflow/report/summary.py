"""A run in figures: its state, its times, its steps. Read from the journal in a time that does not depend on the number of jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec

from hyflow import plain
from hyflow.journal import Header, Phase, RunDir, StepTally, read_awaiting, read_header, read_meta, read_record, read_tallies
from hyflow.model.events import Cause
from hyflow.model.workflow import Program
from hyflow.report.outline import in_order, outline
from hyflow.report.standing import UNDER_WAY, RunState, Standing, standing
from hyflow.report.waits import causes_json


@dataclass(frozen=True, slots=True)
class Summary:
    """`steps` in the order of the document. `ended` (seconds since the epoch): None while it goes on. `causes`: why jobs that were sent to
    sites have not begun, as it was told last."""

    header: Header
    standing: Standing
    steps: tuple[StepTally, ...]
    ended: float | None
    causes: tuple[Cause, ...] = ()

    @property
    def state(self) -> RunState:
        """How the run stands."""
        return self.standing.state

    def total(self, *phases: Phase) -> int:
        """Jobs in these phases; of no phase given, all that are known of."""
        return sum(step[phase] for step in self.steps for phase in phases or Phase)

    @property
    def elapsed(self) -> float:
        """Seconds from its creation to its end, or to now; none when a clock was set back."""
        return max((self.ended or time.time()) - self.header.created, 0.0)


def summarize(run: RunDir) -> Summary:
    """The run's summary with the steps that were heard of. Raises JournalError."""
    stands = standing(run)
    over = stands.owner is None and stands.state not in UNDER_WAY
    header = read_header(run.journal)
    ended = (stands.session.ended or _last(run, header)) if over else None
    awaiting = read_awaiting(run.journal) if stands.state in UNDER_WAY else None
    return Summary(header, stands, tuple(read_tallies(run.journal)), ended, awaiting.causes if awaiting else ())


def every_step(run: RunDir, summary: Summary) -> Summary:
    """The summary with the steps that nothing was heard of yet, too."""
    program = program_of(run)
    return summary if program is None else replace(summary, steps=tuple(in_order(outline(program), summary.steps)))


@cache
def program_of(run: RunDir) -> Program | None:
    """The program that the run was compiled to, which never changes; None when this hyflow cannot read it. Raises JournalError."""
    try:
        program: Program = plain.loads(read_meta(run.journal).program, Program)
    except msgspec.DecodeError:
        return None
    return program


def as_json(summary: Summary) -> dict[str, Any]:
    """Times in seconds; counts by phase, with `jobs` for all that are known of."""
    header, owner = summary.header, summary.standing.owner
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
        "pid": owner.pid if owner else None,
        "host": owner.host if owner else summary.standing.session.owner.host if summary.state is RunState.ELSEWHERE else None,
        "left": summary.standing.left,
        "waits": causes_json(summary.causes),
        "jobs": summary.total(),
        **{phase.value: summary.total(phase) for phase in Phase},
    }


def status_json(summary: Summary) -> dict[str, Any]:
    """The run with its `steps`."""
    return as_json(summary) | {"steps": [step_json(step) for step in summary.steps]}


def step_json(step: StepTally) -> dict[str, Any]:
    """One step: counts by phase, attempts by location, `first` and `last` event (seconds since the epoch), `wall` seconds in sum."""
    return {
        "step": step.path,
        "jobs": step.total,
        **{phase.value: step[phase] for phase in Phase},
        "attempts": step.attempts,
        "retries": step.retries,
        "places": step.places,
        "first": step.first or None,
        "last": step.last or None,
        "wall": step.wall,
    }


def _last(run: RunDir, header: Header) -> float:
    record = read_record(run.journal)
    return record.at if record else header.created
