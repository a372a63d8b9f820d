"""The kernel lock that a driver holds for its life, so that a run has one driver, and so that others can tell that it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hyflow import plain
from hyflow.errors import JournalError
from hyflow.journal.runs import why

_PATIENCE = 0.3
"""Seconds to wait for a lock that somebody is merely looking at."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who drives a run: a process of a host, since `since` (seconds since the epoch)."""

    host: str
    pid: int
    since: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> Owner:
    """The process that asks."""
    return Owner(socket.gethostname(), os.getpid(), time.time())


def acquire(path: Path, run: str) -> int:
    """Take the lock; its open descriptor, which must stay open (the kernel lets go when the process ends, however it ends).

    Raises JournalError, with who holds it, when another process does.
    """
    deadline = time.monotonic() + _PATIENCE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise JournalError(f"the run's lock cannot be opened: {why(error)}", where=str(path)) from error
    while not _held(descriptor, path):
        if time.monotonic() > deadline:
            owner = _owner(descriptor)
            os.close(descriptor)
            holds = owner or "another process"
            raise JournalError(f"run {run} is driven by {holds} already", hint=f"hyflow status {run} shows how far it is")
        time.sleep(0.02)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, plain.dumps(this_process()), 0)
    except OSError as error:
        os.close(descriptor)
        raise JournalError(f"the run's lock cannot be written: {why(error)}", where=str(path), hint="make room there") from error
    return descriptor


def _held(descriptor: int, path: Path) -> bool:
    try:
        return _try(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        os.close(descriptor)
        hint = "set HYFLOW_HOME to a directory on a disk of this machine"
        raise JournalError(f"the run cannot be locked: {why(error)}", where=str(path), hint=hint) from error


def holder(path: Path) -> Owner | None:
    """Who holds the lock now, or None when nobody does. Never takes it away from a driver."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if _try(descriptor, fcntl.LOCK_SH):
            return None
        return _owner(descriptor) or Owner("an unknown host", 0, 0.0)
    except OSError:  # there are no locks here, and so no drivers
        return None
    finally:
        os.close(descriptor)


def release(descriptor: int) -> None:
    """Let go."""
    os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(descriptor: int) -> Owner | None:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        owner: Owner = plain.loads(os.pread(descriptor, 4096, 0), Owner)
        return owner
    return None
