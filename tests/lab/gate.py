"""A gate for TCP: it listens at one place, connects to another, and does in between what networks do.

    gate.py CONTROL [NETNS=]HOST:PORT [NETNS=]HOST:PORT

It listens at the first place, and connects to the second. NETNS, the network namespace, is a file such as /run/netns/NAME.

CONTROL is a Unix socket: a line is a command, and is answered by a line.

    cut             reset all connections
    stall, go       forward nothing from now on; go on
    refuse, accept  close new connections at once; take them again
    truncate N      after N more bytes towards clients, reset the connection that the next one belongs to; once
    delay MS        hold everything for so long, each way, in order
    count           as JSON: connections made, bytes towards the server and towards clients, turns, connections open. A turn is data from
                    a client when the server spoke last, or nobody: a connection has no more round trips than turns
    reset-count     count from nothing
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 16  # bytes
CHUNKS = 256  # that one direction of a connection may hold
RESET = struct.pack("ii", 1, 0)  # linger: closing sends a reset


@dataclass(frozen=True, slots=True)
class Place:
    """An address (host and port) in a network namespace; none: that of this process."""

    namespace: str
    address: tuple[str, int]

    @staticmethod
    def of(text: str) -> Place:
        namespace, _, address = text.rpartition("=")
        host, _, port = address.rpartition(":")
        return Place(namespace, (host, int(port)))

    def socket(self) -> socket.socket:
        """A new one of that namespace, wherever it is used."""
        with inside(self.namespace):
            made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in that network namespace meanwhile."""
    if not namespace:
        yield
        return
    with Path("/proc/thread-self/ns/net").open("rb") as home, Path(namespace).open("rb") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


def enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # Python has setns since 3.12
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@dataclass(slots=True)
class Count:
    connections: int = 0
    to_server: int = 0
    to_client: int = 0
    turns: int = 0


@dataclass(slots=True)
class Gate:
    """What is between all clients and the server."""

    target: Place
    count: Count = field(default_factory=Count)
    open: set[asyncio.Task[None]] = field(default_factory=set)
    going: asyncio.Event = field(default_factory=asyncio.Event)
    refusing: bool = False
    left: int | None = None  # bytes towards clients until a reset
    delay: float = 0.0  # seconds, each way

    async def listen(self, place: Place) -> None:
        listener = place.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place.address)
        listener.listen(128)
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            if self.refusing:
                client.close()
                continue
            self.count.connections += 1
            task = asyncio.create_task(Connection(self, client, self.target.socket()).serve())
            self.open.add(task)
            task.add_done_callback(self.open.discard)

    def cut(self) -> None:
        for task in self.open:
            task.cancel()

    def obey(self, line: str) -> str:
        match line.split():
            case ["cut"]:
                self.cut()
            case ["stall"]:
                self.going.clear()
            case ["go"]:
                self.going.set()
            case [("refuse" | "accept") as word]:
                self.refusing = word == "refuse"
            case ["truncate", number] if number.isdecimal():
                self.left = int(number)
            case ["delay", number] if number.isdecimal():
                self.delay = int(number) / 1000
            case ["count"]:
                return json.dumps({name: getattr(self.count, name) for name in Count.__slots__} | {"open": len(self.open)})
            case ["reset-count"]:
                self.count = Count()
            case _:
                return f"error: no such command: {line.strip()}"
        return "ok"


@dataclass(slots=True)
class Connection:
    """One client's. It ends when both sides have said all; when one is reset, or the gate cuts it, both are."""

    gate: Gate
    client: socket.socket
    server: socket.socket
    client_spoke_last: bool = False

    async def serve(self) -> None:
        self.client.setblocking(False)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.get_running_loop().sock_connect(self.server, self.gate.target.address)
            async with asyncio.TaskGroup() as both:
                both.create_task(self.forward(self.client, self.server, self.to_server))
                both.create_task(self.forward(self.server, self.client, self.to_client))
        except* (OSError, asyncio.CancelledError):
            for each in (self.client, self.server):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        finally:
            self.client.close()
            self.server.close()

    async def forward(self, source: socket.socket, sink: socket.socket, take: Callable[[bytes], None]) -> None:
        """Until the source has said all; the sink is told so."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self.read(source, held, take))
            ends.create_task(self.write(sink, held))

    async def read(self, source: socket.socket, held: asyncio.Queue[tuple[float, bytes]], take: Callable[[bytes], None]) -> None:
        loop, data = asyncio.get_running_loop(), b"-"
        while data:
            data = await loop.sock_recv(source, CHUNK)
            take(data)
            await held.put((loop.time() + self.gate.delay, data))

    async def write(self, sink: socket.socket, held: asyncio.Queue[tuple[float, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.gate.going.wait()
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            if sink is self.client:
                await self.truncate(data)
            await loop.sock_sendall(sink, data)

    async def truncate(self, data: bytes) -> None:
        """Counts what a client is about to get; when that is too much, gives it what is left, and resets its connection."""
        if self.gate.left is None:
            return
        last, self.gate.left = self.gate.left, self.gate.left - len(data)
        if self.gate.left >= 0:
            return
        self.gate.left = None
        await asyncio.get_running_loop().sock_sendall(self.client, data[:last])
        while struct.unpack("i", fcntl.ioctl(self.client, termios.TIOCOUTQ, bytes(4)))[0]:  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(0.001)  # a reset would overtake what is not taken yet
        raise ConnectionResetError

    def to_server(self, data: bytes) -> None:
        self.gate.count.to_server += len(data)
        if data and not self.client_spoke_last:
            self.gate.count.turns += 1
            self.client_spoke_last = True

    def to_client(self, data: bytes) -> None:
        self.gate.count.to_client += len(data)
        self.client_spoke_last = self.client_spoke_last and not data


async def main(control: str, listen: str, connect: str) -> None:
    gate = Gate(Place.of(connect))
    gate.going.set()

    async def steer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(f"{gate.obey(line.decode(errors='replace'))}\n".encode())
            await writer.drain()
        writer.close()

    Path(control).unlink(missing_ok=True)
    listening = asyncio.create_task(gate.listen(Place.of(listen)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, listening.cancel)
    async with await asyncio.start_unix_server(steer, control):
        with contextlib.suppress(asyncio.CancelledError):
            await listening


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    os.umask(0o077)  # the socket is its owner's alone
    asyncio.run(main(*sys.argv[1:]))
