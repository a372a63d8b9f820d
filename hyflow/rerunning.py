"""Before parts of a run run again: what else has to, because its results are gone, and what of it is ended first because it still goes on.

Looks at the files of this machine alone; data at other sites is taken to be there.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from hyflow.deployment import Deployment
from hyflow.ending import SiteEnded, end_alone, ended, is_here
from hyflow.engine.lineage import Port, lost
from hyflow.engine.replay import downstream, every, standing
from hyflow.errors import SiteError
from hyflow.journal import Attempt, Journal, RunDir, read_events, read_milestones, read_open
from hyflow.model.events import Failed, Finished, Rerun, Reused
from hyflow.model.jobs import FailureClass, JobId
from hyflow.model.places import HERE, replica_of
from hyflow.model.values import Value, walk_data
from hyflow.model.workflow import Program
from hyflow.resuming import Known, Wish, rerun_of

_WHY = "it was ended because its step is to run again"


async def begin_again(
    run: RunDir, wish: Wish, known: Known, journal: Journal, tell: Callable[[str], None], *, elsewhere: bool
) -> None:
    """Write down what is to run again, if anything is; `tell` hears what runs again beside what was asked for. The journal holds the run's
    lock; `elsewhere`: the driver before this one was on another host. Raises UsageError where there is no such step, SiteError where
    something goes on that cannot be ended."""
    wished = rerun_of(known.program, wish)
    if wished is None:
        return
    rerun, gone = await asyncio.to_thread(_with_what_is_gone, run, known.program, wished)
    for step in gone:
        tell(f"{step} runs again too: its results are no longer there")
    attempts = [one for one in _open(run) if one.job.step in rerun.steps]
    await _end(run, known.deployment, attempts, elsewhere)
    await journal.append([*ended(_WHY, attempts), rerun])


def failed(run: RunDir) -> list[JobId]:
    """The jobs that have failed for good, as far as that still counts."""
    events = ((record.seq, record.event) for record in read_milestones(run.journal, Failed))
    return [
        event.job for event in standing(events, _reruns(run))
        if isinstance(event, Failed) and event.again is None and event.failure.kind is not FailureClass.CANCELLED
    ]  # fmt: skip


def _reruns(run: RunDir) -> list[tuple[int, Rerun]]:
    return [(record.seq, record.event) for record in read_milestones(run.journal, Rerun) if isinstance(record.event, Rerun)]


# -- what is gone -----------------------------------------------------------------------------------------------------


def _with_what_is_gone(run: RunDir, program: Program, rerun: Rerun) -> tuple[Rerun, tuple[str, ...]]:
    """What must run again so that everything can, and the steps whose results are gone."""
    again = {job.step for job in failed(run)} - {"/"} if rerun.failed else set()
    going_on = {path for step in again for path in downstream(program, step)}
    results = _Results(run)
    gone = lost(program, rerun.steps, going_on, results.gone)
    fresh = set(rerun.steps).union(*(downstream(program, step) for step in gone))
    return replace(rerun, steps=tuple(step for step in every(program) if step in fresh)), gone


class _Results:
    """The files and directories of this machine that jobs of the run have given, as far as they still count."""

    def __init__(self, run: RunDir) -> None:
        self._data: dict[Port, list[tuple[str, Value]]] = {}
        events = ((record.seq, record.event) for record in read_events(run.journal, kinds=(Finished, Reused)))
        for event in standing(events, _reruns(run)):
            if isinstance(event, Finished | Reused):
                for name, value in event.outputs.items():
                    self._data.setdefault((event.job.step, name), []).extend(_here(value))

    def gone(self, port: Port) -> bool:
        """Whether any of what the port gave is no longer there, or is a file of another size."""
        return any(_is_gone(path, data) for path, data in self._data.get(port, ()))


def _here(value: Value) -> Iterator[tuple[str, Value]]:
    for data in walk_data(value):
        replica = replica_of(str(data.get("location", "")))
        if replica is not None and replica.filesystem == HERE:
            yield f"/{replica.path}", data


def _is_gone(path: str, data: Value) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return True
    if data["class"] == "Directory":
        return not stat.S_ISDIR(found.st_mode)
    return stat.S_ISREG(found.st_mode) and found.st_size != data.get("size", found.st_size)


# -- what still goes on -----------------------------------------------------------------------------------------------


def _open(run: RunDir) -> list[Attempt]:
    return [
        Attempt(one.event.job, one.event.key, one.event.location.partition("/")[0], one.event.image is not None)
        for one in read_open(run.journal)
    ]  # fmt: skip


async def _end(run: RunDir, deployment: Deployment, attempts: Sequence[Attempt], elsewhere: bool) -> None:
    """End them where they are; what an earlier driver had begun `elsewhere`, on a machine of its own, is out of reach."""
    for name in sorted({one.site for one in attempts}):
        site = deployment.sites[name]
        if elsewhere and is_here(site):
            continue
        done = SiteEnded(name)
        with done.failing():
            async with AsyncExitStack() as stack:
                await end_alone(run, site, [one for one in attempts if one.site == name], done, stack)
        if done.error is not None:
            what = f"jobs of steps that are to run again may still go on at {name}, and cannot be ended: {done.error.what}"
            raise SiteError(what, transient=True, hint=f"try again when {name} can be reached; until then nothing is run again")
