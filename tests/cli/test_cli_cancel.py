"""`hyflow cancel`: runs that a living hyflow drives, and runs that nobody does, at every kind of site."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from commandline import Ended, until
from naps import JOBS, Place, placed, supervisors

from hyflow.journal import find_run, holder, read_milestones, read_session
from hyflow.model.events import Failed, Stopping


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    with placed(tmp_path, request.param) as made:
        yield made


local = pytest.mark.parametrize("place", ["local"], indirect=True)
shell = pytest.mark.parametrize("place", ["shell"], indirect=True)


def answer(done: Ended) -> Any:
    """What --json says of the one run."""
    (found,) = json.loads(done.stdout)
    return found


def was_cancelled(place: Place, run: str) -> None:
    """Nothing runs, the record says so, and there is no more to cancel."""
    assert place.napping() == supervisors(place.home) == []
    status = json.loads(place("hyflow", "status", run, "--json").stdout)
    assert (status["state"], status["cancelled"], status["running"], status["pid"]) == ("cancelled", JOBS, 0, None)
    journal = find_run(place.home, run).journal
    # Two who ask in the same moment are both written down.
    assert {record.event.reason for record in read_milestones(journal, Stopping) if isinstance(record.event, Stopping)} == {"cancel"}
    assert len(read_milestones(journal, Failed)) == JOBS and read_session(journal).ended is not None
    again = place("hyflow", "cancel", run)
    assert (again.status, again.stdout, again.stderr) == (0, f"{run}: nothing to cancel\n", "")


@pytest.mark.parametrize("place", ["local", "shell", "ssh"], indirect=True)
def test_a_run_that_goes_on(place: Place) -> None:
    place.flow()
    process = place.started(JOBS)
    run = find_run(place.home).id
    done = place("hyflow", "cancel", "last")
    assert (done.status, done.stdout, done.stderr) == (0, f"{run}: cancelled, {JOBS} jobs ended\n", "")
    said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, ("", "stopping (cancel): nothing more is started\n"))
    was_cancelled(place, run)


@pytest.mark.parametrize(("place", "orphaned"), [("local", False), ("local", True), ("shell", False), ("ssh", False)], indirect=["place"])
def test_a_run_whose_hyflow_was_killed(place: Place, orphaned: bool) -> None:
    place.flow()
    run = place.killed(orphaned=orphaned)
    kept = {path for path in place.where.rglob("stderr") if run in str(path)}
    done = place("hyflow", "cancel", run, "--json")
    assert (done.status, answer(done)) == (0, {"run": run, "jobs": JOBS, "left": [], "error": None}), done.stderr
    assert len(kept) == JOBS and all(path.exists() for path in kept)
    assert "hyflow cancel ended what was left" in place("hyflow", "logs", run).stdout
    was_cancelled(place, run)


@local
def test_a_hyflow_that_is_killed_while_it_is_asked(place: Place) -> None:
    """It hangs up, and whoever asked does the rest."""
    place.flow()
    process = place.started(JOBS)
    run = find_run(place.home)
    os.kill(process.pid, signal.SIGSTOP)
    asking = place.start("hyflow", "cancel", run.id)
    until(lambda: waits(run.path / "control"))
    process.kill()
    process.communicate()
    said = asking.communicate(timeout=60)
    assert (asking.returncode, said) == (0, (f"{run.id}: cancelled, {JOBS} jobs ended\n", ""))
    was_cancelled(place, run.id)


def waits(path: Path) -> bool:
    """Whether somebody is connected to the socket whom nobody has accepted: its own line, and one of the client's."""
    return sum(line.rstrip().endswith(path.name) for line in Path("/proc/net/unix").read_text().splitlines()) > 1


@local
def test_leaving_the_waiting(place: Place) -> None:
    """Ctrl-C, or a kill, of the one who asked: the cancelling goes on."""
    place.flow()
    for number in (signal.SIGINT, signal.SIGKILL):
        process = place.started(JOBS)
        run = find_run(place.home).id
        stopped = supervisors(place.home)
        for supervisor in stopped:  # so that nothing ends
            os.kill(supervisor, signal.SIGSTOP)
        asking = place.start("hyflow", "cancel", run)
        until(lambda: read_milestones(find_run(place.home).journal, Stopping))
        asking.send_signal(number)
        said = asking.communicate(timeout=30)
        if number == signal.SIGINT:
            words = "hyflow: interrupted\n  what a living hyflow was asked to end, it ends; the same command may be typed again\n"
            assert (asking.returncode, said) == (130, ("", words))
        for supervisor in stopped:
            os.kill(supervisor, signal.SIGCONT)
        process.communicate(timeout=30)
        assert process.returncode == 130
        was_cancelled(place, run)


@local
def test_two_who_ask_at_once(place: Place) -> None:
    place.flow()
    process = place.started(JOBS)
    run = find_run(place.home).id
    asking = [place.start("hyflow", "cancel", run) for _ in range(2)]
    ends = [one.communicate(timeout=60) for one in asking]
    process.communicate(timeout=30)
    assert [one.returncode for one in asking] == [0, 0], ends
    # Who comes second counts what the first had not ended by then.
    assert all(re.fullmatch(rf"{run}: (cancelled, [1-{JOBS}] jobs? ended|nothing to cancel)\n", end[0]) for end in ends), ends
    was_cancelled(place, run)


