"""Stores results beside the loop: many at once, so that a run of very many jobs is not slower for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hyflow.results.index import Results
from hyflow.results.stored import Result


class Writer:
    """One thread that writes to the index at `path`; `with Writer(...)`. What is stored may be looked up a moment later. `warn` is called
    on that thread."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        self._waiting: list[Result] = []
        self._ready = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="results", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Returns when all is stored."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()

    def store(self, result: Result) -> None:
        """Never waits."""
        with self._ready:
            self._waiting.append(result)
            self._ready.notify()

    def _write(self) -> None:
        results = Results(self._path, self._warn)
        try:
            while batch := self._next():
                results.store(batch)
        finally:
            results.close()

    def _next(self) -> list[Result]:
        """What waits, as soon as something does; nothing at the end."""
        with self._ready:
            while not self._waiting and not self._closing:
                self._ready.wait()
            batch, self._waiting = self._waiting, []
            return batch
