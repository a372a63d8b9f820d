"""`hyflow clean RUN`: giving up runs whose hyflow was killed, or that are over, at every kind of site, with and without containers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab
import pytest
from commandline import Ended, processes, until
from naps import JOBS, Place, placed, supervisors

from hyflow import deployment
from hyflow.journal import Journal, Meta, find_run, list_runs, new_run

NOTHING_KEPT = "kept for later runs: 0 results, 0B of at most 10GiB\n"
"""All that is said where nothing is anybody's."""


def answer(done: Ended) -> Any:
    """What --json says of the one run."""
    (found,) = json.loads(done.stdout)["runs"]
    return found


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    with placed(tmp_path, request.param) as made:
        yield made


local = pytest.mark.parametrize("place", ["local"], indirect=True)
shell = pytest.mark.parametrize("place", ["shell"], indirect=True)
both = pytest.mark.parametrize("place", ["local", "shell"], indirect=True)


def was_cleaned(place: Place, run: str) -> None:
    """Nothing runs, and nothing but what was said is left; what is known of the run can be read."""
    assert place.napping() == supervisors(place.home) == []
    assert not [path for path in place.where.glob(".attempts/*") if path.is_dir()]
    (top,) = [path for path in place.where.rglob(run) if path.parent.name != "runs"]
    assert {str(path.relative_to(path.parents[1])).partition("/")[2] for path in top.rglob("*") if not path.is_dir()} == {"stderr"}
    assert {path.parent for path in top.rglob("*")} == {top, *top.iterdir()} and len(list(top.iterdir())) == JOBS
    status = json.loads(place("hyflow", "status", run, "--json").stdout)
    assert (status["state"], status["cancelled"], status["running"]) == ("cancelled", JOBS, 0)
    told = json.loads(place("hyflow", "logs", run, "/nap[0]", "--json").stdout)
    assert place.seen(told["stderr"]).read_text().startswith("I am job0\n")
    assert "hyflow clean ended what was left" in place("hyflow", "logs", run).stdout
    again = place("hyflow", "clean")
    assert (again.status, again.stdout, again.stderr) == (0, NOTHING_KEPT, "")
    place("hyflow", "resume", run).fails(1, f"run {run} was cleaned: what it had worked with is gone\n  hyflow run starts it anew")


@pytest.mark.parametrize(("place", "orphaned"), [("local", False), ("local", True), ("shell", False), ("ssh", False)], indirect=["place"])
def test_a_run_whose_hyflow_was_killed(place: Place, orphaned: bool) -> None:
    place.flow()
    run = place.killed(orphaned=orphaned)
    words = [*place.everywhere, run]
    bare = place("hyflow", "clean")
    assert (bare.status, bare.stdout) == (0, NOTHING_KEPT)
    assert f"run {run} was interrupted; {JOBS} jobs may still go on: {JOBS} at there\n" in bare.stderr
    assert f"  hyflow resume {run} goes on, hyflow clean {run} gives it up\n" in bare.stderr
    planned = place("hyflow", "clean", *words, "--dry-run")
    said = f"{run}: {JOBS} unfinished jobs would be ended, and containers and working files would be removed at there"
    assert (planned.status, planned.stdout.startswith(said)) == (0, True), planned.stderr
    found = answer(place("hyflow", "clean", *words, "--dry-run", "--json"))
    assert found["sites"] == [{"site": "there", "jobs": JOBS, "containers": None, "freed": None, "error": None}]
    assert (found["run"], found["left"], found["error"], found["would_free"] > 0) == (run, [], None, place.way == "local")
    assert len(place.napping()) >= JOBS
    other = subprocess.Popen(["sleep", "600"])
    try:
        done = place("hyflow", "clean", *words, "--json")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    (site,) = answer(done)["sites"]
    assert done.status == 0, done.stderr
    assert (site["site"], site["jobs"], site["containers"], site["error"]) == ("there", JOBS, [], None)
    assert site["freed"] > 0 or place.way == "ssh"  # there all is in memory, where a directory takes no room
    was_cleaned(place, run)


