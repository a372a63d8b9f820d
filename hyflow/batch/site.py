"""A connector for a site whose jobs a batch system starts. Knows batches, marks and the queue; not how the login node is reached, nor which
batch system it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

from hyflow.batch import ending, examining
from hyflow.batch.book import Book
from hyflow.batch.errand import errand
from hyflow.batch.fates import Fates
from hyflow.batch.grouping import Batch, Durations, step_of
from hyflow.batch.marks import Seat
from hyflow.batch.nodes import remember, remembered
from hyflow.batch.placed import Waits
from hyflow.batch.queue import Queue
from hyflow.batch.settings import BatchSettings, check
from hyflow.batch.submitting import Submitter, directory
from hyflow.batch.system import BatchSystem
from hyflow.batch.watching import Ward
from hyflow.connector import (
    Argv,
    Backlog,
    Errands,
    Examine,
    Finding,
    Forget,
    Launches,
    Logs,
    Names,
    P,
    Pipe,
    Reach,
    Refused,
    SiteContext,
    Status,
    Ticket,
    Withdraws,
)
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.quantities import parse_time
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow.plain import dumps, loads
from hyflow.shell.bundle import Unbundled, bundle
from hyflow.shell.settings import ShellSettings
from hyflow.shell.site import ShellSite
from hyflow.shell.trips import ask
from hyflow.shell.watching import Watcher

AHEAD = 10_000
"""Attempts that the site takes at a time; what does not fit into the queue waits here."""
QUICK = 0.5
"""Seconds between two looks at marks at least: others work on the login node too."""


class BatchSite:
    """`hyflow.connector.Connector` for the batch system of the machine at the end of `reach`. `defaults`: what every job asks for beside
    what its task does, by option."""

    def __init__(
        self, system: BatchSystem, reach: Reach, settings: BatchSettings, context: SiteContext, defaults: Mapping[str, Any]
    ) -> None:
        shell = ShellSettings(workdir=settings.workdir, filesystem=settings.filesystem, patience=settings.patience)
        self._login = ShellSite(reach, shell, context)
        self._system, self._settings, self._site, self._run = system, settings, context.site, context.run
        self._defaults = {name: value for name, value in defaults.items() if value not in (None, [], "")}
        self._time_limit = None if (time := self._defaults.get("time")) is None else float(parse_time(time))
        self._group = asyncio.TaskGroup()
        self._background: list[asyncio.Task[None]] = []
        self._entered = AsyncExitStack()
        self._book = Book()
        self._queue = Queue(system, self._login)
        self._state = context.state
        self._fates = Fates(settings.settle, failures=remembered(context.state))
        self._durations = Durations()
        self._watcher = Watcher(self._look, settings.poll, QUICK)

    async def __aenter__(self) -> BatchSite:
        check(self._settings, self._site)
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(self._login)
            asked = f"asking {self._system.name} for its limits"
            answer = await ask(self._login, self._system.limits(), what=asked)
            self._limits = self._system.understood(answer.decode(errors="replace"))
            self._base, self._own = self._login.there.base, directory(self._login.there.workdir, self._run)
            self._ward = Ward(self._login, self._base, self._own, self._book, self._queue, self._fates, self._durations, self._freed)
            self._submitter = Submitter(
                self._login, self._queue, self._settings, self._limits, self._base, self._own, self._login.there.workdir,
                used=lambda: self._book.jobs, idle=lambda: self._book.idle, avoided=lambda: self._fates.avoided,
                accepted=self._accepted, durations=self._durations,
            )  # fmt: skip
            await self._group.__aenter__()
            self._entered = entered.pop_all()
        for work, name in ((self._watcher.run(), "looks at jobs"), (self._submitter.run(), "submits jobs")):
            self._background.append(self._group.create_task(work, name=f"{self._site}: {name}"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._background:
            task.cancel()
        async with self._entered:
            await self._group.__aexit__(None, None, None)

    async def locations(self) -> Sequence[Location]:
        there = (await self._login.locations())[0]
        own = replace(there, capacity=None, largest=self._largest, ahead=AHEAD, apart=True, time_limit=self._time_limit)
        return (own,)

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return self._login.open(argv)

    async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        """What is not in the queue when the caller goes away never gets there."""
        known = await self.find({task.key for task in tasks} - self._submitter.unsure)
        for key, ticket in known.items():
            yield key, ticket
        waiting: list[Waits] = []
        for task in (task for task in tasks if task.key not in known):
            complete = self._complete(task)
            try:
                members = bundle(complete)
            except Unbundled as error:
                yield task.key, Refused(str(error))
                continue
            waiting.append(Waits(complete, members, asyncio.get_running_loop().create_future()))
        for waits in waiting:
            self._book.steps[waits.task.key] = step_of(waits.task)
            self._submitter.add(waits)
        try:
            for waits in waiting:
                answer = await waits.future
                yield waits.task.key, answer if isinstance(answer, Refused) else self._ticket(waits.task.key, answer)
        finally:
            self._submitter.drop([waits.task.key for waits in waiting if not waits.future.done()])
            for waits in waiting:
                if not waits.future.cancel() and not waits.future.cancelled():
                    waits.future.exception()  # every one has been told; this caller has heard the first

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        if not keys:
            return {}
        seats, ids = await ending.found(self._login, self._queue, self._base, self._own, keys)
        self._book.ids.update(ids)
        return {key: self._ticket(key, seat) for key, seat in seats.items()}

    async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        by_key = {self._known(ticket): ticket for ticket in tickets}
        async with aclosing(self._watcher.watch(by_key)) as changes:
            async for key, status in changes:
                yield by_key[key], status

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        if tickets:
            keys = [self._known(ticket) for ticket in tickets]
            await ending.cancel(self._login, self._queue, self._base, self._own, self._book, keys, self._submitter.contested)
            self._watcher.hurry()

    def power(self, kind: type[P]) -> P | None:
        own = (Backlog, Forget, Examine, Logs, Launches, Names, Withdraws, *((Errands,) if self._system.errand(("true",)) else ()))
        return self if kind in own else None  # type: ignore[return-value]  # P is one of these here, which this class is

    def name(self, ticket: Ticket) -> str:
        told = loads(ticket.encode())
        return f"job {self._system.element(str(told['id']), int(told['index']))}" if told["id"] else ""

    def withdraw(self, keys: Collection[Key]) -> None:
        self._submitter.drop(keys)

    def held(self) -> str:
        return self._submitter.held()

    def errand(self, argv: Argv) -> Argv:
        return errand(self._system, self._settings.prologue, argv) or argv

    async def forget(self, tickets: Collection[Ticket]) -> None:
        await self._login.forget(tickets)
        await ending.tidy(self._login, self._base, self._own)

    async def examine(self) -> Sequence[Finding]:
        login = self._login
        return [*await login.examine(), *await examining.examine(login, self._system, login.there.workdir)]

    async def size(self, path: str) -> int | None:
        return await self._login.size(path)

    def read(self, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        return self._login.read(path, offset)

    def follow(self, key: Key, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        return self._login.follow(key, path, offset)

    @property
    def _largest(self) -> Resources | None:
        """What all nodes together could give a task, as that of an MPI program may be on several; whether one will do the queue says."""
        node, cores = self._limits.largest, self._limits.cores
        if node is None or cores is None or node.cores < 1:
            return node
        count = max(1, int(cores // node.cores))
        return replace(node, cores=node.cores * count, memory=node.memory * count, gpus=node.gpus * count)

    def _complete(self, task: Task) -> Task:
        """The task with all that its job is to ask for, and its command as a job starts it."""
        argv = task.argv if task.processes is None else tuple(self._system.launch(task.argv, task.processes))
        return replace(task, options={**self._defaults, **task.options}, argv=argv)

    def _accepted(self, name: str, batch: Batch, id: str) -> None:
        self._book.add(name, batch, id)
        self._watcher.hurry()

    def _freed(self) -> None:
        self._submitter.freed()

    def _ticket(self, key: Key, seat: Seat) -> Ticket:
        """Valid after a restart: the bundles' directory, the batch, the job's index in it, and the id that the queue gave."""
        told = {"key": key, "base": self._base, "batch": seat.batch, "index": seat.index, "id": self._book.ids.get(seat.batch, "")}
        return Ticket(dumps(told).decode())

    def _known(self, ticket: Ticket) -> Key:
        """The key of the attempt, which is in the book from now on."""
        told = loads(ticket.encode())
        key = Key(str(told["key"]))
        self._book.know(key, Seat(str(told["batch"]), int(told["index"])), str(told["id"]))
        return key

    async def _look(self, keys: Collection[Key]) -> Mapping[Key, Status]:
        known = self._fates.blamed
        try:
            return await self._ward.look(keys, time.monotonic())
        finally:
            if self._fates.blamed != known:
                remember(self._state, self._fates.failures)

