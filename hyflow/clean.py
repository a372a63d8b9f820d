"""Gives up a run that nobody drives any more: ends what still runs at its sites, removes its containers and working files, forgets the
results that were kept of it for later runs.

What is known of a run stays: its journal, and what its jobs said. Nothing is touched that is not the run's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from hyflow import footprint
from hyflow.connector import Connector, Forget
from hyflow.deployment import Deployment, reread
from hyflow.deployment import Site as Named
from hyflow.ending import ENDING, SiteEnded, check_host, ended, enter_and_end, is_here
from hyflow.errors import JournalError
from hyflow.journal import Attempt, Journal, RunDir, has_begun, holder, read_attempts, read_meta
from hyflow.journal.lock import acquire, release
from hyflow.keeping import over
from hyflow.model.events import Event, Stopping
from hyflow.report.standing import RunState, Standing, standing
from hyflow.results import Results
from hyflow.staging import here
from hyflow.staging.tidy import tidy_own, wipe

_WHY = "its hyflow was gone, and hyflow clean ended what was left"
_HAD_ENDED = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


@dataclass(slots=True)
class SiteCleaned(SiteEnded):
    """What was done at one site; on top of what was ended, the bytes that were `freed`."""

    freed: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What is at a site that was not to be asked: `jobs` that may still run, and files."""

    site: str
    jobs: int


@dataclass(slots=True)
class Cleaned:
    """What was done with one run, by site, also where a site could not be cleaned; what was left as it is. `freed`: what a dry run thinks
    that it would free on this machine, bytes."""

    sites: list[SiteCleaned] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    freed: int = 0

    @property
    def whole(self) -> bool:
        """Whether no site has failed."""
        return not any(site.error for site in self.sites)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A run that may be cleaned: its attempts, the sites to enter, and those that were not to be asked."""

    run: RunDir
    stands: Standing
    deployment: Deployment
    attempts: Sequence[Attempt]
    sites: tuple[str, ...]
    left: tuple[Left, ...]

    def at(self, site: str) -> list[Attempt]:
        return [one for one in self.attempts if one.site == site]


def foreseen(run: RunDir, results: Results, *, remote: bool) -> Cleaned:
    """What `clean` would have to do, as far as that is known without asking the sites: `jobs` is how many may still run.

    Raises HyflowError when it would refuse, OSError when the disk does.
    """
    plan = _plan(run, remote=remote)
    if using := [user for user in results.users(run.id) if not over(run.path.parent.parent, user)]:
        raise _in_use(run, using)
    sites = [SiteCleaned(site, sum(one.is_open for one in plan.at(site))) for site in plan.sites]
    return Cleaned(sites, list(plan.left), footprint.size(footprint.working_files(run, plan.deployment, ())))


async def clean(run: RunDir, results: Results, *, remote: bool) -> Cleaned:
    """Give up one run. Sites other than this machine are entered only with `remote`.

    Raises HyflowError when nothing was done: another process drives the run, its record or its deployment cannot be read, a run that is
    not over uses its results, or jobs of it may run at a site that is not to be asked.
    """
    plan = _plan(run, remote=remote)
    if not has_begun(run):  # one that had not even begun is not kept
        found = await _all_sites(plan)
        if found.whole:
            await asyncio.to_thread(here.remove, str(run.path))
        return found
    home = run.path.parent.parent
    if using := results.withdraw(run.id, plan.sites, lambda user: over(home, user)):
        raise _in_use(run, using)
    before = plan.stands.session.ended if plan.stands.state in _HAD_ENDED else None
    cleaning = Stopping("clean", time.time(), before)
    await _announce(plan, cleaning)
    found = await _all_sites(plan)
    results.release(run.id)
    reached = {site.site for site in found.sites if site.error is None}
    await _append(run, cleaning, ended(_WHY, [one for one in plan.attempts if one.site in reached]), over=found.whole)
    return found


def _plan(run: RunDir, *, remote: bool) -> _Plan:
    """Raises HyflowError where the run cannot be cleaned."""
    if (owner := holder(run.lock)) is not None:
        raise JournalError(f"run {run.id} is driven by {owner}", hint=f"hyflow attach {run.id} shows it; hyflow cancel {run.id} ends it")
    stands = standing(run)
    check_host(run, "clean")
    deployment, attempts = reread(read_meta(run.journal).deployment.decode()), read_attempts(run.journal)
    names = _sites(run, attempts)
    apart = [] if remote else [name for name in names if not is_here(deployment.sites[name])]
    open_ = [Left(name, sum(one.is_open for one in attempts if one.site == name)) for name in apart]
    left = tuple(one for one in open_ if one.jobs or run.state(one.site).is_dir())
    if running := [one for one in left if one.jobs]:
        raise JournalError(f"run {run.id} is not given up: {'; '.join(map(told, running))}", hint=f"hyflow clean --remote {run.id}")
    return _Plan(run, stands, deployment, attempts, tuple(name for name in names if name not in apart), left)


def told(left: Left) -> str:
    """What is at a site that was not asked, in words."""
    if not left.jobs:
        return f"what it has left at {left.site} is still there: add --remote"
    jobs = "1 job" if left.jobs == 1 else f"{left.jobs:,} jobs"
    return f"{jobs} may still run at {left.site}, and its files are there: add --remote"


def _in_use(run: RunDir, users: Sequence[str]) -> JournalError:
    names = ", ".join(users[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
    hint = f"clean it when that is done, or give that up first: hyflow clean {users[0]}"
    return JournalError(f"results of run {run.id} are used by a run that is not over: {names}", hint=hint)


def _sites(run: RunDir, attempts: Collection[Attempt]) -> list[str]:
    """The sites that the run has entered, by name."""
    states = run.state("").iterdir() if run.state("").is_dir() else ()
    return sorted({path.name for path in states} | {attempt.site for attempt in attempts})


# -- the sites --------------------------------------------------------------------------------------------------------


async def _all_sites(plan: _Plan) -> Cleaned:
    """Under the run's lock."""
    run = plan.run
    lock = acquire(run.lock, run.id)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_site(run, plan.deployment.sites[name], plan.at(name)), name=f"cleaning {name}") for name in plan.sites
            ]
        await asyncio.to_thread(tidy_own, run.path)
    finally:
        release(lock)
    return Cleaned([task.result() for task in tasks], list(plan.left))


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
        if not is_here(site):  # there is nothing there any more that could be found again
            await asyncio.to_thread(here.remove, str(run.state(site.name)))
    return done


async def _forget(connector: Connector, attempts: Sequence[Attempt]) -> None:
    """Let the site drop what it keeps of them."""
    if (power := connector.power(Forget)) is not None:
        await power.forget(list((await connector.find([one.key for one in attempts])).values()))


# -- the record -------------------------------------------------------------------------------------------------------


async def _announce(plan: _Plan, cleaning: Stopping) -> None:
    """Nobody goes on with the run from now on: what it worked with may be gone. A disk that is too full to say so is what cleaning helps
    against, and so no reason not to clean."""
    try:
        await _append(plan.run, cleaning, (), over=False)
    except JournalError:
        if holder(plan.run.lock) is not None:
            raise


async def _append(run: RunDir, cleaning: Stopping, events: Sequence[Event], *, over: bool) -> None:
    """`over`: no more is to be done about the run."""
    async with Journal.open(run) as journal:
        await journal.append([*([] if standing(run).cleaned else [cleaning]), *events])
        await journal.close(ended=over)
