"""Summaries as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from hyflow.journal import Phase, StepTally
from hyflow.report.standing import RunState
from hyflow.report.summary import Summary
from hyflow.report.terminal import address, duration, one_line, table, when
from hyflow.report.waits import cause_words

_ALWAYS = (Phase.WAITING, Phase.STAGING, Phase.QUEUED, Phase.RUNNING, Phase.DONE, Phase.FAILED)


def runs_table(runs: Sequence[Summary]) -> str:
    """One line a run, and below what is to be known of those that may not rest as they are."""
    rows = [
        (
            run.header.run,
            run.header.name or "",
            run.state.value,
            PurePath(address(run.header.workflow)).name,
            when(run.header.created),
            duration(run.elapsed),
            f"{run.total(Phase.DONE, Phase.REUSED, Phase.SKIPPED):,}",
            f"{run.total(Phase.FAILED):,}",
            f"{run.total():,}",
        )
        for run in runs
    ]
    heads = ("RUN", "NAME", "STATE", "WORKFLOW", "STARTED", "ELAPSED", "DONE", "FAILED", "JOBS")
    notes = [f"{run.header.run}: {note}" for run in runs if (note := _note(run))]
    return "\n".join([table(heads, rows, numbers=(5, 6, 7, 8)), *([""] if notes else []), *notes])


def _note(run: Summary) -> str:
    if run.state is RunState.ELSEWHERE:
        return run.standing.words
    worth = run.state in (RunState.INTERRUPTED, RunState.CANCELLED) or run.standing.cleaned
    follows = run.standing.next(run.header.run) if worth else ""
    return "; ".join(filter(None, [run.standing.goes_on, follows]))


def status_text(run: Summary) -> str:
    """The run, and a line a step."""
    return "\n".join([*status_head(run), "", steps_table(run, run.steps)])


def steps_table(run: Summary, steps: Sequence[StepTally]) -> str:
    """Some of the run's steps, a line for each below the heads of those columns that the run needs."""
    phases = [phase for phase in Phase if phase in _ALWAYS or run.total(phase)]
    retried = any(step.retries for step in run.steps)
    heads = ("STEP", *(phase.value.upper() for phase in phases), *(["RETRIES"] if retried else []), "TOOK", "WHERE")
    return table(heads, [_step(step, phases, retried) for step in steps], numbers=range(1, len(heads) - 1))


def status_head(run: Summary) -> list[str]:
    """The lines above the table: how the run stands, and what to do about it; safe for a terminal."""
    took = "took" if run.ended else "so far"
    lines = [
        ("workflow", address(run.header.workflow)),
        ("outputs", run.header.outdir),
        ("started", f"{when(run.header.created)}, {took} {duration(run.elapsed)}"),
        ("driver", str(run.standing.owner or "")),
        *(("waits", f"{cause.site}: {cause_words(cause)}") for cause in run.causes),
        ("left", run.standing.goes_on),
        ("next", run.standing.next(run.header.run)),
    ]
    return [f"{run.header.run}: {run.standing.words}", *(f"  {name:<8}  {one_line(text)}" for name, text in lines if text)]


def _step(step: StepTally, phases: Sequence[Phase], retried: bool) -> list[str]:
    numbers = [*(step[phase] for phase in phases), *([step.retries] if retried else [])]
    took = duration(step.last - step.first) if step.total else "-"
    return [step.path, *(f"{number:,}" if number else "-" for number in numbers), took, ", ".join(step.places)]
