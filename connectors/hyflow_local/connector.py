"""The connector of this machine: hands tasks to the supervisor and tells what becomes of them. Itself it spawns attached commands alone."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, TypeVar

from hyflow import plain
from hyflow.connector import Argv, Done, Lost, Pipe, Refused, Running, SiteContext, Status, Stay, Ticket
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import HERE, Location
from hyflow.model.tasks import Task
from hyflow_local.capacity import capacity
from hyflow_local.finding import attach
from hyflow_local.link import Link, Message
from hyflow_local.patience import Patience
from hyflow_local.pipe import attached
from hyflow_local.supervisor.main import NO_ROOM

if TYPE_CHECKING:
    from hyflow_local import LocalSettings

AHEAD = 64
"""Attempts that the supervisor holds ready beyond what fits: enough that it never waits for hyflow between two short jobs."""
P = TypeVar("P")
log = logging.getLogger(__name__)
LEAVING = 60.0
"""Seconds for which the supervisor may say nothing while it ends its jobs, and their containers, when the connector is left."""
REVIVALS = 5
"""How often a supervisor that died is replaced before the site is given up."""


class _Watch:
    """What one watcher has not heard yet."""

    def __init__(self) -> None:
        self.news: deque[tuple[Key, Status]] = deque()
        self.woken = asyncio.Event()
        self.broken: SiteError | None = None

    def tell(self, key: Key, status: Status) -> None:
        self.news.append((key, status))
        self.woken.set()

    async def wait(self) -> None:
        if not self.news and self.broken is None:
            await self.woken.wait()
        self.woken.clear()
        if self.broken is not None:
            raise self.broken


class LocalConnector:
    """A ticket is the attempt's key. What ended is kept here until it was watched once, and by the supervisor's record for ever.

    `stay` is the power of that name. A task is kept until its end: a supervisor that died may not have read it.
    """

    def __init__(self, settings: LocalSettings, context: SiteContext) -> None:
        self._context = context
        self._room = room = capacity(settings.cores, settings.memory, settings.gpus)
        workdir = os.path.expanduser(settings.workdir) if settings.workdir else context.state / "work"
        self._location = Location(context.site, "", HERE, os.path.realpath(workdir), {HERE: "/"}, room, room, AHEAD, fleeting=True)
        self._live: dict[Key, Running | None] = {}
        self._lines: dict[Key, bytes] = {}
        self._unheard: dict[Key, Done | Lost] = {}
        self._watches: dict[Key, list[_Watch]] = {}
        self._requests: dict[int, tuple[bytes, asyncio.Future[tuple[str, ...]]]] = {}
        self._number = 0
        self._revivals = 0
        self._full = self._quiet = self._stays = False
        self._link: Link | None = None
        self._group = asyncio.TaskGroup()
        self._guard: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LocalConnector:
        try:
            os.makedirs(self._location.workdir, 0o700, exist_ok=True)
        except OSError as error:
            what = f"the work directory {self._location.workdir} cannot be made: {error.strerror}"
            raise SiteError(what, transient=False, where=self._context.site,
                            hint="set `workdir` to a directory that you may write to") from error
        self._check_owner()
        self._link = await attach(self._context.state, self._location.workdir, self._room, self._hear)
        await self._group.__aenter__()
        self._guard = self._group.create_task(self._keep_alive(), name="supervisor of local jobs")
        return self

    def _check_owner(self) -> None:
        """Whoever may rename things in the work directory could put others in the place of a job's."""
        found = os.stat(self._location.workdir)
        shared = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
        if found.st_uid not in (os.getuid(), 0) or shared:
            raise SiteError(f"the work directory {self._location.workdir} can be changed by other users", transient=False,
                            where=self._context.site, hint="set `workdir` to a directory of your own")

    async def __aexit__(self, *exc: object) -> None:
        if self._guard:
            self._guard.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            await self._leave()

    def stay(self) -> None:
        self._stays = True

    async def _leave(self) -> None:
        """Let the supervisor go on, or end it with all that it runs: also when it has died, or cannot be made to listen."""
        link = self._link
        if link is not None and self._stays:
            await _let_go(link)
        elif link is not None and not await self._end(link):
            self._lines.clear()  # whoever comes after it has to end things, and nothing to begin
            self._live.clear()
            after = await self._revive()
            if after is not None:
                await self._end(after)

    async def _end(self, link: Link) -> bool:
        """End the supervisor. False: it died, or does not listen, and what it ran may still be there."""
        link.send(b'{"end":true}\n')
        try:
            if not await self._until_closed(link):
                log.warning("the supervisor of local jobs does not end", extra={"pid": link.pid})
                if link.pid:
                    with suppress(ProcessLookupError):
                        os.kill(link.pid, signal.SIGKILL)
            return link.parted
        finally:
            link.close()
            await _reap(link)

    async def _until_closed(self, link: Link) -> bool:
        """Wait for the supervisor's end for as long as it says, now and then, that something has ended; whether it has."""
        while not link.closed.is_set():
            self._quiet = True
            if not await Patience(LEAVING).until(link.closed) and self._quiet:
                return False
        return True

    async def locations(self) -> Sequence[Location]:
        return (self._location,)

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return attached(argv, self._location.workdir)

    async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        link = self._connected()
        fresh = [task for task in tasks if task.key not in self._live and task.key not in self._unheard]
        self._live.update((task.key, None) for task in fresh)
        self._lines.update((task.key, plain.dumps(task) + b"\n") for task in fresh)
        link.send(b"".join([self._lines[task.key] for task in fresh]))
        await link.room()
        for task in tasks:
            yield task.key, Ticket(task.key)

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        return {Key(key): Ticket(key) for key in await self._ask("find", keys)}

    async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        watch, left = _Watch(), set(map(Key, tickets))
        self._register(watch, left)
        try:
            while left:
                await watch.wait()
                while watch.news:
                    key, status = watch.news.popleft()
                    if isinstance(status, Done | Lost):
                        left.discard(key)
                    yield Ticket(key), status
        finally:
            self._unregister(watch, left)

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        try:
            await self._ask("cancel", tickets)
        except SiteError:
            if not self._full:  # else the supervisor has ended them all
                raise

    def power(self, kind: type[P]) -> P | None:
        return self if kind is Stay else None  # type: ignore[return-value]  # P is Stay here, which this class is

    def _register(self, watch: _Watch, keys: Iterable[Key]) -> None:
        """Tell what is known already; what is not known here is asked of the supervisor."""
        ask = []
        for key in keys:
            ended = self._unheard.pop(key, None)
            if ended is not None:
                watch.tell(key, ended)
                continue
            self._watches.setdefault(key, []).append(watch)
            if key not in self._live:
                self._live[key] = None
                ask.append(key)
            elif (running := self._live[key]) is not None:
                watch.tell(key, running)
        if ask:
            self._connected().send(plain.dumps({"watch": ask}) + b"\n")

    def _unregister(self, watch: _Watch, keys: Iterable[Key]) -> None:
        for key in keys:
            watches = self._watches.get(key, [])
            if watch in watches:
                watches.remove(watch)
            if not watches:
                self._watches.pop(key, None)

    def _connected(self) -> Link:
        if self._link is None and self._full:
            raise SiteError("the disk is full, or fails: nothing more could be recorded, so the jobs of this machine were ended",
                            transient=False, where=str(self._context.state), hint="make room there")
        if self._link is None:
            raise SiteError("the supervisor of local jobs died again and again", transient=False, where=self._context.site,
                            hint=f"its last words are in {self._context.state / 'supervisor.log'}")
        return self._link

    async def _ask(self, what: str, keys: Collection[str]) -> tuple[str, ...]:
        if not keys:
            return ()
        self._number += 1
        number = self._number
        line = plain.dumps({"id": number, what: list(keys)}) + b"\n"
        answer: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._requests[number] = line, answer
        try:
            self._connected().send(line)
            return await answer
        finally:
            del self._requests[number]

    def _hear(self, message: Message) -> None:
        key, self._quiet = Key(message.key), False
        if message.id:
            request = self._requests.get(message.id)
            if request is not None and not request[1].done():
                request[1].set_result(message.keys)
        elif message.running is not None:
            if key in self._live and self._live[key] is None:
                self._live[key] = message.running
                for watch in self._watches.get(key, ()):
                    watch.tell(key, message.running)
        elif message.outcome is not None and message.manifest is not None:
            self._ended(key, Done(message.outcome, message.manifest))
        elif message.lost is not None:
            self._ended(key, Lost(message.lost))

    def _ended(self, key: Key, status: Done | Lost) -> None:
        self._live.pop(key, None)
        self._lines.pop(key, None)
        watches = self._watches.pop(key, None)
        if watches is None:
            self._unheard[key] = status
            return
        for watch in watches:
            watch.tell(key, status)

    async def _keep_alive(self) -> None:
        """Replace a supervisor that died; the new one finds and ends what the old one left, and tells what was lost."""
        while self._link is not None:
            link = self._link
            await link.closed.wait()
            self._full = await _reap(link) == NO_ROOM
            if self._full:
                self._link = None
                break
            self._revivals += 1
            log.warning("the supervisor of local jobs died", extra={"times": self._revivals})
            self._link = None if self._revivals > REVIVALS else await self._revive()
        self._give_up()

    async def _revive(self) -> Link | None:
        try:
            link = await attach(self._context.state, self._location.workdir, self._room, self._hear)
        except SiteError as error:
            log.warning("no new supervisor of local jobs", extra={"reason": str(error)})
            return None
        link.send(b"".join(self._lines.values()))  # of those that were claimed, it tells what has become
        link.send(plain.dumps({"watch": [key for key in self._live if key not in self._lines]}) + b"\n")
        for line, _ in self._requests.values():
            link.send(line)
        return link

    def _give_up(self) -> None:
        try:
            self._connected()
        except SiteError as error:
            for _, answer in self._requests.values():
                if not answer.done():
                    answer.set_exception(error)
            for watch in {watch for watches in self._watches.values() for watch in watches}:
                watch.broken = error
                watch.woken.set()


async def _let_go(link: Link) -> None:
    """Leave as soon as the supervisor has all that was sent."""
    if not await Patience(LEAVING).until(link.flushed()):
        log.warning("the supervisor of local jobs does not listen: it has not heard of the last of them", extra={"pid": link.pid})
    link.close()


async def _reap(link: Link) -> int | None:
    """Take leave of the supervisor's process, where it is our child; its exit status."""
    status = None
    if link.child:
        with suppress(ChildProcessError):
            _, status = await asyncio.to_thread(os.waitpid, link.child, 0)
        link.child = 0
    return None if status is None else os.waitstatus_to_exitcode(status)
