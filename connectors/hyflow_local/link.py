"""The way to the supervisor: starts it or finds the one that runs, and passes lines of JSON both ways."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from hyflow import plain
from hyflow.connector import Running
from hyflow.errors import SiteError
from hyflow.model.resources import Resources
from hyflow.model.tasks import Manifest, Outcome
from hyflow_local.supervisor.main import BOOT

ADDRESS_LIMIT = 100
"""Bytes of a path that a local socket may have on every system."""
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """What the supervisor says. About the attempt `key`: it is `running`, is `lost`, or has ended (`outcome` and `manifest`).
    With `id` it answers a request, with some of the request's `keys`; `hello`: it is there."""

    key: str = ""
    running: Running | None = None
    outcome: Outcome | None = None
    manifest: Manifest | None = None
    lost: str | None = None
    id: int = 0
    keys: tuple[str, ...] = ()
    hello: int = 0


class Link(asyncio.Protocol):
    """One connection. `hear` gets every message; `closed` is done when the other side is gone, `ready` when it has said hello."""

    def __init__(self, hear: Callable[[Message], None]) -> None:
        self._hear = hear
        self._rest: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.closed = asyncio.Event()
        self.ready = asyncio.Event()
        self.child = 0

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
                self.ready.set()
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

    def close(self) -> None:
        if self._transport:
            self._transport.close()


async def attach(state: Path, workdir: str, room: Resources, hear: Callable[[Message], None]) -> Link:
    """A link to the supervisor of this state directory: the one that still runs, or a new one. Raises SiteError."""
    spares = f"{workdir}/.spare-{hashlib.sha256(os.fsencode(state)).hexdigest()[:12]}"
    hello = plain.dumps({"path": os.environ.get("PATH", os.defpath), "spares": spares, "room": room}) + b"\n"
    link = await _find(state, hello, hear)
    return link or await _start(state, hello, hear)


async def _find(state: Path, hello: bytes, hear: Callable[[Message], None]) -> Link | None:
    try:
        address = os.fsdecode((state / "socket").read_bytes())
        link = await _connect(address, hello, hear)
        async with asyncio.timeout(PATIENCE):
            await link.ready.wait()
    except (OSError, TimeoutError):
        return None
    return None if link.closed.is_set() else link


async def _connect(address: str, hello: bytes, hear: Callable[[Message], None]) -> Link:
    _, link = await asyncio.get_running_loop().create_unix_connection(lambda: Link(hear), address)
    link.send(hello)
    return link


async def _start(state: Path, hello: bytes, hear: Callable[[Message], None]) -> Link:
    """Listen for the supervisor before it is there, so that nobody need wait for it."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            address = _listen(state, listener)
            child = _spawn(state, listener.fileno())
            link = await _connect(address, hello, hear)
            link.child = child
            return link
    except OSError as error:
        what = f"the supervisor of local jobs could not be started: {error.strerror or error}"
        raise SiteError(what, transient=False, where=str(state)) from error


def _listen(state: Path, listener: socket.socket) -> str:
    """Listen where the next hyflow will look too; the socket's path."""
    address = _address(state)
    listener.bind(address)
    Path(address).chmod(0o600)
    listener.listen(8)
    _write_address(state, address)
    return address


def _address(state: Path) -> str:
    """A path for the socket, in a directory that is ours alone: the state directory, unless its path is too long for a socket."""
    address = state / "supervisor.sock"
    if len(os.fsencode(address)) > ADDRESS_LIMIT:
        with contextlib.suppress(OSError):
            _remove_old(state)
        return str(Path(tempfile.mkdtemp(prefix="hyflow-")) / "s")
    address.unlink(missing_ok=True)
    return str(address)


def _remove_old(state: Path) -> None:
    """Remove the directory that an earlier supervisor's socket was in."""
    old = Path(os.fsdecode((state / "socket").read_bytes()))
    if old.parent != state and old.parent.name.startswith("hyflow-"):
        old.unlink(missing_ok=True)
        old.parent.rmdir()


def _write_address(state: Path, address: str) -> None:
    fresh = state / "socket.new"
    fresh.write_bytes(os.fsencode(address))
    fresh.chmod(0o600)
    fresh.rename(state / "socket")


def _spawn(state: Path, listener: int) -> int:
    """Start the supervisor in a session of its own, with the listening socket as its standard input; its process number."""
    log = os.open(state / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    argv = [sys.executable, "-I", "-S", "-X", f"utf8={sys.flags.utf8_mode}", "-c", BOOT, str(Path(__file__).parent), str(state)]
    try:
        return os.posix_spawn(sys.executable, argv, os.environ, setsid=True, file_actions=[
            (os.POSIX_SPAWN_DUP2, listener, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)])
    finally:
        os.close(log)