@local
def test_a_run_that_has_ended_or_is_none(place: Place) -> None:
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {}}
    for command in ("true", "false"):
        place.write("t.cwl", json.dumps({**tool, "baseCommand": command}))
        place("hyflow", "run", "--name", command, "t.cwl", "deploy.json")
    done = place("hyflow", "cancel", "true", "false", "true")
    assert (done.status, done.stderr, done.stdout.count(": nothing to cancel\n")) == (0, "", 2)
    for name, state in (("true", "done"), ("false", "failed")):
        assert json.loads(place("hyflow", "status", name, "--json").stdout)["state"] == state
    place("hyflow", "cancel").fails(2, "RUN is missing")
    place("hyflow", "cancel", "nothing").fails(2, "there is no run 'nothing'")


@shell
def test_a_site_that_cannot_be_reached(place: Place) -> None:
    """What is there is named; the same command ends it later."""
    place.flow()
    run = place.killed()
    place.write("state", "down")
    done = place("hyflow", "cancel", run, "--json")
    found = answer(done)
    assert (done.status, found["jobs"], found["error"]) == (1, 0, None)
    assert "something may go on at there: " in found["left"][0] and "the line is dead" in found["left"][0]
    assert f"when there can be reached again: hyflow cancel {run}" in done.stderr
    assert len(place.napping()) >= JOBS and read_session(find_run(place.home).journal).ended is None
    place.write("state", "up")
    assert place("hyflow", "cancel", run).stdout == f"{run}: cancelled, {JOBS} jobs ended\n"
    assert place.napping() == []


@shell
def test_jobs_that_their_driver_could_not_end(place: Place) -> None:
    """The site is gone for it, too: it is asked twice, so that it need not wait, and what may go on is told."""
    place.flow()
    process = place.started(JOBS)
    run = find_run(place.home).id
    place.write("state", "silent")
    first = place.start("hyflow", "cancel", run)
    until(lambda: read_milestones(find_run(place.home).journal, Stopping))
    done = place("hyflow", "cancel", run, "--json")
    first.communicate(timeout=60)
    process.communicate(timeout=60)
    assert (done.status, first.returncode) == (1, 1)
    place.write("state", "up")
    assert place("hyflow", "clean", "--remote", run).status == 0


@local
def test_a_run_of_another_machine(place: Place) -> None:
    place.flow()
    run = place.killed()
    found = find_run(place.home)
    with contextlib.closing(sqlite3.connect(found.journal)) as db, db:
        (host,) = db.execute("SELECT host FROM owner").fetchone()
        db.execute("UPDATE owner SET host = 'elsewhere'")
    words = f"run {run} was driven on elsewhere: what it left there can be ended from there alone"
    done = place("hyflow", "cancel", run, "--json")
    assert done.status == 1 and answer(done)["error"].startswith(words)
    assert f"type hyflow cancel {run} on elsewhere" in done.stderr and len(place.napping()) >= JOBS
    holding = subprocess.Popen(["flock", "--exclusive", "--no-fork", str(found.lock), "sleep", "600"])
    try:
        until(lambda: holder(found.lock) is not None)
        found.lock.write_text(json.dumps({"host": "elsewhere", "pid": 7, "since": 0.0}))
        place("hyflow", "cancel", run).fails(1, f"run {run} is driven by process 7 on elsewhere", f"type hyflow cancel {run} on elsewhere")
        found.lock.write_text(json.dumps({"host": os.uname().nodename, "pid": holding.pid, "since": 0.0}))
        place("hyflow", "cancel", run).fails(1, f"run {run} is driven by process {holding.pid} on ", "which gives no answer")
    finally:
        holding.kill()
        holding.wait()
    with contextlib.closing(sqlite3.connect(found.journal)) as db, db:
        db.execute("UPDATE owner SET host = ?", (host,))
    assert place("hyflow", "cancel", run).status == 0
    was_cancelled(place, run)


@pytest.mark.parametrize("driven", [True, False])
def test_containers(tmp_path: Path, driven: bool) -> None:
    settings = lab.engine_site("docker")["container"]
    with placed(tmp_path, "local", container=settings) as place:
        place.flow({"class": "DockerRequirement", "dockerPull": "busybox:latest"})
        process = place.started(JOBS) if driven else None
        run = find_run(place.home).id if driven else place.killed()
        assert place("hyflow", "cancel", run).stdout == f"{run}: cancelled, {JOBS} jobs ended\n"
        if process is not None:
            process.communicate(timeout=60)
        words = [*settings["command"], "ps", "--all", "--quiet", f"--filter=label=hyflow.run={run}"]
        assert subprocess.run(words, check=True, capture_output=True, timeout=60).stdout == b""
        was_cancelled(place, run)
