"""hyflow is told to stop at many points of a run, by signals and by `hyflow cancel`; taken up, it gives what an undisturbed one gives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import Ended, until
from crashing import EVERY, ONCE, SITES, CrashingShell, Delivery, delivery, ends_as, job_of, undisturbed_run
from warm import Warm, warmed

STOPPED = 130


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize(("way", "what"), [("local", "hangup"), ("shell", "hangup"), ("shell", "interrupt"), ("shell", "terminate")])
def test_what_goes_on_is_found_again(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str, what: str) -> None:
    """Nothing that had begun begins once more."""
    for number in range(1, 1000, 2 * EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        done = shell.begin(("committed" if number % 4 == 1 else "action", number, what))
        if not shell.reached:
            return
        assert done.status in (0, STOPPED), done.stderr
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (number, done.stderr)
    raise AssertionError("the run has no end")


@pytest.mark.parametrize(("way", "what"), [("local", "interrupt"), ("local", "terminate"), ("local", "insist"), ("shell", "insist")])
def test_what_is_ended_begins_again(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str, what: str) -> None:
    """And nothing else does; when hyflow has gone, nothing runs any more."""
    for number in range(2, 1000, 2 * EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        done = shell.begin(("commit" if number % 4 == 2 else "acted", number, what))
        if not shell.reached:
            return
        ended_and_begun_again(undisturbed, shell, done)
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("way", SITES)
def test_cancelled_from_another_terminal(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str) -> None:
    for number in range(3, 36, 2 * EVERY):
        shell = CrashingShell(warm, tmp_path / str(number), SITES[way])
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(shell.begin, ("committed", number, "stop"))
            until(lambda shell=shell: shell.reached and (shell.top / "reached").read_text())
            with shell.start("hyflow", "cancel", "last") as asking:
                until(lambda pid=asking.pid: asks(pid))
                os.kill(int((shell.top / "reached").read_text()), signal.SIGCONT)
                said = asking.communicate(timeout=60)
            assert (asking.returncode, said[1]) == (0, "") and ": cancelled, " in said[0], said
        ended_and_begun_again(undisturbed, shell, running.result())


def asks(pid: int) -> bool:
    """Whether the process is connected to the driver: it has a socket beside the pair that an event loop has."""
    links = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(str(path.readlink()))
    return sum(link.startswith("socket:") for link in links) > 2


def ended_and_begun_again(undisturbed: Delivery, shell: CrashingShell, done: Ended) -> None:
    if done.status == 0:
        assert delivery(done, shell) == undisturbed
    else:
        assert done.status == STOPPED, done.stderr
        assert shell.is_quiet(), done.stderr
        assert json.loads(shell("hyflow", "status", "--json").stdout)["running"] == 0
    finished, before = shell.finished(), shell.starts
    ends_as(undisturbed, shell)
    assert all(count <= ONCE[label] + 1 for label, count in shell.starts.items()), shell.starts
    more = {label for label, count in shell.starts.items() if count > ONCE[label]}
    assert not {label for label in more if before[label] and job_of(label) in finished}, (more, finished, done.stderr)
