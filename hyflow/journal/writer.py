"""The journal that a driver writes: `append` returns when the events are durable.

One thread writes. While it commits, further events queue up and go into the next commit together, so that the cost of
reaching the disk is shared by all that happens meanwhile. What failed once fails for ever: a driver whose record has a
hole must not go on.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from hyflow import plain
from hyflow.errors import JournalError
from hyflow.journal import lock, store
from hyflow.journal.reading import read_tallies, read_undone
from hyflow.journal.runs import RunDir
from hyflow.journal.store import Meta
from hyflow.journal.tally import StepTally, Tally, job_of, phase_of
from hyflow.model.events import Event, Failed, Finished, Submitting
from hyflow.model.jobs import Key

_LARGE = 1 << 20
"""Characters of a commit beyond which its rows go to SQLite one by one: as one text it would be in memory several times."""

_NOTHING: Mapping[Key, bytes] = {}


@dataclass(slots=True)
class _Batch:
    """What goes into the next commit, the characters of its events, the steps whose figures changed, who waits."""

    entry: store.Entry = field(default_factory=store.Entry)
    size: int = 0
    steps: dict[int, StepTally] = field(default_factory=dict)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)


class Journal:
    """The record of one run, held by its driver. `async with Journal.create(...)` or `Journal.open(...)`.

    Entering raises JournalError when another process drives the run, or the file cannot be used.
    """

    def __init__(self, run_dir: RunDir, connect: Callable[[], sqlite3.Connection]) -> None:
        self.run_dir = run_dir
        self.epoch = 0
        self._connect = connect
        self._tally = Tally()
        self._ids: dict[str, int] = {}
        self._batch = _Batch()
        self._ready = threading.Condition()
        self._closing = False
        self._broken: BaseException | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def create(cls, run_dir: RunDir, meta: Meta) -> Journal:
        """A new run's journal."""
        return cls(run_dir, lambda: store.create(run_dir.journal, meta))

    @classmethod
    def open(cls, run_dir: RunDir) -> Journal:
        """The journal of a run that has no driver any more; its events are read with `read_events`."""
        return cls(run_dir, lambda: store.reopen(run_dir.journal))

    async def __aenter__(self) -> Journal:
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread = threading.Thread(target=self._write, name=f"journal {self.run_dir.id}", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close(ended=kind is None or issubclass(kind, Exception))

    async def append(self, events: Sequence[Event], kept: Mapping[Key, bytes] = _NOTHING) -> None:
        """Returns when the events are durable, in this order and after all that was appended before.

        `kept`: of attempts that are announced (`Submitting`), by key, what whoever takes the run up again must know of them: JSON. It
        stays until the attempt has an end.

        Being cancelled while it waits does not take them back. Raises JournalError when they could not be written; from then on always.
        """
        if not events:
            return
        done: asyncio.Future[None] = self._loop.create_future()
        with self._ready:
            if self._broken is not None or self._closing:
                raise self._broken or JournalError("the run's record is closed", where=str(self.run_dir.journal))
            for event in events:
                self._add(event, kept)
            self._batch.waiters.append(done)
            self._ready.notify()
        await done

    def figures(self) -> Tally:
        """How the run stands, for somebody who counts on from here."""
        return copy.deepcopy(self._tally)

    async def close(self, *, ended: bool = True) -> None:
        """Write what still waits, then let go. `ended`: the driver ends of its own accord. The second time it does nothing."""
        with self._ready:
            if self._closing or self._thread is None:
                return
            self._closing = True
            self._ready.notify()
        await asyncio.shield(asyncio.to_thread(self._finish, ended))

    def _open(self) -> None:
        self._lock = lock.acquire(self.run_dir.lock, self.run_dir.id)
        try:
            self._db = self._connect()
            self.epoch = store.begin(self._db, self.run_dir.journal, lock.this_process())
            tallies = read_tallies(self.run_dir.journal)
            self._ids = {tally.path: index for index, tally in enumerate(tallies)}
            self._tally = Tally(tallies, read_undone(self.run_dir.journal) if tallies else {})
        except BaseException:
            self._let_go()
            raise

    def _add(self, event: Event, kept: Mapping[Key, bytes]) -> None:
        now = time.time()
        at = getattr(event, "at", now)
        for step in self._tally.count(event, at):
            self._batch.steps[self._ids.setdefault(step.path, len(self._ids))] = step
        job = job_of(event)
        number, tag = (None, None) if job is None else (self._ids[job.step], ",".join(map(str, job.tag)))
        body = plain.dumps(event).decode()
        entry = self._batch.entry
        self._batch.size += len(body)
        entry.rows.append((type(event).__name__, at, number, tag, phase_of(event), body))
        match event:
            case Submitting(key=key) if key in kept:
                entry.kept.append((key, body, kept[key].decode()))
                self._batch.size += len(kept[key])
            case (Finished(key=key) | Failed(key=key)) if key is not None:
                entry.ended.append(key)

    def _write(self) -> None:
        while True:
            with self._ready:
                while not self._batch.entry.rows and not self._closing:
                    self._ready.wait()
                if not self._batch.entry.rows:
                    return
                batch, self._batch = self._batch, _Batch()
                batch.entry.steps = [(number, plain.dumps(step).decode()) for number, step in batch.steps.items()]
            error = self._commit(batch)
            self._loop.call_soon_threadsafe(_settle, batch.waiters, error)

    def _commit(self, batch: _Batch) -> BaseException | None:
        if self._broken is None:
            try:
                with store.translated(self.run_dir.journal):
                    store.commit(self._db, self.epoch, batch.entry, large=batch.size > _LARGE)
            except Exception as error:
                self._broken = error
        return self._broken

    def _finish(self, ended: bool) -> None:
        if self._thread is not None:
            self._thread.join()
        try:
            if ended and self._broken is None:
                with store.translated(self.run_dir.journal):
                    self._db.execute("UPDATE owner SET ended = ? WHERE epoch = ?", (time.time(), self.epoch))
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()
        lock.release(self._lock)


def _settle(waiters: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
