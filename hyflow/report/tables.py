"""Summaries as tables for a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import PurePath

from hyflow.journal import Phase, StepTally
from hyflow.report.summary import Summary
from hyflow.report.terminal import address, duration, one_line, table

_SHOWN = (Phase.WAITING, Phase.STAGING, Phase.QUEUED, Phase.RUNNING, Phase.DONE, Phase.SKIPPED, Phase.FAILED, Phase.CANCELLED)
_ALWAYS = tuple(phase for phase in _SHOWN if phase not in (Phase.SKIPPED, Phase.CANCELLED))


def when(at: float) -> str:
    """A point in time (seconds since the epoch) on this machine's clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def runs_table(runs: Sequence[Summary]) -> str:
    """One line a run."""
    rows = [
        (
            run.header.run,
            run.header.name or "",
            run.state.value,
            PurePath(address(run.header.workflow)).name,
            when(run.header.created),
            duration(run.elapsed),
            f"{run.total(Phase.DONE, Phase.SKIPPED):,}",
            f"{run.total(Phase.FAILED):,}",
            f"{run.total():,}",
        )
        for run in runs
    ]
    return table(("RUN", "NAME", "STATE", "WORKFLOW", "STARTED", "ELAPSED", "DONE", "FAILED", "JOBS"), rows, numbers=(5, 6, 7, 8))


def status_text(run: Summary) -> str:
    """The run, and a line a step."""
    head = [
        f"{run.header.run}: {run.state.value}",
        f"  workflow  {one_line(address(run.header.workflow))}",
        f"  outputs   {one_line(run.header.outdir)}",
        f"  started   {when(run.header.created)}, {'took' if run.ended else 'so far'} {duration(run.elapsed)}",
    ]
    if run.owner is not None:
        head.append(f"  driver    {one_line(str(run.owner))}")
    phases = [phase for phase in _SHOWN if phase in _ALWAYS or run.total(phase)]
    rows = [_step(step, phases) for step in run.steps]
    heads = ("STEP", *(phase.value.upper() for phase in phases), "TOOK", "WHERE")
    return "\n".join([*head, "", table(heads, rows, numbers=range(1, len(phases) + 2))])


def _step(step: StepTally, phases: Sequence[Phase]) -> list[str]:
    counts = [f"{step[phase]:,}" if step[phase] else "-" for phase in phases]
    took = duration(step.last - step.first) if step.total else "-"
    return [step.path, *counts, took, ", ".join(step.places)]
