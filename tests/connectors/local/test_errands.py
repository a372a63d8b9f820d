"""What is run for jobs that are over: a few at a time, never for long when the engine hangs, and not for what nobody wants any more."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hyflow_local.supervisor import enclosed
from hyflow_local.supervisor.aside import Aside
from hyflow_local.supervisor.enclosed import Aftermath
from hyflow_local.supervisor.errands import AT_ONCE, Errands, run_all
from hyflow_local.supervisor.jobs import Job
from hyflow_local.supervisor.spares import Spares

HANGS = ("sleep", "300")


class Loop:
    """Does for an Aftermath what the supervisor's loop does."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDWR)
        self._timers: list[tuple[float, Job, Callable[[Job], object]]] = []
        self.aside = Aside()
        self.aftermath = Aftermath(self._null, self.aside, self._after)
        self.over: list[str] = []

    def _after(self, seconds: float, job: Job, action: Callable[[Job], object]) -> None:
        self._timers.append((time.monotonic() + seconds, job, action))

    def settle(self, job: Job) -> None:
        self.aftermath.settle(job, lambda: self.over.append(job.key))

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        ending = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ending, "this took too long"
            select.select([self.aside.wakes], [], [], 0.01)
            self.aside.settle()
            reap(self.aftermath.reaped)
            due = [timer for timer in self._timers if timer[0] <= time.monotonic()]
            self._timers = [timer for timer in self._timers if timer not in due]
            for _, job, action in due:
                if job.key not in self.over:
                    action(job)

    def close(self) -> None:
        os.close(self._null)
        self.aside.wakes.close()
        self.aside._waker.close()


def reap(heard: Callable[[int, int], None]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        heard(pid, status)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def job(key: str, base: Path, end: tuple[str, ...] = (), own: tuple[str, ...] = (), code: int = 125) -> Job:
    """A job whose client has ended."""
    task: dict[str, Any] = {"key": key, "dir": str(base), "enclosure": {"end": [*end], "own": [*own], "id_file": "", "paths": []}}
    made = Job(task, Spares())
    made.status = code << 8
    return made


def test_an_engine_that_hangs_is_waited_for_once(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosed, "ENDING", 1.5)
    monkeypatch.setattr(enclosed, "HURRIED", 0.1)
    begun = time.monotonic()
    jobs = [job(str(number), tmp_path, HANGS) for number in range(4 * AT_ONCE)]
    for each in jobs:
        loop.settle(each)
    loop.until(lambda: len(loop.over) == 4 * AT_ONCE)
    assert 1.5 < time.monotonic() - begun < 3.5  # and not four times 1.5
    assert {each.trouble for each in jobs} == {enclosed.HANGS}  # nothing is read that may still be written


def test_an_engine_that_answers_again_has_its_time_again(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosed, "ENDING", 0.8)
    monkeypatch.setattr(enclosed, "HURRIED", 0.1)
    done = tmp_path / "done"
    loop.settle(job("hangs", tmp_path, HANGS))
    loop.until(lambda: loop.over == ["hangs"])
    loop.settle(job("answers", tmp_path, ("true",)))
    loop.until(lambda: loop.over == ["hangs", "answers"])
    slow = job("slow", tmp_path, ("sh", "-c", 'sleep 0.4; touch "$0"', str(done)))
    loop.settle(slow)
    loop.until(lambda: len(loop.over) == 3)
    assert done.exists()
    assert slow.trouble is None


def test_ends_that_cannot_be_started_keep_nothing_waiting(loop: Loop, tmp_path: Path) -> None:
    for number in range(2 * AT_ONCE):
        loop.settle(job(str(number), tmp_path, ("/is/not/there",) if number % 2 else ("a\0b",)))
    assert len(loop.over) == 2 * AT_ONCE


def test_no_more_run_at_once_than_may(tmp_path: Path) -> None:
    null, running, most, over = os.open(os.devnull, os.O_RDWR), 0, 0, 0

    def begun(give_up: Callable[[], bool]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)

    def then(done: bool) -> None:
        nonlocal running, over
        running -= 1
        over += done

    errands = Errands(null)
    for _ in range(3 * AT_ONCE):
        errands.run(("sleep", "0.05"), begun, then)
    while over < 3 * AT_ONCE:
        reap(errands.reaped)
        time.sleep(0.01)
    os.close(null)
    assert most == AT_ONCE


def test_what_is_given_up_when_it_is_over_harms_nobody(tmp_path: Path) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    kept: list[Callable[[], bool]] = []
    ends: list[bool] = []
    errands = Errands(null)
    errands.run(("false",), kept.append, ends.append)
    while not ends:
        reap(errands.reaped)
    os.close(null)
    assert (ends, kept[0]()) == ([False], False)


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of an attempt whose files belong to somebody else, as it seems."""
    for name in ("out", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").touch()
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    return tmp_path


def test_nobody_is_waited_for_whose_outputs_are_not_wanted_any_more(loop: Loop, others: Path) -> None:
    owned, begun = job("owned", others, own=("sh", "-c", 'touch "$0"; sleep 300', str(others / "begun")), code=0), time.monotonic()
    loop.settle(owned)
    loop.until((others / "begun").exists)
    loop.aftermath.hurry(["owned", "unknown"])
    loop.until(lambda: loop.over == ["owned"])
    assert owned.foreign
    assert time.monotonic() - begun < 10


def test_a_change_of_owner_has_little_time_after_a_cancel(loop: Loop, others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosed, "HURRIED", 0.2)
    cancelled = job("cancelled", others, own=HANGS)
    cancelled.ending = "cancel"
    loop.settle(cancelled)
    loop.until(lambda: loop.over == ["cancelled"], 10)


def test_a_change_of_owner_that_did_its_work(loop: Loop, others: Path) -> None:
    made = job("made", others, own=("touch", str(others / "asked")), code=0)
    loop.settle(made)
    loop.until(lambda: loop.over == ["made"])
    assert (others / "asked").exists()
    assert not made.foreign


def test_many_files_are_looked_through_aside(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid() or 12345
    monkeypatch.setattr(os, "geteuid", lambda: user)
    for folder in (*(tmp_path / name for name in ("out", "tmp")), *(tmp_path / "out" / str(number) for number in range(10))):
        folder.mkdir()
        os.chown(folder, user, -1)
        for number in range(100):
            (folder / f"f{number}").touch()
            os.chown(folder / f"f{number}", user, -1)
    loop.settle(job("many", tmp_path, own=("touch", str(tmp_path / "asked")), code=0))
    assert not loop.over  # nothing waits for it
    loop.until(lambda: loop.over == ["many"], 10)
    assert not (tmp_path / "asked").exists()


def test_ends_of_a_dead_supervisor_s_jobs_have_a_bound_together(tmp_path: Path) -> None:
    begun = time.monotonic()
    run_all([HANGS] * (2 * AT_ONCE + 1) + [("touch", str(tmp_path / "done"))], 1.0, 0.3)
    assert 1.5 < time.monotonic() - begun < 5
    assert (tmp_path / "done").exists()
