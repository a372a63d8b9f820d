"""Finds the supervisor of a state directory, or starts it.

The lock of its record says that one is alive. It is taken here, before anything that an earlier supervisor has left is touched, and given
to the new one at its birth: so there are never two, and none takes away the other's socket.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hyflow import plain
from hyflow.errors import SiteError
from hyflow.model.resources import Resources
from hyflow_local.link import Link, Message, connect
from hyflow_local.patience import Patience
from hyflow_local.supervisor.main import BOOT, RECORD

ADDRESS_LIMIT = 100
"""Bytes of a path that a local socket may have on every system."""
PATIENCE = 60.0
"""Seconds for which a supervisor that is there may give no answer: it may have much to end."""
Hear = Callable[[Message], None]


async def attach(state: Path, workdir: str, room: Resources, hear: Hear) -> Link:
    """A link to the supervisor of this state directory: the one that still runs, or a new one. Raises SiteError."""
    spares = f"{workdir}/.spare-{hashlib.sha256(os.fsencode(state)).hexdigest()[:12]}"
    hello = plain.dumps({"path": os.environ.get("PATH", os.defpath), "spares": spares, "room": room}) + b"\n"
    patience = Patience(PATIENCE)
    while not patience.over:
        link = await _find(state, hello, hear, patience) or await _start(state, hello, hear)
        if link is not None:
            return link
        await patience.pause()  # one that ends just now
    raise SiteError(f"the supervisor of local jobs has given no answer for {PATIENCE:g} seconds", transient=True, where=str(state),
                    hint="perhaps it was stopped: it is the process whose last argument is that directory; kill -CONT lets it go on")


async def _find(state: Path, hello: bytes, hear: Hear, patience: Patience) -> Link | None:
    """The link to a supervisor that answers. None: it is gone, or about to be."""
    try:
        link = await connect(os.fsdecode((state / "socket").read_bytes()), hear)
    except OSError:
        return None
    link.send(hello)
    there = False
    try:
        there = await patience.until(link.ready) and not link.closed.is_set()
    finally:
        if not there:
            link.close()
    return link if there else None


async def _start(state: Path, hello: bytes, hear: Hear) -> Link | None:
    """A new supervisor; nobody need wait until it is there. None when there is another one."""
    try:
        record = _lock(state / "attempts")
        if record is None:
            return None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                return await _born(state, listener, record, hello, hear)
        finally:
            os.close(record)
    except OSError as error:
        what = f"the supervisor of local jobs could not be started: {error.strerror or error}"
        raise SiteError(what, transient=False, where=str(state)) from error


async def _born(state: Path, listener: socket.socket, record: int, hello: bytes, hear: Hear) -> Link:
    """Connected first, so that it has a client whatever becomes of us, and does not wait for one for ever."""
    link = await connect(_listen(state, listener), hear)
    try:
        link.send(hello)
        link.pid = link.child = _spawn(state, listener.fileno(), record)
    except OSError:
        link.close()
        raise
    return link


def _lock(path: Path) -> int | None:
    """The record, open and locked; None while a supervisor lives."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)  # out of the way of the number that it will have in the supervisor
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


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


def _spawn(state: Path, listener: int, record: int) -> int:
    """Start the supervisor in a session of its own, with the listening socket as its standard input; its process number."""
    log = os.open(state / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    argv = [sys.executable, "-I", "-S", "-X", f"utf8={sys.flags.utf8_mode}", "-c", BOOT, str(Path(__file__).parent), str(state)]
    try:
        return os.posix_spawn(sys.executable, argv, os.environ, setsid=True, file_actions=[
            (os.POSIX_SPAWN_DUP2, listener, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2),
            (os.POSIX_SPAWN_DUP2, record, RECORD)])
    finally:
        os.close(log)
