"""Where the ssh program's control sockets lie: whoever can connect to one is logged in at its host, so nobody else may come near."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from hyflow.errors import SiteError

LONGEST = 104
"""Bytes of a socket's path, with the NUL, on the system that allows the least."""
NAME = 16
"""Characters of a socket's name; ssh adds as many and a dot while it makes it."""
AGAIN = 0.1


def directory() -> Path:
    """The first place that serves, made if need be. Raises SiteError."""
    for place in places():
        with contextlib.suppress(OSError):
            if serves(place):
                return place
    raise SiteError(
        "there is no place for the socket of a shared connection of ssh", transient=False,
        hint="Set HYFLOW_HOME to a directory of your own with a short name, on a disk of this machine.",
    )  # fmt: skip


def places() -> Iterator[Path]:
    """Where hyflow's records are first: unlike XDG_RUNTIME_DIR it stays when its user logs out and runs go on in the background."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    yield Path(os.path.abspath(os.environ.get("HYFLOW_HOME") or os.path.join(data, "hyflow")), "ssh")
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(os.path.abspath(runtime), "hyflow")
    yield Path(tempfile.gettempdir(), f"hyflow-{os.getuid()}")


def serves(place: Path) -> bool:
    """Whether it is this user's alone, ssh can name it, and sockets can be made there as ssh makes them. Raises OSError where not."""
    if len(os.fsencode(place)) + 2 * (NAME + 1) + 1 > LONGEST or set("%$~") & set(str(place)):
        return False
    place.parent.mkdir(0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        place.mkdir(0o700)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return False
    _try(place / secrets.token_hex(NAME // 2))
    return True


def _try(path: Path) -> None:
    """ssh makes a socket under another name first, and goes on without one where that cannot be."""
    made = path.with_suffix(".try")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(made))
        try:
            os.link(made, path)
            path.unlink()
        finally:
            made.unlink()


@contextlib.asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """While this lasts no other hyflow of this user logs in for the socket: who comes second finds what the first has made."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _locked(descriptor):  # noqa: ASYNC110  # another process lets go of it, which sets no event here
            await asyncio.sleep(AGAIN)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
