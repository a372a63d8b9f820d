"""`hyflow resume` of a run that somebody else drives, or may drive: here, on another host, or at the same moment."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import Ended, until
from crashing import ONCE, SITES, CrashingShell, Delivery, delivery, ends_as, settled, undisturbed_run
from warm import Warm, warmed

from hyflow.journal import find_run, holder


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


class Asleep:
    """A run whose driver was suspended in its middle. `woken` is how it ended."""

    def __init__(self, shell: CrashingShell, pool: ThreadPoolExecutor, number: int, *, again: bool = False) -> None:
        mishap = ("committed", number, "stop")
        self._driver = pool.submit(lambda: shell.resume(mishap=mishap) if again else shell.begin(mishap))
        until(lambda: shell.reached and (shell.top / "reached").read_text())
        self.pid = int((shell.top / "reached").read_text())

    def woken(self) -> Ended:
        os.kill(self.pid, signal.SIGCONT)
        return self._driver.result()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def ended(process: subprocess.Popen[str]) -> Ended:
    with process:
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def move_to(shell: CrashingShell, host: str) -> None:
    """The record says that a driver on that host has the run now."""
    with contextlib.closing(sqlite3.connect(find_run(shell.home).journal)) as db, db:
        db.execute("UPDATE owner SET host = ?, epoch = epoch + 1", (host,))


@pytest.mark.parametrize("again", [False, True])
def test_a_run_that_is_driven_here(warm: Warm, tmp_path: Path, undisturbed: Delivery, pool: ThreadPoolExecutor, again: bool) -> None:
    """By the hyflow that began it, or by one that has taken it up."""
    shell = CrashingShell(warm, tmp_path, SITES["local"])
    if again:
        assert shell.died(("commit", 9, "kill"))
    driver = Asleep(shell, pool, 5, again=again)
    run, owner = find_run(shell.home).id, f"process {driver.pid} on {socket.gethostname()}"
    hints = (f"run {run} is driven by {owner}", f"hyflow attach {run} shows it", f"hyflow cancel {run} ends it")
    for words in ((), ("--take-over",)):
        ended(shell.start("hyflow", "resume", run, *words)).fails(1, *hints)
    assert delivery(driver.woken(), shell) == undisturbed
    assert shell.starts == ONCE


def test_two_who_take_it_up_at_once(warm: Warm, tmp_path: Path, undisturbed: Delivery) -> None:
    """One of them drives; the other says so, or finds the run done."""
    shell = CrashingShell(warm, tmp_path, SITES["local"])
    assert shell.died(("commit", 6, "kill"))
    first, second = sorted(map(ended, [shell.start("hyflow", "resume") for _ in range(2)]), key=lambda one: one.status)
    assert delivery(first, shell) == undisturbed
    assert " is driven by process " in second.stderr if second.status else delivery(second, shell) == undisturbed, second.stderr
    assert shell.starts == ONCE


@pytest.mark.parametrize("way", SITES)
def test_a_run_of_another_host(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str) -> None:
    shell = CrashingShell(warm, tmp_path, SITES[way])
    assert shell.died(("commit", 12, "kill"))
    move_to(shell, "elsewhere")
    said = ("was driven by process ", " on elsewhere, and nobody has recorded its end", "add --take-over")
    shell.resume().fails(1, *said)
    assert delivery(shell.resume("--take-over"), shell) == undisturbed
    settled(shell)
    assert shell.starts == ONCE


def test_an_old_driver_learns_that_its_run_is_another_s(
    warm: Warm, tmp_path: Path, undisturbed: Delivery, pool: ThreadPoolExecutor
) -> None:
    """It stops at its next commit, and ends nothing at sites that others reach as well."""
    shell = CrashingShell(warm, tmp_path, SITES["shell"])
    driver = Asleep(shell, pool, 12)
    move_to(shell, "elsewhere")
    driver.woken().fails(1, "another process has taken this run over; this one stops")
    shell.resume().fails(1, " on elsewhere, and nobody has recorded its end")
    assert delivery(shell.resume("--take-over"), shell) == undisturbed
    settled(shell)
    assert shell.starts == ONCE


@pytest.mark.parametrize("number", [6, 30])
def test_an_old_driver_wakes_up_when_its_run_is_done(
    warm: Warm, tmp_path: Path, undisturbed: Delivery, pool: ThreadPoolExecutor, number: int
) -> None:
    """Where the lock does not reach from host to host: what the other has delivered stays as it is.

    An attempt that it had announced when it fell asleep, and had not sent off, it sends: once, as it cannot announce another.
    """
    shell = CrashingShell(warm, tmp_path, SITES["shell"])
    driver = Asleep(shell, pool, number)
    move_to(shell, "elsewhere")
    lock = find_run(shell.home).lock
    lock.rename(lock.with_name("lock.elsewhere"))
    other = ended(shell.start("hyflow", "resume", "--take-over"))
    assert delivery(other, shell) == undisturbed
    driver.woken().fails(1, "another process has taken this run over; this one stops")
    assert holder(lock) is None
    ends_as(undisturbed, shell)
    assert all(count <= 2 * ONCE[label] for label, count in shell.starts.items()), shell.starts
