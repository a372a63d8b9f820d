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
from typing import Any

import pytest
from commandline import until
from crashing import JOB, LABELS, ONCE, SITES, CrashingShell, content, settled, tree
from dying import POINTS
from warm import Warm, warmed

EVERY = int(os.environ.get("HYFLOW_CRASH_EVERY", "9"))
"""Every so many points are tried; all of them with 1 (make soak)."""


ASLEEP = float(os.environ.get("HYFLOW_CRASH_ASLEEP", "3"))
"""Seconds."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, str]]:
    """What the run gives that nothing befalls."""
    shell = CrashingShell(warm, tmp_path_factory.mktemp("undisturbed"), SITES["local"])
    done = shell.begin()
    assert shell.starts == ONCE
    return content(done.output, shell.top), tree(shell.top)


@pytest.mark.parametrize("way", SITES)
@pytest.mark.parametrize("at", POINTS)
def test_killed_at_every_point(warm: Warm, tmp_path: Path, undisturbed: Any, way: str, at: str) -> None:
    for number in range(1 + POINTS.index(at), 1000, EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        if not died(shell, (at, number, "kill")):
            return
        assert shell.resume().status in (0, -9)
        same_as_undisturbed(shell, undisturbed)
        assert shell.starts == ONCE, (at, number)
    raise AssertionError("the run has no end")


def test_killed_once_more_while_it_goes_on(warm: Warm, tmp_path: Path, undisturbed: Any) -> None:
    for number in range(3, 40, 2 * EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES["local"])
        assert died(shell, ("commit", number, "kill"))
        for again in (1, 2, 5, 9):
            assert shell.resume(("committed" if again % 2 else "action", again, "kill")).status in (0, -9)
        same_as_undisturbed(shell, undisturbed)
        assert shell.starts == ONCE, number


@pytest.mark.parametrize("at", POINTS)
def test_killed_with_its_supervisor(warm: Warm, tmp_path: Path, undisturbed: Any, at: str) -> None:
    """What ran has been ended and runs again; what had finished does not."""
    for number in range(1 + 2 * POINTS.index(at), 1000, EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES["local"])
        if not died(shell, (at, number, "kill")):
            return
        shell.kill_supervisor()
        done, before = shell.finished(), shell.starts
        same_as_undisturbed(shell, undisturbed)
        more = {label for label, count in shell.starts.items() if count > ONCE[label]}
        assert all(count <= ONCE[label] + 2 for label, count in shell.starts.items()), shell.starts
        assert not {label for label in more if before[label] and job_of(label) in done}, (at, number, more, done)
    raise AssertionError("the run has no end")


def job_of(label: str) -> str:
    """The job whose command starts under this label; those of /chain share one, which no set of jobs holds."""
    step, _, name = label.partition("-")
    path = f"/inner/{step}" if step in ("first", "second") else f"/{step}"
    return f"{path}[{JOB['names'].index(name)}]" if name else path


@pytest.mark.parametrize("way", SITES)
@pytest.mark.parametrize("jump", ["forward", "back"])
def test_the_clock_jumps(warm: Warm, tmp_path: Path, undisturbed: Any, way: str, jump: str) -> None:
    for number in (2, 11):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        done = shell.begin(("commit", number, jump))
        assert shell.reached and (content(done.output, shell.top), tree(shell.top)) == undisturbed
        assert shell.starts == ONCE
        status = json.loads(shell("hyflow", "status", "--json").stdout)
        assert status["elapsed"] >= 0 and all(step["last"] is None or step["last"] >= step["first"] for step in status["steps"])


@pytest.mark.parametrize("way", SITES)
def test_hyflow_is_suspended_for_long(warm: Warm, tmp_path: Path, undisturbed: Any, way: str) -> None:
    """As a laptop is that sleeps. What ran has long ended when it goes on."""
    for number in (4, 13):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(shell.begin, ("committed", number, "stop"))
            until(lambda shell=shell: shell.reached and (shell.top / "reached").read_text())
            time.sleep(ASLEEP)
            os.kill(int((shell.top / "reached").read_text()), signal.SIGCONT)
        assert (content(done.result().output, shell.top), tree(shell.top)) == undisturbed
        assert shell.starts == ONCE


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("at", ["commit", "action"])
def test_the_disk_fills_up_at_every_point(warm: Warm, tmp_path: Path, undisturbed: Any, at: str) -> None:
    """The run says so, and goes on when there is room again. What had ended and could not be written down any more runs again."""
    for number in range(2, 1000, 2 * EVERY):
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
            same_as_undisturbed(shell, undisturbed)
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


def died(shell: CrashingShell, mishap: tuple[str, int, str]) -> bool:
    """Begin; whether the mishap came before the end. A run that had not begun by then is begun anew."""
    done = shell.begin(mishap)
    if done.status != -9:
        assert done.status == 0 and not shell.reached, done.stderr
        return False
    if not shell.has_begun():
        assert shell.starts == {}
        shell.begin()
    return True


def same_as_undisturbed(shell: CrashingShell, undisturbed: Any) -> None:
    done = shell.resume()
    assert (content(done.output, shell.top), tree(shell.top)) == undisturbed
    settled(shell)
