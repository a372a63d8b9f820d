"""`hyflow attach`: following runs of other processes, leaving them, and what is told of those that are over."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import ENTRY, next_line, until
from gated import Gated, gated

from hyflow.journal import Phase, find_run, holder


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Gated]:
    with gated(tmp_path) as made:
        yield made


@contextlib.contextmanager
def going(place: Gated, jobs: int = 3) -> Iterator[subprocess.Popen[str]]:
    """A run in another terminal, whose first job is done and whose others wait."""
    with place.start("hyflow", "run", "--quiet", *place.flow(jobs)) as process:
        try:
            place.go(0)
            until(lambda: place.stands(Phase.DONE, 1) and place.stands(Phase.RUNNING, jobs - 1))
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def attached(place: Gated, *options: str) -> subprocess.Popen[str]:
    """A hyflow that follows the latest run, and has said so."""
    process = place.start("hyflow", "attach", *options)
    if "--quiet" not in options:
        assert find_run(place.home).id in next_line(process.stderr)
    return process


def test_a_run_is_followed_to_its_end(place: Gated) -> None:
    """By several, each from where the run stands, and all with the result of the run."""
    with going(place) as process:
        followers = [attached(place), attached(place, "--json-log"), attached(place, "--quiet")]
        place.go(1)
        until(lambda: place.stands(Phase.DONE, 2))
        place.go(2)
        output = process.communicate(timeout=30)[0]
        said = [follower.communicate(timeout=30) for follower in followers]
        assert [follower.returncode for follower in followers] == [0, 0, 0], said
        assert {stdout for stdout, _ in said} == {output} and len(json.loads(output)["all"]) == 3
    lines, logged, quiet = (stderr for _, stderr in said)
    assert re.fullmatch(r"\d+\.\d s: 2 running, 1 done\n/wait ends: 3 done in .* s\n.* s: 3 done\n", lines), lines
    events = [json.loads(line) for line in logged.splitlines()]
    assert [event["job"] for event in events if event["event"] == "finished"] == ["/wait[1]", "/wait[2]"]
    assert [event["event"] for event in events][-2:] == ["delivered", "end"] and quiet == ""


def test_a_run_that_fails(place: Gated) -> None:
    with going(place):
        follower = attached(place)
        place.go(1, how="fail")
        place.go(2)
        stdout, stderr = follower.communicate(timeout=30)
    run = find_run(place.home).id
    assert (follower.returncode, stdout) == (1, "")
    assert "/wait[1] failed: " in stderr and f"hyflow: run {run} has failed after " in stderr
    place("hyflow", "attach").fails(1, f"run {run} has failed after ", f"hyflow logs {run} --failed")


def test_a_run_that_is_stopped(place: Gated) -> None:
    with going(place):
        follower = attached(place)
        assert place("hyflow", "cancel", "last").status == 0
        stdout, stderr = follower.communicate(timeout=30)
    run = find_run(place.home).id
    assert (follower.returncode, stdout) == (130, "")
    assert "stopping (cancel)" in stderr and f"hyflow: run {run} was stopped (cancel) after " in stderr
    place("hyflow", "attach", run).fails(1, f"run {run} was stopped (cancel) after ", f"hyflow resume {run} goes on with it")
    assert place("hyflow", "clean", run).status == 0
    cleaned = place("hyflow", "attach", run)
    cleaned.fails(1, f"run {run} was stopped (clean) after ", "it was cleaned, and what it had worked with is gone")
    assert "resume" not in cleaned.stderr


def test_a_run_whose_hyflow_dies(place: Gated) -> None:
    with going(place) as process:
        follower = attached(place)
        process.kill()
        stdout, stderr = follower.communicate(timeout=30)
        assert (follower.returncode, stdout) == (1, "")
        assert "is interrupted: its hyflow has died" in stderr
        assert place("hyflow", "cancel", "last").status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_leaving_a_run(place: Gated, number: int) -> None:
    with going(place) as process:
        run = find_run(place.home).id
        for options in ([], ["--json-log"]):
            follower = attached(place, *options)
            follower.send_signal(number)
            stdout, stderr = follower.communicate(timeout=30)
            if number != signal.SIGKILL:
                assert (follower.returncode, stdout) == (130, "")
                assert stderr.endswith(f"hyflow: interrupted\n  the run goes on; hyflow attach {run} comes back to it\n"), stderr
                assert '"end"' not in stderr
        assert holder(find_run(place.home).lock) is not None
        place.go(1, 2)
        assert len(json.loads(process.communicate(timeout=30)[0])["all"]) == 3


def test_a_run_that_is_over(place: Gated) -> None:
    place.go(0)
    ended = place("hyflow", "run", "--quiet", *place.flow(1))
    run = find_run(place.home).id
    done = place("hyflow", "attach", run)
    assert (done.status, done.stdout) == (0, ended.stdout)
    assert re.fullmatch(rf"run {run} has succeeded after .* s; its results are in {place.top}/results\n", done.stderr)
    quiet = place("hyflow", "attach", "--quiet")
    assert (quiet.status, quiet.stdout, quiet.stderr) == (0, ended.stdout, "")


def test_the_live_table_on_a_terminal(place: Gated) -> None:
    with going(place):
        ours, theirs = pty.openpty()
        follower = subprocess.Popen(
            [sys.executable, "-c", ENTRY["hyflow"], "attach"], cwd=place.top, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=theirs, env={**os.environ, "HYFLOW_HOME": str(place.home), "TERM": "xterm", "COLUMNS": "120"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # EIO: its end
            while block := os.read(ours, 4096):
                said += block
                if b"1 job ended" in said:
                    place.go(1, 2)
        os.close(ours)
        assert len(json.loads(follower.communicate(timeout=30)[0])["all"]) == 3 and follower.returncode == 0
    assert b"3 jobs ended" in said and b"\x1b[?25h" in said
