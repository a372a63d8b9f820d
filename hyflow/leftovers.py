"""What lies about in a HYFLOW_HOME: runs by what may be done about them, files that are nobody's any more, results beyond their bound.

A run that could be resumed is never touched here.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hyflow import footprint, keeping
from hyflow.connector import Connector
from hyflow.deployment import reread
from hyflow.ending import is_here
from hyflow.entering import enter
from hyflow.errors import HyflowError
from hyflow.journal import Journal, RunDir, Unmade, has_begun, list_runs, read_meta, read_record, read_session
from hyflow.journal.lock import acquire, release
from hyflow.report.standing import UNDER_WAY, RunState, Standing, standing
from hyflow.results import Results, Size, bound


@dataclass(slots=True)
class Survey:
    """Runs that nobody drives, oldest first: those that are `done`; those of which nobody wants anything any more, though their cleaning is
    not at its end (`given_up`); those that were `interrupted`, or of which something may go on. `unreadable`: why one cannot be judged."""

    done: list[RunDir] = field(default_factory=list)
    given_up: list[RunDir] = field(default_factory=list)
    interrupted: list[tuple[RunDir, Standing]] = field(default_factory=list)
    unreadable: list[HyflowError] = field(default_factory=list)


def survey(home: Path) -> Survey:
    """Look at all runs. Raises JournalError when they cannot be listed."""
    found = Survey()
    for run in list_runs(home):
        try:
            _judge(run, found)
        except Unmade:
            continue  # it never began, or begins just now
        except HyflowError as error:
            found.unreadable.append(error)
    return found


def _judge(run: RunDir, found: Survey) -> None:
    stands = standing(run)
    if stands.owner is not None or stands.state is RunState.ELSEWHERE:
        return
    unended = read_session(run.journal).ended is None
    if stands.state is RunState.DONE and not (stands.cleaned and unended):
        found.done.append(run)
    elif unended and (stands.cleaned or not has_begun(run)):
        found.given_up.append(run)
    elif stands.state is RunState.INTERRUPTED or (stands.left and not stands.cleaned):
        found.interrupted.append((run, stands))


def older(home: Path, age: float) -> list[RunDir]:
    """The runs that nobody drives and of which nothing was heard for so many seconds, oldest first, but for those that were cleaned."""
    return [run for run in list_runs(home) if _is_left(run) and is_older(run, age)]


def _is_left(run: RunDir) -> bool:
    try:
        stands = standing(run)
        return stands.state not in UNDER_WAY and not (stands.cleaned and read_session(run.journal).ended is not None)
    except Unmade:
        return False
    except HyflowError:
        return True  # cleaning it says why that cannot be


def is_older(run: RunDir, age: float) -> bool:
    """Whether nothing was heard of the run for so many seconds."""
    try:
        record = read_record(run.journal)
        return time.time() - (record.at if record else read_session(run.journal).owner.since) > age
    except HyflowError:
        return True


async def tidy(run: RunDir, results: Results, *, dry: bool) -> int:
    """Remove what a run that is done has left on this machine, but for its record, its logs and what is kept of it for later runs; the
    bytes that this frees. Raises HyflowError, and OSError where the disk refuses."""
    keep = {posixpath.basename(each) for each in results.directories(run.id)}
    deployment = reread(read_meta(run.journal).deployment.decode())
    paths = footprint.working_files(run, deployment, keep)
    if dry:
        return footprint.size(paths)
    freed = 0
    if paths:
        lock = acquire(run.lock, run.id)
        try:
            freed = await asyncio.to_thread(footprint.remove, paths)
        finally:
            release(lock)
    if read_session(run.journal).ended is None:  # its hyflow was killed while it tidied up
        results.release(run.id)
        async with Journal.open(run):
            pass
    return freed


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for later runs, of at most `most` bytes; what of it went, or would go; how many results should have gone, but are at
    other sites (`left`), for all that is known because of the `error`."""

    size: Size
    most: int
    gone: Size
    left: int = 0
    error: HyflowError | None = None


async def bounded(home: Path, results: Results, *, remote: bool, dry: bool) -> Kept:
    """Remove what is kept beyond its bound: on this machine, and with `remote` at other sites."""
    most, before = bound(os.environ), results.size()
    if dry:
        return Kept(before, most, results.excess(most, lambda run: keeping.over(home, run)))
    error: HyflowError | None = None
    try:
        await keeping.prune(results, home, {}, most)
        if remote:
            async with _sites_of(home, results, most) as sites:
                await keeping.prune(results, home, sites, most)
    except HyflowError as caught:
        error = caught
    after, left = results.size(), results.oldest_unused(most, lambda run: keeping.over(home, run))
    return Kept(after, most, Size(before.results - after.results, before.bytes - after.bytes), len(left), error)


@asynccontextmanager
async def _sites_of(home: Path, results: Results, most: int) -> AsyncIterator[Mapping[str, Connector]]:
    """The other sites at which results lie that are to go, each as the latest run knows it that has one there."""
    wanted: dict[str, RunDir] = {}
    for result in results.oldest_unused(most, lambda run: keeping.over(home, run)):
        run = RunDir(home / "runs" / result.run)
        if run.journal.exists():
            wanted[result.site] = max(run, wanted.get(result.site, run), key=lambda one: one.id)
    async with AsyncExitStack() as stack:
        found: dict[str, Connector] = {}
        for name, run in wanted.items():
            site = reread(read_meta(run.journal).deployment.decode()).sites[name]
            if not is_here(site):
                found[name] = await enter(site, run.id, run.state(name), stack)
        yield found
