"""Cleans up after runs that nobody drives any more: ends what still runs at their sites, removes their containers and working files.

What is known of a run stays: its journal, and what its jobs said. Nothing is touched that is not the run's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hyflow.connector import Connector, Forget
from hyflow.deployment import Deployment, reread
from hyflow.deployment import Site as Named
from hyflow.ending import ENDING, SiteEnded, check_host, ends, enter_and_end
from hyflow.errors import JournalError
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
from hyflow.model.events import Delivered
from hyflow.staging import here
from hyflow.staging.tidy import wipe

_WHY = "its hyflow had died, and hyflow clean ended what was left"


@dataclass(slots=True)
class SiteCleaned(SiteEnded):
    """What was done at one site; on top of what was ended, the bytes that were `freed`."""

    freed: int = 0


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
    check_host(run, "clean")
    attempts = read_attempts(run.journal)
    return [SiteCleaned(site, sum(one.is_open for one in attempts if one.site == site)) for site in _sites(run, attempts)]


async def clean(run: RunDir) -> list[SiteCleaned]:
    """Clean up after one run; what was done, by site, also where a site could not be cleaned.

    Raises HyflowError when nothing was done: another process drives the run, or its record or its deployment cannot be read.
    """
    session = read_session(run.journal)
    check_host(run, "clean")
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


def _sites(run: RunDir, attempts: Collection[Attempt]) -> list[str]:
    """The sites that the run has entered, by name."""
    states = run.state("").iterdir() if run.state("").is_dir() else ()
    return sorted({path.name for path in states} | {attempt.site for attempt in attempts})


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
    with done.failing():
        async with AsyncExitStack() as stack:
            connector = await enter_and_end(run, site, attempts, done, stack)
            for place in await connector.locations():
                done.freed += await wipe(connector, place, run.id)
            async with asyncio.timeout(ENDING):
                await _forget(connector, attempts)
    return done


async def _forget(connector: Connector, attempts: Sequence[Attempt]) -> None:
    """Let the site drop what it keeps of them."""
    if (power := connector.power(Forget)) is not None:
        await power.forget(list((await connector.find([one.key for one in attempts])).values()))


async def _record(run: RunDir, attempts: Sequence[Attempt]) -> None:
    """A run that was killed has an end from now on. One that had not even begun is not kept."""
    if not has_begun(run):
        await asyncio.to_thread(here.remove, str(run.path))
        return
    delivered = bool(read_milestones(run.journal, Delivered))
    async with Journal.open(run) as journal:
        if not delivered:
            await journal.append(ends("clean", _WHY, attempts))
