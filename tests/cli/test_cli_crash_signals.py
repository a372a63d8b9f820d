"""hyflow is told to stop at many points of a run, by signals and by `hyflow cancel`; taken up, it gives what an undisturbed one gives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import Ended, Shell, processes, until
from crashing import ONCE, SITES, CrashingShell, Delivery, delivery, ends_as, job_of, sparsely, undisturbed_run
from warm import Warm, warmed

from hyflow.journal import find_run, read_milestones
from hyflow.model.events import Stopping

STOPPED = 130
ENDED = ("no job goes on meanwhile", "not all results were delivered")
"""What is said where nothing runs any more: of jobs that were stopped, or when there was none left to be stopped."""


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
    for number in range(1, 1000, sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES[way])
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
    for number in range(2, 1000, sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES[way])
        done = shell.begin(("commit" if number % 4 == 2 else "acted", number, what))
        if not shell.reached:
            return
        ended_and_begun_again(undisturbed, shell, done)
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("way", SITES)
def test_cancelled_from_another_terminal(warm: Warm, tmp_path: Path, undisturbed: Delivery, way: str) -> None:
    for number in range(3, 36, sparsely(2)):
        shell = CrashingShell(warm, tmp_path, SITES[way])
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(shell.begin, ("committed", number, "stop"))
            until(lambda shell=shell: shell.reached and (shell.top / "reached").read_text())
            with shell.start("hyflow", "cancel", "last") as asking:
                until(lambda pid=asking.pid: asks(pid))
                os.kill(int((shell.top / "reached").read_text()), signal.SIGCONT)
                said = asking.communicate(timeout=60)
            assert (asking.returncode, said[1]) == (0, "") and ": cancelled, " in said[0], said
        ended_and_begun_again(undisturbed, shell, running.result())


def test_a_second_wish_while_the_first_is_heeded(tmp_path: Path) -> None:
    """What goes on elsewhere was let go by then, and is ended; a command that heeds no SIGTERM has its four seconds."""
    shell, word = Shell(tmp_path, tmp_path / "home"), f"86395.{uuid.uuid4().int % 10**15:015d}"
    nap = {"class": "CommandLineTool", "inputs": {}, "outputs": {}}
    scripts = {"here": f"trap '' TERM; sleep {word}; sleep {word}", "there": f"sleep {word}"}
    steps = {name: {"run": {**nap, "baseCommand": ["sh", "-c", script]}, "in": {}, "out": []} for name, script in scripts.items()}
    shell.write("naps.cwl", json.dumps({"cwlVersion": "v1.2", "class": "Workflow", "inputs": {}, "outputs": {}, "steps": steps}))
    sites = {"here": {"type": "local"}, "there": {"type": "shell", "command": ["sh", "-c"], "workdir": f"{tmp_path}/box"}}
    binding = [{"step": f"/{name}", "site": name} for name in sites]
    shell.write("deploy.json", json.dumps({"version": 1, "sites": sites, "bind": binding}))
    with shell.start("hyflow", "run", "naps.cwl", "deploy.json") as process:
        until(lambda: len(processes(f"sleep\0{word}\0")) == 2)
        process.send_signal(signal.SIGINT)
        until(lambda: read_milestones(find_run(shell.home).journal, Stopping))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == STOPPED and "no job goes on meanwhile" in stderr, stderr
    assert not processes(word)
    assert json.loads(shell("hyflow", "status", "--json").stdout)["running"] == 0


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
        assert done.status == STOPPED and "waited for no longer" not in done.stderr, done.stderr
        assert shell.is_quiet() and any(words in done.stderr for words in ENDED), done.stderr
        assert json.loads(shell("hyflow", "status", "--json").stdout)["running"] == 0
    finished, before = shell.finished(), shell.starts
    ends_as(undisturbed, shell)
    assert all(count <= 2 * ONCE[label] for label, count in shell.starts.items()), shell.starts
    more = {label for label, count in shell.starts.items() if count > ONCE[label]}
    assert not {label for label in more if before[label] and job_of(label) in finished}, (more, finished, done.stderr)
