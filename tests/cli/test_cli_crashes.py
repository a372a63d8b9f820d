"""hyflow is killed, or worse, at every point of a run: whoever takes it up gets what an undisturbed run gives; nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import until
from crashing import EVERY, LABELS, ONCE, SITES, CrashingShell, Delivery, delivery, ends_as, job_of, settled, sparsely, undisturbed_run
from dying import POINTS
from warm import Warm, warmed

ASLEEP = float(os.environ.get("HYFLOW_CRASH_ASLEEP", "3"))
"""Seconds."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("way", SITES)
@pytest.mark.parametrize("at", POINTS)
def test_killed_at_every_point(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str, at: str) -> None:
    for number in range(1 + POINTS.index(at), 1000, EVERY if way == "local" else sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES[way])
        if not shell.died((at, number, "kill")):
            return
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (at, number)
    raise AssertionError("the run has no end")


def test_killed_once_more_while_it_goes_on(warm: Warm, tmp_path: Path, undisturbed: Delivery) -> None:
    for number in range(3, 40, sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES["local"])
        assert shell.died(("commit", number, "kill"))
        for again in (1, 2, 5, 9):
            assert shell.resume(mishap=("committed" if again % 2 else "action", again, "kill")).status in (0, -9)
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, number


@pytest.mark.parametrize("at", POINTS)
def test_killed_with_its_supervisor(warm: Warm, tmp_path: Path, undisturbed: Delivery, at: str) -> None:
    """What ran has been ended and runs again; what had finished does not."""
    for number in range(1 + 2 * POINTS.index(at), 1000, sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES["local"])
        if not shell.died((at, number, "kill")):
            return
        shell.kill_supervisor()
        done, before = shell.finished(), shell.starts
        ends_as(undisturbed, shell)
        more = {label for label, count in shell.starts.items() if count > ONCE[label]}
        assert all(count <= ONCE[label] + 2 for label, count in shell.starts.items()), shell.starts
        assert not {label for label in more if before[label] and job_of(label) in done}, (at, number, more, done)
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("way", SITES)
@pytest.mark.parametrize("jump", ["forward", "back"])
def test_the_clock_jumps(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str, jump: str) -> None:
    for number in (2, 11):
        shell = CrashingShell(warm, tmp_path, SITES[way])
        done = shell.begin(("commit", number, jump))
        assert shell.reached and delivery(done, shell) == undisturbed
        assert shell.starts == ONCE
        status = json.loads(shell("hyflow", "status", "--json").stdout)
        assert status["elapsed"] >= 0 and all(step["last"] is None or step["last"] >= step["first"] for step in status["steps"])


@pytest.mark.parametrize("way", SITES)
def test_hyflow_is_suspended_for_long(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str) -> None:
    """As a laptop is that sleeps. What ran has long ended when it goes on."""
    for number in (4, 13):
        shell = CrashingShell(warm, tmp_path, SITES[way])
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(shell.begin, ("committed", number, "stop"))
            until(lambda shell=shell: shell.reached and (shell.top / "reached").read_text())
            time.sleep(ASLEEP)
            os.kill(int((shell.top / "reached").read_text()), signal.SIGCONT)
        assert delivery(done.result(), shell) == undisturbed
        assert shell.starts == ONCE


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("at", ["commit", "action"])
def test_the_disk_fills_up_at_every_point(warm: Warm, tmp_path: Path, undisturbed: Delivery, at: str) -> None:
    """The run says so, and goes on when there is room again. What had ended and could not be written down any more runs again."""
    for number in range(2, 1000, sparsely(2)):
        shell = CrashingShell(warm, tmp_path / str(number), SITES["local"], home="disk/home")
        with small_disk(shell.top / "disk"):
            done = shell.begin((at, number, "full"))
            if not shell.reached:
                return
            if done.status:
                assert "full" in done.stderr, done.stderr
            settled(shell)
            (shell.top / "disk" / "ballast").unlink()
            finished = shell.finished() if shell.has_begun() else set()
            before = shell.starts
            if not shell.has_begun():
                shell.begin()
            if shell.resume().status == 1:  # a command could not write its output, and has failed
                shell("hyflow", "rerun", "--failed")
            ends_as(undisturbed, shell)
            again = {label for label in LABELS if shell.starts[label] > max(before[label], ONCE[label])}
            assert not {label for label in again if job_of(label) in finished}, (at, number, again, finished)
    raise AssertionError("the run has no end")


@contextlib.contextmanager
def small_disk(where: Path) -> Iterator[None]:
    where.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)
