"""The connection to the supervisor: lines of JSON both ways. Does not know how one comes by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from hyflow import plain
from hyflow.connector import Running
from hyflow.model.tasks import Manifest, Outcome


@dataclass(frozen=True, slots=True)
class Message:
    """What the supervisor says. About the attempt `key`: it is `running`, is `lost`, or has ended (`outcome` and `manifest`).
    With `id` it answers a request, with some of the request's `keys`; `hello`: it is there, and this is its process number;
    `bye`: it has ended all that it ran, and leaves."""

    key: str = ""
    running: Running | None = None
    outcome: Outcome | None = None
    manifest: Manifest | None = None
    lost: str | None = None
    id: int = 0
    keys: tuple[str, ...] = ()
    hello: int = 0
    bye: bool = False


class Link(asyncio.Protocol):
    """One connection. `hear` gets every message; `closed` is done when the other side is gone, `ready` when it has said hello, and `pid` is
    known then. `parted`: it was left in order. `child`: the same, where it is a child of this process that nobody has reaped yet."""

    def __init__(self, hear: Callable[[Message], None]) -> None:
        self._hear = hear
        self._rest: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.closed = asyncio.Event()
        self.ready = asyncio.Event()
        self.pid = self.child = 0
        self.parted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if b"\n" not in data:
            self._rest.append(data)
            return
        *lines, rest = b"".join([*self._rest, data]).split(b"\n")
        self._rest = [rest] if rest else []
        for line in lines:
            message: Message = plain.loads(line, Message)
            if message.hello:
                self.pid = message.hello
                self.ready.set()
            elif message.bye:
                self.parted = True
            else:
                self._hear(message)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.set()
        self.ready.set()
        self.closed.set()

    def send(self, data: bytes) -> None:
        """Whole lines. What is sent to one that is gone is dropped; `closed` tells."""
        if self._transport and not self.closed.is_set():
            self._transport.write(data)

    async def room(self) -> None:
        """Wait while the other side is slow."""
        await self._room.wait()

    def flushed(self) -> asyncio.Event:
        """Is set as soon as all that was sent is with the other side, or that is gone."""
        if self._transport and not self.closed.is_set():
            self._transport.set_write_buffer_limits(0)
        return self._room

    def close(self) -> None:
        if self._transport:
            self._transport.close()


async def connect(address: str, hear: Callable[[Message], None]) -> Link:
    """Raises OSError when nobody listens there."""
    _, link = await asyncio.get_running_loop().create_unix_connection(lambda: Link(hear), address)
    return link
