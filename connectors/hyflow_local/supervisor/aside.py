"""Threads for work that may take long (copies, checksums of large files, removing large trees), so that starting and reaping never wait."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Work = tuple[Callable[[], Any], Callable[[Any], None]]


class Aside:
    """Runs work on threads that start when first needed; what it gives is handed over on the main thread, in `settle`."""

    def __init__(self) -> None:
        self._todo: SimpleQueue[Work] = SimpleQueue()
        self._ready: SimpleQueue[tuple[Callable[[Any], None], Any]] = SimpleQueue()
        self._threads = 0
        self.pending = 0
        self.wakes, self._waker = socket.socketpair()
        self.wakes.setblocking(False)
        self._waker.setblocking(False)

    def do(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Call `work` on a thread (it must not raise), then `then` with what it returns."""
        self.pending += 1
        self._todo.put((work, then))
        if self._threads < min(self.pending, max(2, os.cpu_count() or 1)):
            self._threads += 1
            threading.Thread(target=self._serve, name="aside", daemon=True).start()

    def _serve(self) -> None:
        while True:
            work, then = self._todo.get()
            self._ready.put((then, work()))
            with contextlib.suppress(BlockingIOError):
                self._waker.send(b"x")

    def settle(self) -> None:
        """Hand over what is ready."""
        with contextlib.suppress(BlockingIOError):
            self.wakes.recv(4096)
        while not self._ready.empty():
            then, result = self._ready.get()
            self.pending -= 1
            then(result)