class Engine:
    """The lab's Docker, spoken to by its client."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def __call__(self, *words: str) -> str:
        return subprocess.run([*self.command, *words], check=True, capture_output=True, text=True, timeout=60).stdout

    @contextlib.contextmanager
    def running(self, name: str, *options: str) -> Iterator[None]:
        """A container that is no job's, with its client."""
        words = ["run", "--rm", "--network=none", f"--name={name}", *options, "busybox", "sleep", "600"]
        client = subprocess.Popen([*self.command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: name in self.names())
            yield
        finally:
            subprocess.run([*self.command, "rm", "--force", name], capture_output=True, check=False, timeout=60)
            client.wait(30)

    def names(self, *filters: str) -> list[str]:
        return self("ps", "--all", *(f"--filter={one}" for one in filters), "--format={{.Names}}").split()


@pytest.mark.parametrize(("way", "orphaned"), [("local", False), ("local", True), ("shell", False)])
def test_containers_of_a_run_whose_hyflow_was_killed(tmp_path: Path, way: str, orphaned: bool) -> None:
    settings = lab.engine_site("docker")["container"]
    docker = Engine(settings["command"])
    with placed(tmp_path, way, container=settings) as place:
        place.flow({"class": "DockerRequirement", "dockerPull": "busybox:latest"})
        run = place.killed(orphaned=orphaned)
        assert len(docker.names(f"label=hyflow.run={run}")) == JOBS
        ours = (f"--label=hyflow.run={run}", f"--label=hyflow.owner={os.getuid()}@{os.uname().nodename}")
        foreign, astray = f"foreign-{place.mark}-x", f"astray-{place.mark}-x"
        with docker.running(foreign, "--label=hyflow.run=another"), docker.running(astray, *ours):
            done = place("hyflow", "clean", *place.everywhere, run, "--json")
            assert done.status == 0, done.stderr
            assert docker.names(f"label=hyflow.run={run}") == []
            assert docker.names(f"name={foreign}") == [foreign]
        (site,) = answer(done)["sites"]
        assert (site["jobs"], site["error"]) == (JOBS, None)
        assert astray in site["containers"] and foreign not in site["containers"]
        was_cleaned(place, run)


@both
def test_a_run_that_goes_on_is_left_alone(place: Place) -> None:
    place.flow()
    process = place.started(JOBS)
    try:
        run = find_run(place.home).id
        assert place("hyflow", "clean").stdout == NOTHING_KEPT
        for words in ([run], ["--dry-run", run], ["--remote", run]):
            hint = f"hyflow attach {run} shows it; hyflow cancel {run} ends it"
            place("hyflow", "clean", *words).fails(1, f"run {run} is driven by process {process.pid} on ", hint)
        place("hyflow", "clean", "--older-than", "3").fails(2, "not a length of time: '3' (write it as in 30d, 12h or 1h30m)")
        assert process.poll() is None and len(place.napping()) >= JOBS
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@both
def test_another_run_is_not_touched(place: Place) -> None:
    place.flow()
    run, first = place.killed(), place.mark
    place.mark = f"{first}1"
    place.flow()
    other = place.killed()
    assert place("hyflow", "clean", *place.everywhere, run).stdout.startswith(f"{run}: {JOBS} unfinished jobs ended, ")
    assert processes(f"sleep\0{first}\0") == [] and len(processes(f"sleep\0{place.mark}\0")) == JOBS
    assert len(list(place.where.rglob(f"{other}/*/out"))) == JOBS
    assert place("hyflow", "clean", *place.everywhere, other).stdout.startswith(f"{other}: {JOBS} unfinished jobs ended, ")
    was_cleaned(place, run)
    was_cleaned(place, other)


@both
def test_a_failed_run_is_cleaned_when_it_is_named(place: Place) -> None:
    command = ["sh", "-c", "echo why >&2; mkdir a; echo x >a/b; chmod 0 a; false"]
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": command, "inputs": {}, "outputs": {}}
    place.write("fails.cwl", json.dumps(tool))
    place("hyflow", "run", "fails.cwl", "deploy.json").fails(1, "/fails failed")
    run = find_run(place.home).id
    before = place("hyflow", "status", run, "--json").stdout
    assert place("hyflow", "clean").stdout == NOTHING_KEPT
    (left,) = place.where.rglob(f"{run}/*/out/a")
    done = place("hyflow", "clean", *place.everywhere, run[:20], run)
    assert (done.status, done.stdout.count("\n")) == (0, 1)
    assert done.stdout.startswith(f"{run}: 0 unfinished jobs ended, 0 containers removed, ")
    assert not left.exists() and not left.parent.exists()
    assert place("hyflow", "logs", run, "/fails", "--stderr").stdout == "why\n"
    assert place("hyflow", "status", run, "--json").stdout == before
    assert "rerun" not in place("hyflow", "status", run).stdout
    place("hyflow", "rerun", run, "--failed").fails(1, f"run {run} was cleaned")


@shell
def test_a_site_that_cannot_be_reached(place: Place) -> None:
    place.flow()
    run = place.killed()
    place.write("state", "down")
    done = place("hyflow", "clean", "--remote", run, "--json")
    (site,) = answer(done)["sites"]
    assert done.status == 1 and "the line is dead" in site["error"]
    assert f"hyflow: {run}: something may be left at there: " in done.stderr
    assert f"when there can be reached again: hyflow clean --remote {run}" in done.stderr
    assert len(place.napping()) >= JOBS
    place("hyflow", "resume", run).fails(1, f"run {run} was cleaned")
    place.write("state", "silent")
    hanging = place.start("hyflow", "clean", "--remote", run)
    until(lambda: processes("sleep") and any(f"{hanging.pid}" in parents(int(line.split()[0])) for line in processes("600")))
    hanging.send_signal(signal.SIGINT)
    said = hanging.communicate(timeout=30)
    assert (hanging.returncode, said) == (130, ("", "hyflow: interrupted\n"))
    place.write("state", "up")
    assert place("hyflow", "clean", "--remote").stdout.startswith(f"{run}: {JOBS} unfinished jobs ended, 0 containers removed, ")
    was_cleaned(place, run)


@shell
def test_a_site_that_is_not_to_be_asked(place: Place) -> None:
    """A run of which something may go on elsewhere stays as it is, and can be resumed; of one that is over the rest is named."""
    place.flow()
    run = place.killed()
    done = place("hyflow", "clean", run, "--json")
    words = f"run {run} is not given up: {JOBS} jobs may still run at there, and its files are there: add --remote"
    assert (done.status, answer(done)["error"]) == (1, words)
    assert f"hyflow clean --remote {run}" in done.stderr
    place("hyflow", "cancel", run)
    done = place("hyflow", "clean", run)
    assert (done.status, done.stderr) == (0, f"hyflow: {run}: what it has left at there is still there: add --remote\n")
    assert list(place.where.rglob(f"{run}/*/out"))
    assert place("hyflow", "clean", "--remote", run).status == 0
    assert not list(place.where.rglob(f"{run}/*/out"))
    done = place("hyflow", "clean", run)
    assert (done.status, done.stderr) == (0, "")


def parents(number: int) -> list[str]:
    """The process and those above it."""
    found: list[str] = []
    while number > 1:
        found.append(str(number))
        try:
            number = int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found


@local
def test_a_run_of_another_machine(place: Place) -> None:
    place.flow()
    run = place.killed()
    journal = find_run(place.home).journal
    with contextlib.closing(sqlite3.connect(journal)) as db, db:
        (host,) = db.execute("SELECT host FROM owner").fetchone()
        db.execute("UPDATE owner SET host = 'elsewhere'")
    words = f"run {run} was driven on elsewhere: what it left there can be ended from there alone"
    place("hyflow", "clean", run).fails(1, words, f"type hyflow clean {run} on elsewhere")
    assert place("hyflow", "clean").stdout == NOTHING_KEPT
    assert len(place.napping()) >= JOBS
    with contextlib.closing(sqlite3.connect(journal)) as db, db:
        db.execute("UPDATE owner SET host = ?", (host,))
    assert place("hyflow", "clean", run).status == 0
    was_cleaned(place, run)


async def _begun(home: Path) -> str:
    run = new_run(home)
    meta = Meta(run.id, None, time.time(), "file:///x.cwl", (), "/", b"{}", deployment.default().text.encode())
    async with Journal.create(run, meta) as journal:
        await journal.close(ended=False)
    return run.id


@local
def test_a_run_that_had_not_begun(place: Place) -> None:
    asyncio.run(_begun(place.home))
    done = place("hyflow", "clean")
    assert done.status == 0, done.stderr
    assert list_runs(place.home) == [] and place.home.exists()
    (place.home / "runs" / "20260101-000000-0001").mkdir()
    assert place("hyflow", "clean").stdout == NOTHING_KEPT


@local
def test_a_record_that_cannot_be_read_does_not_keep_others(place: Place) -> None:
    place.flow()
    run = place.killed()
    broken = place.home / "runs" / "20260101-000000-0001"
    broken.mkdir()
    with contextlib.closing(sqlite3.connect(find_run(place.home, run).journal)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (broken / "journal.sqlite").write_bytes(find_run(place.home, run).journal.read_bytes()[:4096] + bytes(40960))
    done = place("hyflow", "clean")
    assert done.status == 1 and "is damaged" in done.stderr and f"hyflow clean {run} gives it up" in done.stderr
    done = place("hyflow", "clean", "--older-than", "0s")
    assert done.status == 1 and "is damaged" in done.stderr
    assert done.stdout.startswith(f"{run}: {JOBS} unfinished jobs ended, ")
