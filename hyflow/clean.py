"""Cleans up after runs that nobody drives any more: ends what still runs at their sites, removes their containers and working files.

What is known of a run stays: its journal, and what its jobs said. Nothing is touched that is not the run's own.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyflow.connector import Connector, Done, Forget, Ticket
from hyflow.containers.probing import ORDER
from hyflow.deployment import Deployment, reread
from hyflow.deployment import Site as Named
from hyflow.engine.contained import find, remove_containers
from hyflow.entering import enter
from hyflow.errors import HyflowError, JournalError, SiteError
from hyflow.journal import (
    Attempt,
    Journal,
    RunDir,
    Unmade,
    has_begun,
    holder,
    list_runs,
    read_attempts,
    read_meta,
    read_milestones,
    read_session,
)
from hyflow.journal.lock import acquire, release
from hyflow.model.containers import ContainerSettings
from hyflow.model.events import Delivered, Event, Failed, Stopping
from hyflow.model.jobs import Failure, FailureClass
from hyflow.staging import here
from hyflow.staging.tidy import wipe

_ENDING = 90.0
"""Seconds that a site may take to end jobs."""
_LOOKING = 10.0
"""Seconds that it may take to say how they had ended."""
_WHY = "its hyflow had died, and hyflow clean ended what was left"


@dataclass(slots=True)
class SiteCleaned:
    """What was done at one site: how many `jobs` that had no end were ended, the names of `containers` that were removed, the bytes that
    were `freed`. `error`: why there may be something left."""

    site: str
    jobs: int = 0
    containers: list[str] = field(default_factory=list)
    freed: int = 0
    error: HyflowError | None = None


def killed(home: Path) -> list[RunDir]:
    """The runs whose hyflow is gone without having ended them, oldest first. Raises JournalError when the runs cannot be listed."""
    return [run for run in list_runs(home) if holder(run.lock) is None and _was_killed(run)]


def _was_killed(run: RunDir) -> bool:
    try:
        return read_session(run.journal).ended is None
    except Unmade:
        return False  # it never began, or begins just now
    except JournalError:
        return True  # cleaning it says why that cannot be


def unended(run: RunDir) -> list[SiteCleaned]:
    """What `clean` would have to do, as far as that is known without asking the sites: `jobs` is how many may still run.

    Raises HyflowError when it would refuse.
    """
    if (owner := holder(run.lock)) is not None:
        raise JournalError(f"run {run.id} is driven by {owner}", hint=f"hyflow status {run.id} shows how far it is")
    _check_host(run)
    attempts = read_attempts(run.journal)
    return [SiteCleaned(site, sum(_is_open(one) for one in attempts if one.site == site)) for site in _sites(run, attempts)]


async def clean(run: RunDir) -> list[SiteCleaned]:
    """Clean up after one run; what was done, by site, also where a site could not be cleaned.

    Raises HyflowError when nothing was done: another process drives the run, or its record or its deployment cannot be read.
    """
    session = read_session(run.journal)
    _check_host(run)
    lock = acquire(run.lock, run.id)
    try:
        deployment, attempts = reread(read_meta(run.journal).deployment.decode()), read_attempts(run.journal)
        sites = await _all_sites(run, deployment, attempts)
        await asyncio.to_thread(here.remove, str(run.path / "data"))
    finally:
        release(lock)
    if session.ended is None and not any(site.error for site in sites):
        await _record(run, attempts)
    return sites


def _check_host(run: RunDir) -> None:
    """Jobs of this machine can be ended from this machine alone."""
    host = read_session(run.journal).owner.host
    if host not in ("", socket.gethostname()):
        what = f"run {run.id} was driven on {host}: what it left there can be ended from there alone"
        raise SiteError(what, transient=False, hint=f"type hyflow clean {run.id} on {host}")


def _sites(run: RunDir, attempts: Collection[Attempt]) -> list[str]:
    """The sites that the run has entered, by name."""
    states = run.state("").iterdir() if run.state("").is_dir() else ()
    return sorted({path.name for path in states} | {attempt.site for attempt in attempts})


def _is_open(attempt: Attempt) -> bool:
    return not attempt.finished and not attempt.failed


async def _all_sites(run: RunDir, deployment: Deployment, attempts: Sequence[Attempt]) -> list[SiteCleaned]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_site(run, deployment.sites[name], [one for one in attempts if one.site == name]), name=f"cleaning {name}")
            for name in _sites(run, attempts)
        ]
    return [task.result() for task in tasks]


async def _site(run: RunDir, site: Named, attempts: Sequence[Attempt]) -> SiteCleaned:
    """One step after the other: files go when nothing uses them any more."""
    done = SiteCleaned(site.name)
    try:
        async with AsyncExitStack() as stack:
            connector = await enter(site, run.id, run.state(site.name), stack)
            async with asyncio.timeout(_ENDING):
                done.jobs = await _end(connector, attempts)
            if any(attempt.contained for attempt in attempts):
                done.containers += await _containers(site.name, connector, site.container, run.id)
            for place in await connector.locations():
                done.freed += await wipe(connector, place, run.id)
            async with asyncio.timeout(_ENDING):
                await _forget(connector, attempts)
    except HyflowError as error:
        done.error = error
    except OSError as error:  # a TimeoutError is one
        done.error = SiteError(error.strerror or "the site gives no answer", transient=True)
    return done


async def _end(connector: Connector, attempts: Sequence[Attempt]) -> int:
    """End all attempts that may still run; how many had not come to an end."""
    began = time.time()
    doubtful = list((await connector.find([one.key for one in attempts if not one.finished])).values())
    await connector.cancel(doubtful)
    return await _unfinished(connector, doubtful, began)


async def _forget(connector: Connector, attempts: Sequence[Attempt]) -> None:
    """Let the site drop what it keeps of them."""
    if (power := connector.power(Forget)) is not None:
        await power.forget(list((await connector.find([one.key for one in attempts])).values()))


async def _unfinished(connector: Connector, tickets: Sequence[Ticket], since: float) -> int:
    """How many of the attempts, all of which are over, had no result before this time."""
    count = len(tickets)
    try:
        async with asyncio.timeout(_LOOKING):
            async for _, status in connector.watch(tickets):
                count -= isinstance(status, Done) and status.outcome.ended < since
    except TimeoutError:
        pass  # they are over all the same
    return count


async def _containers(site: str, connector: Connector, settings: ContainerSettings, run: str) -> list[str]:
    """Remove the run's containers, of every engine that may have been used. Raises SiteError when none answers."""
    names: list[str] = []
    silent: list[SiteError] = []
    kinds = [kind for kind in ORDER if settings.runtime in ("auto", kind)]
    for kind in kinds:
        try:
            engine = await find(site, connector, replace(settings, runtime=kind))
        except SiteError as error:
            silent.append(error)
            continue
        names += await remove_containers(connector, engine, run)
    if len(silent) == len(kinds):
        raise SiteError("; ".join(error.what for error in silent), transient=True, hint=silent[0].hint)
    return names


async def _record(run: RunDir, attempts: Sequence[Attempt]) -> None:
    """A run that was killed has an end from now on. One that had not even begun is not kept."""
    if not has_begun(run):
        await asyncio.to_thread(here.remove, str(run.path))
        return
    delivered, now = bool(read_milestones(run.journal, Delivered)), time.time()
    async with Journal.open(run) as journal:
        if not delivered:
            failure = Failure(FailureClass.CANCELLED, _WHY)
            ends: list[Event] = [Failed(one.job, one.key, failure, now) for one in attempts if _is_open(one)]
            await journal.append([Stopping("clean", now), *ends])
