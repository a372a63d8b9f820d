"""Runs in the background: the command goes on in a process of its own, in a session of its own, and the one in the terminal ends when
the run has begun. Until then all messages go to the terminal, and what a site asks comes from there; from then on messages go into the
run's own directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from hyflow.interruption import SIGNALS
from hyflow.model.events import Delivered, Event
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.observer import Observer
from hyflow.report.sofar import SoFar

LOG, OUTPUT = "hyflow.log", "output.json"
"""In the run's directory: the messages of a run in the background, and its output object."""


class Beginning:
    """Handed from the process in the background to the one in the terminal: that the run has begun, and which one it is."""

    def __init__(self, pipe: int, runs: Path) -> None:
        self._pipe, self._runs = pipe, runs
        self.folder: Path | None = None

    def has_come(self, run: str) -> None:
        """The terminal is left, messages go into the run's directory now, and the process in the terminal ends. Nobody there any more is
        no mishap."""
        os.setsid()
        self.folder = self._runs / run
        try:
            log = os.open(self.folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:  # the disk is full: the run itself will tell
            log = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        _become(log, 2)
        _become(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)  # until now its job file may have come from there
        with contextlib.suppress(OSError):
            os.write(self._pipe, run.encode())
        os.close(self._pipe)


class Detached:
    """An observer before another one. The run has begun with its first event: what failed earlier leaves no run."""

    def __init__(self, observer: Observer, beginning: Beginning) -> None:
        self._observer, self._beginning = observer, beginning
        self._held: list[Callable[[], None]] = []
        """What it is told when the run has begun."""

    def begin(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        self._held = [lambda: self._beginning.has_come(run), lambda: self._observer.begin(program, run, so_far)]

    def event(self, event: Event) -> None:
        for tell in self._held:
            tell()
        self._held = []
        self._observer.event(event)
        if isinstance(event, Delivered):
            self._keep(event)

    def stage(self, job: JobId, text: str) -> None:
        self._observer.stage(job, text)

    def warn(self, text: str) -> None:
        self._observer.warn(text)

    def note(self, text: str) -> None:
        self._observer.note(text)

    def alarm(self, text: str) -> None:
        self._observer.alarm(text)

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        if not self._held:
            self._observer.end(failures)

    def _keep(self, event: Delivered) -> None:
        """The output object, whole or not at all."""
        if (folder := self._beginning.folder) is None:
            return
        fresh = folder / f"{OUTPUT}.new"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "w") as file:
                file.write(json.dumps(event.outputs, indent=4) + "\n")
            fresh.rename(folder / OUTPUT)
        except OSError as error:
            self._observer.alarm(f"{folder / OUTPUT} cannot be written ({error.strerror}): hyflow attach {folder.name} prints the same")


def detached(work: Callable[[Beginning], int], runs: Path, *, quiet: bool) -> int:
    """Do the work in the background; the exit status. It has a Beginning to tell when the run has begun, whose id is then printed. A run
    that cannot begin ends as it would in the terminal. `quiet`: do not say how to look at the run."""
    here, there = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()  # no thread has been started yet
    if child == 0:
        os.close(here)
        _outlive_terminal()
        return work(Beginning(there, runs))
    os.close(there)
    with _passed_on(child), os.fdopen(here, encoding="utf-8") as pipe:
        run = pipe.read()
        status = 0 if run else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not run:
        return status if status >= 0 else 128 - status
    print(run, flush=True)
    if not quiet:
        print(f"in the background: hyflow attach {run}, hyflow status {run}, hyflow cancel {run}", file=sys.stderr)
    return 0


def _outlive_terminal() -> None:
    """The end of the terminal is not this process's, and nobody who reads what hyflow prints waits for its end. It stays in front, where
    it may ask, until its run has begun; what is typed there to interrupt it reaches it as well."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _become(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), 1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _become(descriptor: int, number: int) -> None:
    os.dup2(descriptor, number)
    os.close(descriptor)


@contextlib.contextmanager
def _passed_on(child: int) -> Iterator[None]:
    """Signals end the process in the background, whose own end then ends this one. What is ignored stays ignored."""

    def passed(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM if number == signal.SIGHUP else number)

    before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, passed)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
