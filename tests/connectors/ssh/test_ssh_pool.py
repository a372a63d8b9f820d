"""Connections and sessions are bounded, made anew, left alone for a while after failures, and never forgotten. No SSH is spoken here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh import pool as module
from hyflow_ssh.pool import READY, Pool
from hyflow_ssh.transport import Link, LiveChannel, Login, NoRoom, NotAdmitted


@dataclass(eq=False)
class Channel:
    """One that carries nothing."""

    link: Line
    alive: bool = True
    heard: Callable[[], None] = field(default=lambda: None)

    def signal(self, name: str) -> None:
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        raise NotImplementedError

    async def close_input(self) -> None:
        raise NotImplementedError

    async def read(self, limit: int) -> bytes:
        raise NotImplementedError

    async def wait(self) -> tuple[int, bytes]:
        raise NotImplementedError

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.alive = False
        if self in self.link.open:
            self.link.open.remove(self)


@dataclass(eq=False)
class Line:
    """A connection to a server that takes `room` sessions."""

    server: Server
    alive: bool = True
    only: bool = False
    login: Login = Login("nobody", "ada", "")  # noqa: RUF009 (it is frozen)
    open: list[Channel] = field(default_factory=list)

    async def channel(self) -> LiveChannel:
        await self.server.slowly()
        if not self.alive:
            raise Unreachable("the connection was lost")
        if len(self.open) >= self.server.room:
            raise NoRoom
        channel = Channel(self)
        self.open.append(channel)
        self.server.most = max(self.server.most, sum(len(line.open) for line in self.server.lines))
        return channel

    async def close(self) -> None:
        self.lose()

    def lose(self) -> None:
        self.alive = False
        for channel in self.open:
            channel.alive = False
        self.open.clear()


@dataclass(eq=False)
class Server:
    """What there is at the other end. `trouble`: what connecting raises. `most`: how many sessions there were at once."""

    room: int = 10
    trouble: SiteError | None = None
    lines: list[Line] = field(default_factory=list)
    asked: int = 0
    most: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def slowly(self) -> None:
        await asyncio.sleep(0)
        await self.answers.wait()

    async def connect(self) -> Link:
        self.asked += 1
        await self.slowly()
        if self.trouble is not None:
            raise self.trouble
        self.lines.append(Line(self))
        return self.lines[-1]

    @property
    def living(self) -> list[Line]:
        return [line for line in self.lines if line.alive]

    @property
    def sessions(self) -> int:
        return sum(len(line.open) for line in self.living)


class Clock:
    """The pool's time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


async def moment() -> None:
    """Long enough for whatever does not wait for anything."""
    for _ in range(50):
        await asyncio.sleep(0)


async def use(pool: Pool, leave: asyncio.Event) -> None:
    async with pool.session():
        await leave.wait()


async def fails(pool: Pool) -> str:
    with pytest.raises(Unreachable) as caught:
        async with pool.session():
            pass
    return caught.value.what


async def test_connections_and_sessions_are_bounded_and_nobody_waits_in_vain() -> None:
    server, leave = Server(), asyncio.Event()
    async with Pool(server, connections=2, sessions=4) as pool, asyncio.TaskGroup() as users:
        for _ in range(50):
            users.create_task(use(pool, leave))
        await moment()
        assert (len(server.lines), server.sessions) == (2, 8)
        leave.set()
    assert (server.asked, server.most, server.sessions, server.living) == (2, 8, 0, [])


async def test_sessions_wait_ready_and_are_taken_first() -> None:
    server = Server()
    async with Pool(server, connections=2, sessions=8) as pool:
        await moment()
        assert server.sessions == READY
        ready = list(server.lines[0].open)
        async with pool.session() as channel:
            assert channel in ready
            await moment()
            assert server.sessions == READY + 1


async def test_one_that_has_died_meanwhile_is_let_go() -> None:
    server = Server()
    async with Pool(server, connections=1, sessions=8) as pool:
        await moment()
        ready = list(server.lines[0].open)
        ready[0].alive = False
        async with pool.session() as channel:
            assert channel is ready[1]
            await moment()
            assert ready[0] not in server.lines[0].open


async def test_a_server_that_takes_fewer_sessions_is_asked_for_no_more() -> None:
    """One of them is left for what must not wait."""
    server, leave = Server(room=3), asyncio.Event()
    async with Pool(server, connections=1, sessions=8) as pool, asyncio.TaskGroup() as users:
        for _ in range(20):
            users.create_task(use(pool, leave))
        await moment()
        assert server.sessions == 3
        leave.set()
        await moment()
        leave.clear()
        for _ in range(20):
            users.create_task(use(pool, leave))
        await moment()
        assert server.sessions == 2
        link = server.lines[0]
        async with pool.session(link):
            assert server.sessions == 3
        leave.set()
    assert server.asked == 1


