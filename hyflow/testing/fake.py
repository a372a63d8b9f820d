"""A site in memory: what a task does is a function of the test's. For tests of the driver and of wrappers around connectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from hyflow.connector import Argv, Done, Lost, Pipe, Queued, Refused, Running, Status, Stay, Ticket
from hyflow.model.jobs import Key
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Resources
from hyflow.model.tasks import Manifest, Outcome, Task

P = TypeVar("P")
Behave = Callable[[Task], Awaitable[Done | Lost]]
Answer = Callable[[Argv, bytes], tuple[int, bytes, bytes]]


def done(code: int = 0, manifest: Manifest | None = None, **fields: object) -> Done:
    """The end of a command with this exit status."""
    outcome = Outcome(code=code, host="fake", started=1.0, ended=1.0, **fields)  # type: ignore[arg-type]  # handed on as they are
    return Done(outcome, manifest or Manifest({}, ()))


async def succeed(task: Task) -> Done:
    """Every task exits with 0 at once and leaves nothing."""
    return done(manifest=Manifest({}, tuple(() for _ in task.collect)))


def no_answer(argv: Argv, stdin: bytes) -> tuple[int, bytes, bytes]:
    """The fake site has no commands."""
    return 0, b"", b""


class _Attempt:
    """One attempt: its last status, and an event that is set (and replaced) whenever that changes."""

    def __init__(self) -> None:
        self.status: Status = Queued()
        self.changed = asyncio.Event()

    def become(self, status: Status) -> None:
        self.status = status
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass
class FakeSite:
    """What outlives a connection. `behave` says how a task ends, and may wait; `answer` is what `open` runs: (argv, stdin) ->
    (exit status, stdout, stderr). `refuse` holds keys that are refused, with the answer. `submitted` lists every task that was started.

    Leaving a connector ends what runs here. Where `location.fleeting` is set, it has the power `Stay`, and goes on when it was told to;
    where `lets_go` is set, it always does.
    """

    behave: Behave = succeed
    answer: Answer = no_answer
    location: Location = field(default_factory=lambda: Location(
        "fake", "", HERE, "/work", {HERE: "/"}, Resources(cores=4, memory=8 << 30), Resources(cores=4, memory=8 << 30)))
    lets_go: bool = False
    refuse: dict[Key, Refused] = field(default_factory=dict)
    submitted: list[Task] = field(default_factory=list)
    attempts: dict[Key, _Attempt] = field(default_factory=dict)
    running: dict[Key, asyncio.Task[None]] = field(default_factory=dict)


class FakeConnector:
    """A connector to a `FakeSite`. What goes wrong in `behave` goes wrong in whoever has entered the connector."""

    def __init__(self, site: FakeSite | None = None) -> None:
        self.site = site or FakeSite()
        self._stays = False
        self._beside: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> FakeConnector:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        goes_on = self.site.lets_go or self._stays
        ending = [] if goes_on else list(self.site.running.values())
        for task in self._beside if goes_on else ending:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        await asyncio.gather(*ending, return_exceptions=True)

    def stay(self) -> None:
        self._stays = True

    async def locations(self) -> Sequence[Location]:
        return [self.site.location]

    @asynccontextmanager
    async def open(self, argv: Argv) -> AsyncIterator[Pipe]:
        yield _FakePipe(tuple(argv), self.site.answer)

    async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        for task in tasks:
            if task.key in self.site.refuse:
                yield task.key, self.site.refuse[task.key]
                continue
            if task.key not in self.site.attempts:
                self._start(task)
            yield task.key, Ticket(task.key)

    def _start(self, task: Task) -> None:
        self.site.submitted.append(task)
        attempt = self.site.attempts[task.key] = _Attempt()
        run = self.site.running[task.key] = asyncio.create_task(self._run(task, attempt), name=f"fake {task.key}")
        run.add_done_callback(partial(self._over, task, attempt))
        self._beside.append(self._group.create_task(_heard(run), name=f"beside fake {task.key}"))

    async def _run(self, task: Task, attempt: _Attempt) -> None:
        attempt.become(Running(asyncio.get_running_loop().time() + 1, "fake"))
        attempt.become(await self.site.behave(task))

    def _over(self, task: Task, attempt: _Attempt, run: asyncio.Task[None]) -> None:
        """Also of an attempt that was cancelled before it had its first turn."""
        del self.site.running[task.key]
        if run.cancelled():
            attempt.become(Done(Outcome(signal=15, host="fake", started=1.0, ended=1.0), Manifest({}, tuple(() for _ in task.collect))))
        elif error := run.exception():
            attempt.become(Lost(f"the fake site failed: {error!r}"))

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        return {key: Ticket(key) for key in keys if key in self.site.attempts}

    async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        queue: asyncio.Queue[tuple[Ticket, Status]] = asyncio.Queue()
        followers = {ticket: asyncio.create_task(self._follow(ticket, queue), name=f"watch {ticket}") for ticket in tickets}
        try:
            while followers:
                ticket, status = await queue.get()
                yield ticket, status
                if isinstance(status, Done | Lost):
                    await followers.pop(ticket)
        finally:
            for follower in followers.values():
                follower.cancel()
            await asyncio.gather(*followers.values(), return_exceptions=True)

    async def _follow(self, ticket: Ticket, queue: asyncio.Queue[tuple[Ticket, Status]]) -> None:
        attempt = self.site.attempts.get(Key(ticket))
        if attempt is None:
            queue.put_nowait((ticket, Lost("the fake site never heard of it")))
            return
        while True:
            changed = attempt.changed
            queue.put_nowait((ticket, attempt.status))
            if isinstance(attempt.status, Done | Lost):
                return
            await changed.wait()

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        tasks = [self.site.running[key] for key in map(Key, tickets) if key in self.site.running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what they leave is written when the loop has seen them end

    def power(self, kind: type[P]) -> P | None:
        return self if kind is Stay and self.site.location.fleeting else None  # type: ignore[return-value]  # P is Stay here, which this class is


async def _heard(run: asyncio.Task[None]) -> None:
    """Ends as the run does; being cancelled does not end the run."""
    await asyncio.shield(run)


class _FakePipe:
    """Answers when its input has ended, or when output is asked for."""

    def __init__(self, argv: Argv, answer: Answer) -> None:
        self._argv, self._answer, self._stdin = argv, answer, bytearray()
        self._code: int | None = None
        self._stdout, self._stderr = b"", b""

    async def write(self, data: bytes) -> None:
        if self._code is not None:
            raise BrokenPipeError
        self._stdin += data

    async def close_input(self) -> None:
        if self._code is None:
            self._code, self._stdout, self._stderr = self._answer(self._argv, bytes(self._stdin))

    async def read(self, limit: int = 1 << 16) -> bytes:
        await self.close_input()
        chunk, self._stdout = self._stdout[:limit], self._stdout[limit:]
        return chunk

    async def wait(self) -> tuple[int, bytes]:
        await self.close_input()
        self._stdout = b""
        return self._code or 0, self._stderr
