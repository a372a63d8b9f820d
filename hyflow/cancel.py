"""Cancels runs that nobody drives: ends what still runs at their sites, and writes that down. No file is removed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from hyflow.deployment import Site, reread
from hyflow.ending import SiteEnded, check_host, ended, enter_and_end
from hyflow.journal import Attempt, Journal, RunDir, has_begun, read_attempts, read_meta
from hyflow.model.events import Stopping

_WHY = "its hyflow was gone, and hyflow cancel ended what was left"


async def cancel(run: RunDir) -> list[SiteEnded]:
    """End what the run may still have at its sites; what was done, by site. Of a run of which nothing is open there is nothing to do.

    Raises HyflowError when nothing was done: another process drives the run, or its record or its deployment cannot be read.
    """
    if not has_begun(run) or not _open(run):
        return []
    check_host(run, "cancel")
    deployment = reread(read_meta(run.journal).deployment.decode())
    async with Journal.open(run) as journal:  # it holds the run's lock
        attempts = _open(run)
        sites = await _all_sites(run, [deployment.sites[name] for name in sorted({one.site for one in attempts})], attempts)
        reached = {site.site for site in sites if site.error is None}
        await journal.append([Stopping("cancel", time.time()), *ended(_WHY, [one for one in attempts if one.site in reached])])
        await journal.close(ended=len(reached) == len(sites))
    return sites


def _open(run: RunDir) -> list[Attempt]:
    return [one for one in read_attempts(run.journal) if one.is_open]


async def _all_sites(run: RunDir, sites: Sequence[Site], attempts: Sequence[Attempt]) -> list[SiteEnded]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_site(run, site, [one for one in attempts if one.site == site.name]), name=f"cancelling at {site.name}")
            for site in sites
        ]
    return [task.result() for task in tasks]


async def _site(run: RunDir, site: Site, attempts: Sequence[Attempt]) -> SiteEnded:
    done = SiteEnded(site.name)
    with done.failing():
        async with AsyncExitStack() as stack:
            await enter_and_end(run, site, attempts, done, stack)
    return done
