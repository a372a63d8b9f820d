"""The terminal that this process may ask at, if there is one."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Iterator

TERMINAL = "/dev/tty"


@contextlib.contextmanager
def terminal() -> Iterator[int | None]:
    """A descriptor of the terminal; None where there is none, or it belongs to others just now. Whoever is ended while somebody types
    a password leaves it silent: in the end it is as it was."""
    try:
        descriptor = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        if not in_front(descriptor):
            yield None
            return
        with _restored(descriptor):
            yield descriptor
    finally:
        os.close(descriptor)


def in_front(descriptor: int) -> bool:
    """Whether this process may read from its terminal."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextlib.contextmanager
def _restored(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            if in_front(descriptor):
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