async def test_what_must_not_wait_waits_for_the_server_alone() -> None:
    """Beyond our bound, and on the connection that it belongs to."""
    server, leave = Server(room=5), asyncio.Event()
    async with Pool(server, connections=2, sessions=4) as pool, asyncio.TaskGroup() as users:
        for _ in range(8):
            users.create_task(use(pool, leave))
        await moment()
        for line in server.lines:
            async with pool.session(line) as first:
                assert pool.link_of(first) is line
                second = asyncio.create_task(use_beside(pool, line))
                await moment()
                assert not second.done()
            await second
        leave.set()


async def use_beside(pool: Pool, link: Link) -> None:
    async with pool.session(link):
        pass


async def test_a_server_that_takes_no_session_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked a few times: it may be that it has not closed the last one yet."""
    monkeypatch.setattr(module, "LAG", 0)
    server = Server(room=0)
    async with Pool(server, connections=2, sessions=8) as pool:
        assert await fails(pool) == "the server takes no session"
        server.room = 10
        async with pool.session():
            pass


async def test_what_waits_ready_is_for_those_who_wait_for_room() -> None:
    server, leave = Server(room=1), asyncio.Event()
    leave.set()
    async with Pool(server, connections=2, sessions=8) as pool, asyncio.timeout(10), asyncio.TaskGroup() as users:
        for _ in range(20):
            users.create_task(use(pool, leave))


async def test_who_asks_at_the_same_time_gets_the_same_connection() -> None:
    server, leave = Server(), asyncio.Event()
    async with Pool(server, connections=2, sessions=8) as pool, asyncio.TaskGroup() as users:
        await moment()
        server.lines[0].lose()
        for _ in range(6):
            users.create_task(use(pool, leave))
        await moment()
        assert server.asked == 2
        leave.set()


async def test_pauses_between_failures_grow(clock: Clock) -> None:
    server = Server()
    async with Pool(server, connections=2, sessions=8) as pool:
        await moment()
        server.trouble = Unreachable("the network is down")
        server.lines[0].lose()
        for number, pause in enumerate([1, 2, 4, 8, 16, 32, 60, 60]):
            assert await fails(pool) == "the network is down"
            clock.now += pause - 0.5
            assert await fails(pool) == "the network is down; it will be tried again in 1 seconds"
            assert server.asked == number + 2
            clock.now += 0.5
        server.trouble = None
        async with pool.session():
            pass
        server.trouble = Unreachable("again")
        server.lines[1].lose()
        assert await fails(pool) == "again"
        clock.now += 1
        assert await fails(pool) == "again"


async def test_a_login_that_is_refused_is_not_hammered(clock: Clock) -> None:
    """However often the network was down before."""
    server = Server()
    async with Pool(server, connections=2, sessions=8) as pool:
        await moment()
        server.lines[0].lose()
        server.trouble = Unreachable("the network is down")
        for _ in range(5):
            await fails(pool)
            clock.now += 60
        asked, server.trouble = server.asked, NotAdmitted("not with these keys", transient=False)
        for number, pause in enumerate([300, 600, 1200, 2400, 3600, 3600]):
            assert await fails(pool) == "not with these keys"
            assert await fails(pool) == f"not with these keys; it will be tried again in {pause} seconds"
            clock.now += pause
            assert server.asked == asked + number + 1
        server.trouble = None
        async with pool.session():
            pass


async def test_at_first_who_is_not_let_in_hears_so_at_once() -> None:
    server = Server(trouble=NotAdmitted("not with these keys", transient=False))
    with pytest.raises(NotAdmitted):
        async with Pool(server, connections=2, sessions=8):
            pass


async def test_one_connection_is_enough_where_there_is_no_second(clock: Clock) -> None:
    server, leave = Server(), asyncio.Event()
    async with Pool(server, connections=2, sessions=2) as pool, asyncio.TaskGroup() as users:
        await moment()
        server.trouble = Unreachable("only one is allowed")
        for _ in range(10):
            users.create_task(use(pool, leave))
        await moment()
        assert (server.sessions, server.asked) == (2, 2)
        leave.set()
    assert server.asked == 2


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    """Neither a session that is being opened, nor room that is missing for others."""
    server = Server()
    async with Pool(server, connections=1, sessions=4) as pool:
        await moment()
        for pauses in range(12):
            users = [asyncio.create_task(use(pool, asyncio.Event())) for _ in range(9)]
            for _ in range(pauses):
                await asyncio.sleep(0)
            server.answers.clear()
            await moment()
            for user in users:
                user.cancel()
            await moment()
            server.answers.set()
            await moment()
            assert server.sessions <= READY, pauses
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(pool.session())
            assert server.sessions == 4
    assert server.sessions == 0


async def test_leaving_does_not_wait_for_a_server_that_does_not_answer() -> None:
    server = Server()
    async with Pool(server, connections=1, sessions=8) as pool:
        await moment()
        server.lines[0].lose()
        server.answers.clear()
        user = asyncio.create_task(use(pool, asyncio.Event()))
        await moment()
        user.cancel()
    assert server.living == []
