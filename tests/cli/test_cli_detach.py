"""`hyflow run --detach`: how a run gets into the background, or does not, and how it goes on there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import ENTRY, SECONDS, until
from gated import Gated, gated

from hyflow.journal import Phase, find_run, holder, list_runs


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Gated]:
    with gated(tmp_path) as made:
        yield made


def detached(place: Gated, *options: str, jobs: int = 2) -> str:
    """The id of a run in the background, whose jobs are at work. Nobody holds what it was started with."""
    done = place("hyflow", "run", "--detach", *options, *place.flow(jobs))
    run = find_run(place.home).id
    assert (done.status, done.stdout) == (0, f"{run}\n"), done.stderr
    told = f"in the background: hyflow attach {run}, hyflow status {run}, hyflow cancel {run}\n"
    assert done.stderr == ("" if options else told)
    until(lambda: place.stands(Phase.RUNNING, jobs))
    return run


def ends(place: Gated) -> None:
    """The latest run comes to its end, and its hyflow to its own."""
    place.go(0, 1)
    until(lambda: holder(find_run(place.home).lock) is None)
    assert place.status()["state"] == "done"


def driver(place: Gated) -> int:
    owner = holder(find_run(place.home).lock)
    assert owner is not None
    return owner.pid


def test_a_run_goes_on_in_the_background_to_its_end(place: Gated) -> None:
    run = detached(place)
    pid = driver(place)
    assert os.getsid(pid) == pid and Path(f"/proc/{pid}/cwd").readlink() == place.top
    os.kill(pid, signal.SIGHUP)
    ends(place)
    folder = find_run(place.home).path
    log = (folder / "hyflow.log").read_text()
    assert log.startswith(f"run {run}: {place.top}/flow.cwl\n/wait begins\n") and "2 done" in log
    assert sorted(Path(file["path"]).name for file in json.loads((folder / "output.json").read_text())["all"]) == ["out.txt", "out_2.txt"]
    for name in ("hyflow.log", "output.json"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert place("hyflow", "attach").stdout == (folder / "output.json").read_text()
    assert not (folder / "control").exists()


def test_its_log_is_json_where_that_is_asked_for(place: Gated) -> None:
    detached(place, "--json-log")
    ends(place)
    log = [json.loads(line)["event"] for line in (find_run(place.home).path / "hyflow.log").read_text().splitlines()]
    assert (log[:2], log[-1]) == (["begin", "started"], "end")


def test_it_is_quiet_where_that_is_asked_for(place: Gated) -> None:
    detached(place, "--quiet")
    ends(place)
    assert (find_run(place.home).path / "hyflow.log").read_text() == ""


def test_a_run_in_the_background_is_cancelled(place: Gated) -> None:
    run = detached(place)
    done = place("hyflow", "cancel", run)
    assert (done.status, done.stdout, done.stderr) == (0, f"{run}: cancelled, 2 jobs ended\n", "")
    assert place.waiting() == [] and holder(find_run(place.home).lock) is None
    assert "stopping (cancel)" in (find_run(place.home).path / "hyflow.log").read_text()
    assert not (find_run(place.home).path / "output.json").exists()


def test_a_run_in_the_background_that_is_killed(place: Gated) -> None:
    run = detached(place)
    os.kill(driver(place), signal.SIGKILL)
    until(lambda: holder(find_run(place.home).lock) is None)
    place("hyflow", "attach", run).fails(1, f"run {run} is interrupted: its hyflow has died")
    assert place("hyflow", "cancel", run).status == 0 and place.waiting() == []


def test_a_run_goes_on_again_in_the_background(place: Gated) -> None:
    """One driver at a time: a second one is told in the terminal who that is."""
    run = detached(place)
    place("hyflow", "resume", "--detach", run).fails(1, f"run {run} is driven by process {driver(place)}")
    assert place("hyflow", "cancel", run).status == 0
    done = place("hyflow", "resume", "--detach", run)
    assert (done.status, done.stdout) == (0, f"{run}\n"), done.stderr
    follower = place.start("hyflow", "attach", run)
    ends(place)
    assert follower.communicate(timeout=30)[0] == (find_run(place.home).path / "output.json").read_text()
    log = (find_run(place.home).path / "hyflow.log").read_text()
    assert log.count(f"run {run}: ") == log.count(f"run {run} goes on: ") == 1


def test_what_keeps_a_run_from_beginning_is_told_in_the_terminal(place: Gated) -> None:
    place.flow()
    place("hyflow", "run", "--detach", "flow.cwl").fails(1, "hyflow: the input names (a list of string) is missing")
    place("hyflow", "run", "--detach", "nothing.cwl").fails(2, "nothing.cwl")
    place.write("deploy.yml", f"version: 1\nsites:\n  box: {{type: shell, command: [sh, -c, exit 7], workdir: {place.top}/box}}\n")
    place("hyflow", "run", "--detach", "flow.cwl", "job.json", "deploy.yml").fails(1, "exit status 7")
    place.write("bad.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\ninputs: {}\noutputs: {}\nbaseComand: true\n")
    place("hyflow", "run", "--detach", "bad.cwl").fails(1, "bad.cwl:5:1")
    assert list_runs(place.home) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_run_has_begun_ends_it(place: Gated, number: int) -> None:
    place.flow()
    site = {"type": "shell", "command": ["sh", "-c", f"touch {place.top}/asked; sleep 600"], "workdir": f"{place.top}/box"}
    place.write("deploy.yml", json.dumps({"version": 1, "sites": {"box": site}}))
    process = place.start("hyflow", "run", "--detach", "flow.cwl", "job.json", "deploy.yml")
    until(lambda: (place.top / "asked").exists())
    (run,) = list_runs(place.home)
    process.send_signal(number)
    said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, ("", "hyflow: interrupted\n"))
    assert holder(run.lock) is None and list_runs(place.home) == []


def test_a_terminal_that_goes_away(place: Gated) -> None:
    """Its messages are plain lines there, and its end is nothing to the run."""
    words = [sys.executable, "-c", ENTRY["hyflow"], "run", "--detach", *place.flow()]
    ours, theirs = pty.openpty()

    def controlled() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        words, cwd=place.top, start_new_session=True, preexec_fn=controlled, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "HYFLOW_HOME": str(place.home), "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # EIO: nobody has it open any more
        while block := os.read(ours, 4096):
            said += block
    os.close(ours)
    assert process.wait(SECONDS) == 0
    run = find_run(place.home).id
    assert said.decode().splitlines()[0] == run and b"\x1b" not in said
    until(lambda: place.stands(Phase.RUNNING, 2))
    ends(place)


def test_inputs_from_a_pipe(place: Gated) -> None:
    place.flow(1)
    place.go(0)
    words = [sys.executable, "-c", ENTRY["hyflow"], "run", "--detach", "flow.cwl", "--job", "/dev/stdin"]
    environment = {**os.environ, "HYFLOW_HOME": str(place.home)}
    done = subprocess.run(
        words, cwd=place.top, input='{"names": ["job0"]}', capture_output=True, text=True, env=environment, check=True, timeout=SECONDS
    )
    until(lambda: place.status(done.stdout.strip())["state"] == "done")
