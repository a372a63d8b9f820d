"""A connector for a machine that has a shell. Knows bundles and marks; not how the machine is reached."""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import TypeAlias

from hyflow.connector import Argv, Done, Examine, Finding, Forget, Logs, Lost, P, Pipe, Queued, Reach, Refused, SiteContext, Status, Ticket
from hyflow.errors import SiteError, Unreachable
from hyflow.model.jobs import Key
from hyflow.model.places import HERE, Location
from hyflow.model.quantities import parse_size
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow.plain import dumps, loads
from hyflow.shell import logs, markers
from hyflow.shell.bundle import STARTER_NAME, Member, Unbundled, bundle, pack
from hyflow.shell.examine import examine
from hyflow.shell.measuring import measure
from hyflow.shell.probe import Machine, probe
from hyflow.shell.reach import Lines, Tells
from hyflow.shell.sameness import same
from hyflow.shell.settings import ShellSettings, check
from hyflow.shell.trips import script, trip
from hyflow.shell.watching import Watcher

SUBMIT = script("family.sh", "detached.sh", "process.sh", "rouse.sh", "arrive.sh", "submit.sh")
STREAM = 16 << 20
PATIENCE = 10.0
AHEAD, AHEAD_CORES = 64, 4
"""So many attempts beyond what fits wait at the site, or so many for each core: what begins when there is room needs no round trip."""

_Sent: TypeAlias = tuple[Task, list[Member], "asyncio.Future[Ticket | Refused]"]
"""A task on its way, its bundle, and what came of it."""


