"""Mishaps at every point of a run: what befalls a hyflow just before or after it writes to its journal, or carries out an action.

`arm` is called in the process that is to suffer, before it begins.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = ("commit", "committed", "action", "acted")
"""Before and after a write to the journal, before and after an action is begun."""


def arm(at: str, number: int, what: str, where: str) -> None:
    """At the `number`th time (from 1) that the point `at` is reached, `what` happens: a key of _MISHAPS. `where`: the directory of the
    test, which hears of it; what is used up is the room of its `disk`."""
    from hyflow.engine.driver import Driver
    from hyflow.journal import store

    owner, name = (store, "commit") if at.startswith("commit") else (Driver, "_act")
    real = getattr(owner, name)
    count = 0

    def counted(*args: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == number and at in ("commit", "action"):
            _MISHAPS[what](Path(where))
        answer = real(*args, **named)
        if count == number and at in ("committed", "acted"):
            _MISHAPS[what](Path(where))
        return answer

    setattr(owner, name, counted)


def _kill(where: Path) -> None:
    (where / "reached").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(where: Path) -> None:
    """Whoever watches sends SIGCONT."""
    (where / "reached").write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)


def _full(where: Path) -> None:
    (where / "reached").touch()
    fill(where / "disk")


def fill(where: Path) -> None:
    """Use up all the room on the disk there."""
    with (where / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\1" * size)
            except OSError:
                continue


def _clock(by: float) -> Callable[[Path], None]:
    def jump(where: Path) -> None:
        (where / "reached").touch()
        real = time.time
        time.time = lambda: real() + by

    return jump


def _told(number: int) -> Callable[[Path], None]:
    def tell(where: Path) -> None:
        (where / "reached").touch()
        os.kill(os.getpid(), number)

    return tell


def _insist(where: Path) -> None:
    """Somebody who does not want to wait. Of one signal that comes twice at once a process hears once."""
    _told(signal.SIGINT)(where)
    os.kill(os.getpid(), signal.SIGTERM)


_MISHAPS = {
    "kill": _kill, "stop": _stop, "full": _full, "forward": _clock(5e6), "back": _clock(-5e6), "insist": _insist,
    "interrupt": _told(signal.SIGINT), "terminate": _told(signal.SIGTERM), "hangup": _told(signal.SIGHUP),
}  # fmt: skip
