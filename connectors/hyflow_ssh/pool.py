"""A bounded number of connections with a bounded number of sessions each, made anew when they are lost; and sessions that wait ready."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh.transport import Link, LiveChannel, NoRoom, NotAdmitted, Transport

READY = 2
"""Sessions that wait for what comes next: so that a question is one round trip, not three."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
REFUSED_PAUSE, LONGEST_REFUSED = 300.0, 3600.0
"""Seconds until it is tried again to connect, doubled each time; after a login that failed it is long, for accounts get locked."""


@dataclass(eq=False, slots=True)
class _Line:
    """A connection and how much of it is in use. `most`: how many sessions it takes, as far as is known."""

    link: Link
    most: int
    used: int = 0

    @property
    def free(self) -> int:
        return self.most - self.used if self.link.alive else 0


class Pool:
    """Sessions to one host. Entered with `async with`; entering connects. Raises SiteError then, and Unreachable later."""

    def __init__(self, transport: Transport, *, connections: int, sessions: int) -> None:
        self._transport, self._connections, self._sessions = transport, connections, sessions
        self._lines: list[_Line] = []
        self._ready: list[tuple[_Line, LiveChannel]] = []
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

    @contextlib.asynccontextmanager
    async def session(self, *, urgent: bool = False) -> AsyncIterator[LiveChannel]:
        """A session of one's own, closed in the end. `urgent`: beyond the bound, for what must not wait for others."""
        line, channel = self._waiting_one() or await self._opened(urgent=urgent)
        self._prepare()
        try:
            yield channel
        finally:
            try:
                await channel.close()
            finally:
                self._released(line)

    def _waiting_one(self) -> tuple[_Line, LiveChannel] | None:
        while self._ready:
            line, channel = self._ready.pop(0)
            if line.link.alive and channel.alive:
                return line, channel
            self._released(line)
        return None

    def _released(self, line: _Line) -> None:
        line.used -= 1
        self._changed.set()

    async def _opened(self, *, urgent: bool) -> tuple[_Line, LiveChannel]:
        """One more session, as soon as there is room for it."""
        while True:
            line = await self._roomy(urgent=urgent)
            line.used += 1
            try:
                return line, await line.link.channel()
            except NoRoom as error:
                self._released(line)
                if line.used <= 0:
                    raise Unreachable("the server takes no session") from error
                line.most = line.used
            except BaseException:
                self._released(line)
                raise

    async def _roomy(self, *, urgent: bool) -> _Line:
        """The connection with the most room; another one when none has any; else whichever is first to have some."""
        while True:
            self._lines = [line for line in self._lines if line.link.alive or line.used]
            living = [line for line in self._lines if line.link.alive]
            best = max(living, key=lambda line: line.free, default=None)
            if best is not None and (best.free > 0 or urgent):
                return best
            if len(living) < self._connections:
                return await self._connected()
            self._changed.clear()
            await self._changed.wait()

    async def _connected(self) -> _Line:
        """One more connection. Who asks at the same time gets the same one; who asks soon after a failure is told of that."""
        if self._connecting is None:
            if self._last is not None and (left := self._not_before - time.monotonic()) > 0:
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
            self._not_before = time.monotonic() + min(longest, first * 2 ** min(self._failures, 12))
            self._failures, self._last = self._failures + 1, error
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
                line.used += 1
                try:
                    self._ready.append((line, await line.link.channel()))
                except BaseException:
                    self._released(line)
                    raise