class ShellSite:
    """`hyflow.connector.Connector` for a machine at the end of `reach`; `files`: the way to another one that sees the same workdir, which
    files go if it is there. `node`: the name of its location, where several machines that see the same workdir are one site. Leaving lets
    running attempts go on."""

    def __init__(
        self, reach: Reach, settings: ShellSettings, context: SiteContext, files: Reach | None = None, node: str = ""
    ) -> None:
        self._host, self._files, self._node = Lines(reach), files, node
        self._settings, self._site, self._run = settings, context.site, context.run
        self._group = asyncio.TaskGroup()
        self._background: list[asyncio.Task[None]] = []
        self._waiting: list[_Sent] = []
        self._ready = asyncio.Event()
        self._claimed: dict[Key, float] = {}
        self._watcher = Watcher(self._look, settings.poll)
        self._machine: Machine | None = None
        self._entered = AsyncExitStack()

    async def __aenter__(self) -> ShellSite:
        check(self._settings, self._site)
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(self._host.reach)
            self._machine = await probe(self._host, self._settings.workdir, self._node)
            if self._files is not None:
                await entered.enter_async_context(self._files)
                await same(self._host, Lines(self._files), self._machine.workdir, self._node)
            await self._group.__aenter__()
            self._entered = entered.pop_all()
        for work, name in ((self._watcher.run(), "looks at jobs"), (self._send(), "submits jobs")):
            self._background.append(self._group.create_task(work, name=f"{self._site}: {name}"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._background:
            task.cancel()
        async with self._entered:
            await self._group.__aexit__(None, None, None)

    async def locations(self) -> Sequence[Location]:
        own = f"{self._site}-shell" if self._site == HERE else self._site  # HERE would say that it shares this machine's files
        name = self._settings.filesystem or own
        room = self._capacity
        ahead = round(max(AHEAD, AHEAD_CORES * room.cores))
        apart = self._files is not None or self._node != ""
        there = self.there.workdir
        return (Location(self._site, self._node, name, there, {name: "/"}, capacity=room, largest=room, ahead=ahead, apart=apart),)

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return (self._host if self._files is None else Lines(self._files)).open(argv)

    async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        """What is submitted while a round trip is under way travels in the next one, all together."""
        sent: list[tuple[Key, asyncio.Future[Ticket | Refused]]] = []
        for task in tasks:
            try:
                members = bundle(task)
            except Unbundled as error:
                yield task.key, Refused(str(error))
                continue
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((task, members, future))
            sent.append((task.key, future))
        self._ready.set()
        for key, future in sent:
            yield key, await future

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        if not keys:
            return {}
        found = await markers.present(self._host, self.there.base, keys)
        return {key: self._ticket(key) for key in found}

    async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        by_key = {key_of(ticket): ticket for ticket in tickets}
        async with aclosing(self._watcher.watch(by_key)) as changes:
            async for key, status in changes:
                yield by_key[key], status

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        if tickets:
            await markers.cancel(self._host, self.there.base, [key_of(ticket) for ticket in tickets])
            self._watcher.hurry()

    def power(self, kind: type[P]) -> P | None:
        return self if kind in (Forget, Examine, Logs) else None  # type: ignore[return-value]  # P is one of these here, which this class is

    async def forget(self, tickets: Collection[Ticket]) -> None:
        if tickets:
            await markers.forget(self._host, self.there.base, [key_of(ticket) for ticket in tickets])

    async def examine(self) -> Sequence[Finding]:
        return [*await self.looked_at(), *await measure(self)]

    async def looked_at(self) -> Sequence[Finding]:
        """What there is to say of the machine, without what is measured on the way that files go."""
        way = self._host.reach
        told = way.findings() if isinstance(way, Tells) else ()
        return [*told, *await examine(self._host, self.there)]

    async def size(self, path: str) -> int | None:
        return await logs.size(self, path)

    def read(self, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        return logs.read(self, path, offset)

    def follow(self, key: Key, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        return logs.follow(self._host, self.there.base, key, path, offset)

    @property
    def _capacity(self) -> Resources:
        machine, settings = self.there, self._settings
        cores = machine.cores if settings.cores is None else min(settings.cores, machine.cores)
        memory = machine.memory if settings.memory is None else min(parse_size(settings.memory), machine.memory)
        return Resources(cores=cores, memory=memory, tmpdir=machine.disk, outdir=machine.disk)

    @property
    def _starter(self) -> str:
        """The directory of the run's starter on this machine."""
        return posixpath.join(self.there.workdir, self._run, ".starter", self._node).rstrip("/")

    @property
    def there(self) -> Machine:
        """The machine, as it was found on entering."""
        if self._machine is None:
            raise RuntimeError("the connector has not been entered")
        return self._machine

    def _ticket(self, key: Key) -> Ticket:
        """Valid after a restart; the host and its boot are told because behind one name there may be several machines."""
        there = self.there
        return Ticket(dumps({"key": key, "base": there.base, "host": there.host, "boot": there.boot, "node": self._node}).decode())

    async def _send(self) -> None:
        """Send what waits, in as few round trips as it takes; ends by being cancelled."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._waiting:
                    await self._send_some()
        finally:
            for _, _, future in self._waiting:
                future.cancel()

    async def _send_some(self) -> None:
        batch = list(take(self._waiting))
        try:
            await self._send_all(batch)
        except Unreachable as error:
            for _, _, future in batch:
                if not future.done():
                    future.set_exception(Unreachable(error.what, hint=error.hint))
        except BaseException:
            for _, _, future in batch:
                future.cancel()
            raise

    async def _send_all(self, batch: Sequence[_Sent]) -> None:
        """Send them together. If the site could be asked and did not take them, it is one of them that it cannot take, or all: each half is
        sent by itself then, down to one, which is refused. Raises Unreachable."""
        try:
            await self._ship([task for task, _, _ in batch], [member for _, members, _ in batch for member in members])
        except Unreachable:
            raise
        except SiteError as error:
            if len(batch) == 1:
                await self._refuse(batch[0], error)
                return
            for half in (batch[:len(batch) // 2], batch[len(batch) // 2:]):
                await self._send_all(half)
        else:
            for task, _, future in batch:
                if not future.done():
                    future.set_result(self._ticket(task.key))

    async def _refuse(self, sent: _Sent, error: SiteError) -> None:
        """The attempt will not run, whatever of it has arrived."""
        task, _, future = sent
        answer = Refused(error.what, transient=error.transient)
        try:
            await markers.cancel(self._host, self.there.base, [task.key])
        except Unreachable:
            raise
        except SiteError as doubt:  # it may run: who submits it must ask again
            if not future.done():
                future.set_exception(SiteError(doubt.what, transient=True))
        if not future.done():
            future.set_result(answer)

    async def _ship(self, tasks: Sequence[Task], members: list[Member]) -> None:
        base = self.there.base
        asked = {task.key: f"{thousandths(task)} {task.resources.memory >> 20}\n" for task in tasks}
        asks = [Member(f"{key}/asks", amounts.encode(), mode=0o600) for key, amounts in asked.items()]
        batch = "".join([f"{self._room}\n", *(f"{key} {amounts}" for key, amounts in asked.items())])
        stream = await asyncio.to_thread(pack, [*members, *asks, Member("batch", batch.encode(), mode=0o600)])
        # The starter reads batches in the order of their names.
        box = f".incoming-{time.time_ns():020d}-{secrets.token_hex(4)}"
        argv = ("sh", "-c", SUBMIT, "sh", base, box, self._starter, posixpath.join(base, STARTER_NAME))
        answer = await trip(self._host, argv, stream, what="submitting jobs")
        if len(answer.splitlines()) != len(tasks):
            raise Unreachable("the answer to a submission is not whole")  # they may run: it is asked again, and nothing is ended
        self._watcher.hurry()

    @property
    def _room(self) -> str:
        """What may be in use at once, as the starter reads it: thousandths of a core, MiB, jobs."""
        capacity, most = self._capacity, self._settings.max_jobs
        return f"- {round(capacity.cores * 1000)} {capacity.memory >> 20} {'' if most is None else most}"

    async def _look(self, keys: Collection[Key]) -> Mapping[Key, Status]:
        asked = time.monotonic()
        marks = await markers.look(self._host, self.there.base, self._starter, self._room, keys)
        found = {key: self._status(key, mark, asked) for key, mark in marks.items()}
        for key, status in found.items():
            if isinstance(status, Done | Lost):
                self._claimed.pop(key, None)
        return found

    def _status(self, key: Key, mark: markers.Mark, asked: float) -> Status:
        """What a mark means; `asked`: when the site was asked for it, which may be long ago if this process was stopped meanwhile."""
        match mark:
            case markers.Gone():
                return Lost(f"its directory {key} is no longer there")
            case markers.Claimed():
                since = self._claimed.setdefault(key, time.monotonic())
                return Lost("its runner claimed it and died before it said anything") if asked - since > PATIENCE else Queued()
            case _:
                return mark


def key_of(ticket: Ticket) -> Key:
    return Key(str(loads(ticket.encode())["key"]))


def node_of(ticket: Ticket) -> str:
    """The name of the location that it was given at."""
    return str(loads(ticket.encode())["node"])


def thousandths(task: Task) -> int:
    """Of a core, that the task asks for."""
    return max(1, round(task.resources.cores * 1000))


def take(waiting: list[_Sent]) -> Iterator[_Sent]:
    """What travels together: the first that wait, up to STREAM bytes or so."""
    size = 0
    while waiting and size < STREAM:
        first = waiting.pop(0)
        size += sum(len(member.data or b"") + 1024 for member in first[1])
        yield first
