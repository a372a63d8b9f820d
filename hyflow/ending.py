"""Ending what a run has at its sites when nobody drives it any more: what cleaning up after runs,
cancelling them and running parts of them again have in common."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from hyflow.connector import Connector, Done, Stay, Ticket
from hyflow.containers.probing import ORDER
from hyflow.deployment import Site
from hyflow.engine.contained import find, remove_containers
from hyflow.entering import enter
from hyflow.errors import HyflowError, SiteError
from hyflow.journal import Attempt, RunDir, read_session
from hyflow.model.containers import ContainerSettings
from hyflow.model.events import Event, Failed
from hyflow.model.jobs import Failure, FailureClass

ENDING = 90.0
"""Seconds that a site may take to end jobs."""
_LOOKING = 10.0
"""Seconds that it may take to say how they had ended."""


@dataclass(slots=True)
class SiteEnded:
    """What was ended at one site: how many `jobs` that had no end, the names of `containers` that were removed. `error`: why there may be
    something left."""

    site: str
    jobs: int = 0
    containers: list[str] = field(default_factory=list)
    error: HyflowError | None = None

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """What the site cannot do is no reason to give up the others."""
        try:
            yield
        except HyflowError as error:
            self.error = error
        except OSError as error:  # a TimeoutError is one
            self.error = SiteError(error.strerror or "the site gives no answer", transient=True)


def check_host(run: RunDir, verb: str) -> None:
    """Jobs of this machine can be ended from this machine alone. Raises SiteError, with where to type what."""
    host = read_session(run.journal).owner.host
    if host not in ("", socket.gethostname()):
        what = f"run {run.id} was driven on {host}: what it left there can be ended from there alone"
        raise SiteError(what, transient=False, hint=f"type hyflow {verb} {run.id} on {host}")


def is_here(site: Site) -> bool:
    """Whether the site is this machine, as its plug-in says."""
    return bool(getattr(site.plugin, "here", False))


async def enter_and_end(run: RunDir, site: Site, attempts: Sequence[Attempt], done: SiteEnded, stack: AsyncExitStack) -> Connector:
    """End those of these attempts that may still run, and all containers of the run; the site, which is left with the stack. Raises
    SiteError and OSError; `done` tells how far it came."""
    connector = await _entered(run, site, attempts, done, stack)
    if any(attempt.contained for attempt in attempts):
        done.containers += await _containers(site.name, connector, site.container, run.id)
    return connector


async def end_alone(run: RunDir, site: Site, attempts: Sequence[Attempt], done: SiteEnded, stack: AsyncExitStack) -> None:
    """End these attempts; whatever else the run has at the site goes on. Raises as `enter_and_end` does."""
    connector = await _entered(run, site, attempts, done, stack)
    if (power := connector.power(Stay)) is not None:
        power.stay()


def ended(why: str, attempts: Collection[Attempt]) -> list[Event]:
    """What the journal has to know when the open ones of these attempts were ended."""
    now, failure = time.time(), Failure(FailureClass.CANCELLED, why)
    return [Failed(one.job, one.key, failure, now) for one in attempts if one.is_open]


async def _entered(run: RunDir, site: Site, attempts: Sequence[Attempt], done: SiteEnded, stack: AsyncExitStack) -> Connector:
    connector = await enter(site, run.id, run.state(site.name), stack)
    async with asyncio.timeout(ENDING):
        done.jobs = await _end(connector, attempts)
    return connector


async def _end(connector: Connector, attempts: Sequence[Attempt]) -> int:
    """End all attempts that may still run; how many had not come to an end."""
    began = time.time()
    doubtful = list((await connector.find([one.key for one in attempts if not one.finished])).values())
    await connector.cancel(doubtful)
    return await _unfinished(connector, doubtful, began)


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
