"""A bounded number of connections with a bounded number of sessions each, made anew when they are lost; and sessions that wait ready."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh.transport import Link, LiveChannel, Login, NoRoom, NotAdmitted, Transport

READY = 2
"""Sessions that wait for what comes next: so that a question is one round trip, not three."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
REFUSED_PAUSE, LONGEST_REFUSED = 300.0, 3600.0
"""Seconds until it is tried again to connect, doubled each time; after a login that failed it is long, for accounts get locked."""

LAG, REFUSALS = 0.1, 5
"""Seconds after which a server that took not even one session is asked again, longer each time; and how often."""


@dataclass(eq=False, slots=True)
class _Line:
    """A connection and how much of it is in use. `most`: how many sessions it takes, as far as is known. `refused`: how often it took not
    even one, of late."""

    link: Link
    most: int
    used: int = 0
    refused: int = 0

    @property
    def free(self) -> int:
        return self.most - self.used if self.link.alive else 0


class Pool:
    """Sessions to one host. Entered with `async with`; entering connects. Raises SiteError then, and Unreachable later."""

    def __init__(self, transport: Transport, *, connections: int, sessions: int) -> None:
        self._transport, self._connections, self._sessions = transport, connections, sessions
        self._lines: list[_Line] = []
        self._ready: list[tuple[_Line, LiveChannel]] = []
        self._taken: dict[LiveChannel, _Line] = {}
        self._unwanted: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._connecting: asyncio.Task[_Line] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._failures, self._not_before = 0, -math.inf
        self._last: SiteError | None = None
        self._entered = False

    async def __aenter__(self) -> Pool:
        await self._connected()
        self._entered = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in (self._preparing, self._connecting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(channel.close() for _, channel in self._ready), return_exceptions=True)
        await asyncio.gather(*(line.link.close() for line in self._lines), return_exceptions=True)
        await asyncio.gather(*self._unwanted, return_exceptions=True)

    @property
    def login(self) -> Login | None:
        """That of the latest connection, if there is one."""
        return self._lines[-1].link.login if self._lines else None

    @contextlib.asynccontextmanager
    async def session(self, beside: Link | None = None) -> AsyncIterator[LiveChannel]:
        """A session of one's own, closed in the end. `beside`: on that connection, beyond the bound, for what must not wait for others."""
        line, channel = await (self._some() if beside is None else self._one_more(beside))
        self._taken[channel] = line
        self._prepare()
        try:
            yield channel
        finally:
            del self._taken[channel]
            await self._dropped(line, channel)

    def link_of(self, channel: LiveChannel) -> Link:
        """The connection of a session that is open."""
        return self._taken[channel].link

    async def _some(self) -> tuple[_Line, LiveChannel]:
        """One that waits, or else a new one, as soon as there is either."""
        while True:
            if (waiting := self._waiting_one()) is not None:
                return waiting
            if (line := await self._roomy()) is not None:
                with contextlib.suppress(NoRoom):
                    return line, await self._opened(line)

    def _waiting_one(self) -> tuple[_Line, LiveChannel] | None:
        while self._ready:
            line, channel = self._ready.pop(0)
            if line.link.alive and channel.alive:
                return line, channel
            self._later(self._dropped(line, channel))
        return None

    async def _one_more(self, link: Link) -> tuple[_Line, LiveChannel]:
        line = next(line for line in self._lines if line.link is link)
        while True:
            self._changed.clear()
            try:
                return line, await self._opened(line)
            except NoRoom:
                await self._changed.wait()

    async def _opened(self, line: _Line) -> LiveChannel:
        """One more session on this connection. Who is cancelled meanwhile leaves none behind: it is closed as soon as it is there."""
        line.used += 1
        opening = asyncio.create_task(line.link.channel(), name="opening a session")
        try:
            channel = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._later(self._unused(line, opening))
            raise
        except NoRoom as error:
            self._released(line)
            line.most = max(1, line.used - 1)  # one is left for what must not wait
            if line.used <= 0:
                await self._left_alone(line, error)
            raise
        except BaseException:
            self._released(line)
            raise
        line.refused = 0
        return channel

    async def _left_alone(self, line: _Line, error: NoRoom) -> None:
        """A connection on which there is no session at all, and no room: the server may not know yet that the last one has ended."""
        line.refused += 1
        if line.refused > REFUSALS:
            await line.link.close()
            raise Unreachable("the server takes no session") from error
        await asyncio.sleep(LAG * line.refused)

    async def _unused(self, line: _Line, opening: asyncio.Task[LiveChannel]) -> None:
        try:
            with contextlib.suppress(SiteError, NoRoom):
                await (await opening).close()
        finally:
            self._released(line)

    async def _dropped(self, line: _Line, channel: LiveChannel) -> None:
        try:
            await channel.close()
        finally:
            self._released(line)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        """Nobody waits for it but the pool's own end."""
        task = asyncio.create_task(work, name="closing a session")
        self._unwanted.add(task)
        task.add_done_callback(self._unwanted.discard)

    def _released(self, line: _Line) -> None:
        line.used -= 1
        self._changed.set()

    async def _roomy(self) -> _Line | None:
        """The connection with the most room. None when nobody had any: something has changed since, perhaps there is one more."""
        self._lines = [line for line in self._lines if line.link.alive or line.used]
        living = [line for line in self._lines if line.link.alive]
        best = max(living, key=lambda line: line.free, default=None)
        if best is not None and best.free > 0:
            return best
        self._changed.clear()
        if self._takes_another(living):
            with contextlib.suppress(SiteError) if best is not None and best.link.alive else contextlib.nullcontext():
                await self._connected()  # all who wait here get it at once: who is first has its room
        else:
            await self._changed.wait()
        return None

    def _takes_another(self, living: Sequence[_Line]) -> bool:
        """Whether one more connection may be made, and tried now."""
        if not living:
            return True
        if len(living) >= self._connections or any(line.link.only for line in living):
            return False
        return self._may_connect

    @property
    def _may_connect(self) -> bool:
        """Whether one more connection may be tried now."""
        return self._connecting is not None or time.monotonic() >= self._not_before

    async def _connected(self) -> _Line:
        """One more connection. Who asks at the same time gets the same one; who asks soon after a failure is told of that."""
        if self._connecting is None:
            if self._last is not None and not self._may_connect:
                left = self._not_before - time.monotonic()
                what = f"{self._last.what}; it will be tried again in {math.ceil(left)} seconds"
                raise Unreachable(what, hint=self._last.hint)
            self._connecting = asyncio.create_task(self._connect(), name="connecting")
            self._connecting.add_done_callback(self._no_longer_connecting)
        return await asyncio.shield(self._connecting)

    def _no_longer_connecting(self, task: asyncio.Task[_Line]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # who waits has it; nobody may wait any more

    async def _connect(self) -> _Line:
        try:
            link = await self._transport.connect()
        except SiteError as error:
            first, longest = (REFUSED_PAUSE, LONGEST_REFUSED) if isinstance(error, NotAdmitted) else (FIRST_PAUSE, LONGEST_PAUSE)
            self._failures = self._failures + 1 if type(error) is type(self._last) else 1
            self._not_before = time.monotonic() + min(longest, first * 2 ** min(self._failures - 1, 12))
            self._last = error
            if not self._entered:
                raise
            raise Unreachable(error.what, hint=error.hint) from error  # it once let us in, and may do so again
        self._failures, self._last = 0, None
        line = _Line(link, self._sessions)
        self._lines.append(line)
        self._prepare()
        return line

    def _prepare(self) -> None:
        """Have READY sessions waiting, as far as there is room which nobody else needs."""
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._fill(), name="sessions in readiness")

    async def _fill(self) -> None:
        with contextlib.suppress(SiteError, NoRoom):
            while len(self._ready) < READY:
                line = max(self._lines, key=lambda line: line.free, default=None)
                if line is None or line.free <= READY:
                    return
                self._ready.append((line, await self._opened(line)))
                self._changed.set()
