"""Short commands of a container engine that are run for jobs whose own command is over."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from .spawn import DEFAULTS

Then = Callable[[bool], None]
Started = Callable[[Callable[[], bool]], None]

AT_ONCE = 16
"""Errands that run at the same time."""


class Errands:
    """Short commands of the engine's, run for a job that is over and reaped by whoever reaps all children."""

    def __init__(self, null: int) -> None:
        self._null = null
        self._running: dict[int, Then] = {}
        self._waiting: deque[tuple[Sequence[str], Started, Then]] = deque()

    def run(self, argv: Sequence[str], started: Started, then: Then) -> None:
        """Run the command as soon as few enough run. `started` gets what ends it when it takes too long, which gives whether it still ran;
        `then` hears whether it did its work."""
        self._waiting.append((argv, started, then))
        self._start()

    def reaped(self, pid: int, status: int) -> None:
        """A child has ended. If it was an errand, what waited for it goes on."""
        then = self._running.pop(pid, None)
        if then is not None:
            then(status == 0)
            self._start()

    def _give_up(self, pid: int, then: Then) -> bool:
        if self._running.get(pid) is not then:  # over, and its number may have been given to another one
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return True

    def _start(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            argv, started, then = self._waiting.popleft()
            pid = start(argv, self._null)
            if pid:
                self._running[pid] = then
                started(partial(self._give_up, pid, then))
            else:
                then(False)


def start(argv: Sequence[str], null: int) -> int:
    """Start an errand in our own environment, as the leader of a session; 0 when it cannot be started."""
    files = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    try:
        return os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=files, setsid=True, setsigmask=(), setsigdef=DEFAULTS)
    except (OSError, ValueError):
        return 0


def run_all(commands: Sequence[Sequence[str]], patience: float, hurried: float) -> None:
    """Run commands in `/`, a few at a time, where nobody else reaps. Each has so many seconds; `hurried`: when others took too long."""
    import subprocess

    for at in range(0, len(commands), AT_ONCE):
        running: list[subprocess.Popen[bytes]] = []
        for argv in commands[at:at + AT_ONCE]:
            with contextlib.suppress(OSError, ValueError):
                running.append(subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                    start_new_session=True))
        until = time.monotonic() + patience
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                patience = hurried
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
