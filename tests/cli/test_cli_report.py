"""The verbs runs, status and logs, on runs made up here, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from madeup import ONE, SPLIT, TWO, done, failed, life, made, tried

from hyflow.journal import Journal, Meta, RunDir, new_run
from hyflow.model.events import Delivered, Reused, Running, Started, Stopping, Submitting
from hyflow.model.jobs import FailureClass, JobId, Key

VERB = """
import argparse, importlib, sys
from hyflow.errors import HyflowError
module = importlib.import_module("hyflow.cli." + sys.argv[1])
parser = argparse.ArgumentParser()
module.add_arguments(parser)
try:
    sys.exit(module.main(parser.parse_args(sys.argv[2:])))
except HyflowError as error:
    sys.exit(f"hyflow: {error}")
"""
@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def verb(home: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "HYFLOW_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", VERB, *args], capture_output=True, env=environment, timeout=60)


def said(home: Path, *args: str) -> str:
    done = verb(home, *args)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.fixture
def run(home: Path, tmp_path: Path) -> RunDir:
    """A failed run: split done, one of two aligns done, merge never heard of."""
    work = tmp_path / "work"
    for name, text in (("split", b"made\n"), ("align-0", b"fine\xff\x1b[31m\n"), ("align-1", b"bad\n")):
        (work / name).mkdir(parents=True)
        (work / name / "stderr").write_bytes(text)
        (work / name / "stdout").write_bytes(b"out of " + name.encode() + b"\n")
    events = [*life(SPLIT, work, done(SPLIT)), *life(ONE, work, done(ONE)), *life(TWO, work, failed(TWO))]
    return made(home, "digits", [Started({}), *events])


def test_what_an_attempt_ran_in_is_told(home: Path, tmp_path: Path) -> None:
    contained, loaded = (Key(name) for name in ("contained", "loaded"))
    run = made(home, None, [
        Started({}), *life(SPLIT, tmp_path),
        Submitting(ONE, contained, "laptop", str(tmp_path), 100.0, "sha256:12ab"), Running(ONE, contained, 102.0, "vm"),
        Submitting(TWO, loaded, "laptop", str(tmp_path), 100.0, None, ("gcc/13", "samtools/1.19")), Running(TWO, loaded, 102.0, "vm"),
    ])  # fmt: skip
    first = [verb(home, "logs", run.id, str(job)).stdout.decode().splitlines()[:2] for job in (SPLIT, ONE, TWO)]
    assert first[0][1].startswith("--- stderr")
    assert first[1:] == [
        [f"{ONE}: running, attempt 1 at laptop (on vm)", "  in a container of the image sha256:12ab"],
        [f"{TWO}: running, attempt 1 at laptop (on vm)", "  with gcc/13, samtools/1.19 loaded"],
    ]
    told = [json.loads(said(home, "logs", run.id, str(job), "--json")) for job in (SPLIT, ONE, TWO)]
    assert [(one["image"], one["modules"]) for one in told] == [(None, []), ("sha256:12ab", []), (None, ["gcc/13", "samtools/1.19"])]


def test_runs_are_listed_newest_first(home: Path, run: RunDir) -> None:
    ok = made(home, None, [Started({}), Delivered({}, 120.0)])
    stopped = made(home, None, [Started({}), Stopping("interrupt", 1.0)])
    killed = made(home, None, [Started({}), failed(SPLIT)], killed=True)
    lines = said(home, "runs").splitlines()
    assert lines[0].split() == ["RUN", "NAME", "STATE", "WORKFLOW", "STARTED", "ELAPSED", "DONE", "FAILED", "JOBS"]
    assert [line.split()[0] for line in lines[1:5]] == [killed.id, stopped.id, ok.id, run.id]
    assert lines[5:] == ["", *(f"{one.id}: hyflow resume {one.id} continues it" for one in (killed, stopped))]
    assert [state for line in lines[1:5] for state in line.split() if state in ("done", "failed", "interrupted")] == [
        "interrupted", "interrupted", "done", "failed",
    ]  # fmt: skip
    assert "\x1b" not in "".join(lines)
    assert lines[4].split()[1:4] == ["digits", "failed", "wf.cwl"]
    assert lines[4].split()[-3:] == ["2", "1", "3"]
    [latest] = json.loads(said(home, "runs", "--json", "-n", "1"))
    assert (latest["run"], latest["state"], latest["failed"]) == (killed.id, "interrupted", 1)


def test_no_runs_and_damaged_ones(home: Path) -> None:
    assert verb(home, "runs").stderr.startswith(b"There are no runs yet")
    assert said(home, "runs", "--json") == "[]\n"
    run = new_run(home, "empty")
    good = made(home, "good", [Started({})])
    listing = verb(home, "runs")
    assert good.id in listing.stdout.decode()
    assert listing.stderr == b"" and listing.returncode == 0  # it never began
    (home / "runs" / run.id / "sites").mkdir()
    assert b"record is missing" in verb(home, "runs").stderr


def test_status_shows_every_step(home: Path, run: RunDir) -> None:
    lines = said(home, "status").splitlines()
    assert lines[0] == f"{run.id}: failed"
    assert lines[-4].split() == ["STEP", "WAITING", "STAGING", "QUEUED", "RUNNING", "DONE", "FAILED", "TOOK", "WHERE"]
    assert [line.split()[0] for line in lines[-3:]] == ["/split", "/align", "/merge"]
    assert lines[-2].split() == ["/align", "-", "-", "-", "-", "1", "1", *lines[-2].split()[7:]] and lines[-2].endswith("laptop")
    status = json.loads(said(home, "status", "digits", "--json"))
    assert (status["run"], status["state"], status["jobs"], status["done"], status["failed"]) == (run.id, "failed", 3, 2, 1)
    assert [(step["step"], step["jobs"], step["places"]) for step in status["steps"]] == [
        ("/split", 1, {"laptop": 1}),
        ("/align", 2, {"laptop": 2}),
        ("/merge", 0, {}),
    ]


def test_status_tells_what_was_reused_and_tried_again_and_what_may_go_on(home: Path, tmp_path: Path) -> None:
    again = failed(ONE, kind=FailureClass.MEMORY, again=4.0)
    events = [Reused(SPLIT, {"o": 1}, "other", JobId("/s\x1b[31mplit"), 1.0), *life(ONE, tmp_path, again), *tried(ONE, tmp_path, 2)]
    run = made(home, "again", [Started({}), *events], killed=True)
    lines = said(home, "status", "again").splitlines()
    assert lines[0] == f"{run.id}: interrupted"
    assert lines[4:6] == ["  left      1 job may still go on: 1 at laptop", f"  next      hyflow resume {run.id} continues it"]
    assert [line.split() for line in lines[7:9]] == [
        ["STEP", "WAITING", "STAGING", "QUEUED", "RUNNING", "DONE", "REUSED", "FAILED", "RETRIES", "TOOK", "WHERE"],
        ["/split", "-", "-", "-", "-", "-", "1", "-", "-", "0.0", "s"],
    ]
    assert lines[9].split()[:9] == ["/align", "-", "-", "-", "1", "-", "-", "-", "1"]
    status = json.loads(said(home, "status", "--json"))
    assert (status["reused"], status["left"], [step["retries"] for step in status["steps"]]) == (1, {"laptop": 1}, [0, 1, 0])
    assert said(home, "runs").splitlines()[-1] == f"{run.id}: 1 job may still go on: 1 at laptop; hyflow resume {run.id} continues it"


def test_the_attempts_of_a_job_are_told(home: Path, tmp_path: Path) -> None:
    first, second = failed(ONE, kind=FailureClass.MEMORY, again=4.0), failed(ONE, attempt=2)
    made(home, None, [Started({}), *life(ONE, tmp_path, first), *tried(ONE, tmp_path, 2), second])
    told = "attempt 1 at laptop (on vm) failed after 3.0 s (memory): it ended with exit status 3; tried again in 4.0 s"
    lines = verb(home, "logs", "/align[0]").stdout.decode().splitlines()
    assert lines[:2] == ["/align[0]: failed, attempt 2 at laptop (on vm)", "  it ended with exit status 3"]
    assert lines[2].endswith(told) and told in said(home, "logs", "--failed")
    job = json.loads(said(home, "logs", "/align[0]", "--json"))
    assert [(one["failure"]["kind"], one["again"]) for one in job["tries"]] == [("memory", 4.0), ("tool", None)]


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        ("cancel", "hyflow resume {} continues it"),
        ("clean", "it was cleaned, and what it had worked with is gone; hyflow run starts it anew"),
    ],
)
def test_what_to_do_about_a_run_that_was_cancelled(home: Path, reason: str, then: str) -> None:
    run = made(home, None, [Started({}), Stopping(reason, 5.0)])
    assert said(home, "status").splitlines()[4] == f"  next      {then.format(run.id)}"
    assert said(home, "runs").splitlines()[-1] == f"{run.id}: {then.format(run.id)}"


def test_status_of_a_run_that_goes_on(home: Path) -> None:
    async def go() -> dict[str, object]:
        run = new_run(home)
        async with Journal.create(run, Meta(run.id, None, 1.0, "w", (), "/o", b"not a program", b"")) as journal:
            await journal.append([Started({}), *life(SPLIT, Path("/w"))])
            status: dict[str, object] = json.loads(await asyncio.to_thread(said, home, "status", "--json"))
            return status

    status = asyncio.run(go())
    assert (status["state"], status["pid"], status["running"], status["ended"]) == ("running", os.getpid(), 1, None)


def test_the_story_of_a_run(home: Path, run: RunDir) -> None:
    lines = said(home, "logs", "digits").splitlines()
    assert len(lines) == 1 + 5 * 3
    assert lines[-1].endswith("/align[1] failed (tool): it ended with exit status 3")
    records = [json.loads(line) for line in said(home, "logs", "--json").splitlines()]
    assert records[1]["event"] == "demanded" and records[1]["job"] == "/split"


def test_what_a_job_said(home: Path, run: RunDir) -> None:
    text = said(home, "logs", "digits", "split")
    assert text.splitlines()[0] == "/split: done, attempt 1 at laptop (on vm)"
    assert "made\n" in text and "out of split\n" in text
    assert verb(home, "logs", run.id, "align[0]", "--stderr").stdout == b"fine\xff\x1b[31m\n"
    assert said(home, "logs", "/align[1]", "--stdout") == "out of align-1\n"
    job = json.loads(said(home, "logs", "digits", "/align[1]", "--json"))
    assert (job["state"], job["attempts"], job["here"], job["failure"]["code"]) == ("failed", 1, True, 3)


def test_headings_stand_at_the_beginning_of_a_line(home: Path, run: RunDir, tmp_path: Path) -> None:
    where = tmp_path / "work" / "split"
    (where / "stderr").write_bytes(b"no end")
    (where / "stdout").write_bytes(b"")
    assert said(home, "logs", "/split").splitlines()[1:] == [f"--- stderr: {where}/stderr", "no end", f"--- stdout: {where}/stdout (empty)"]


def test_a_step_with_several_jobs_lists_them(home: Path, run: RunDir) -> None:
    assert [line.split() for line in said(home, "logs", "digits", "align").splitlines()] == [
        ["JOB", "STATE"],
        ["/align[0]", "done"],
        ["/align[1]", "failed"],
    ]
    assert [json.loads(line) for line in said(home, "logs", "/align", "--json").splitlines()] == [
        {"job": "/align[0]", "state": "done"},
        {"job": "/align[1]", "state": "failed"},
    ]


def test_all_failures(home: Path, run: RunDir) -> None:
    text = said(home, "logs", "digits", "--failed")
    assert text.splitlines()[:4] == [
        "/align[1] failed: it ended with exit status 3",
        "  class   tool, exit status 3",
        "  where   laptop (on vm)",
        "  | last words",
    ]
    assert [json.loads(line)["job"] for line in said(home, "logs", "digits", "--failed", "--json").splitlines()] == ["/align[1]"]
    assert said(home, "logs", "digits", "/align[0]", "--failed") == ""


def test_a_log_that_is_not_here(home: Path, run: RunDir, tmp_path: Path) -> None:
    stderr = tmp_path / "work" / "align-1" / "stderr"
    stderr.unlink()
    stderr.symlink_to("/etc/hostname")
    answer = verb(home, "logs", "digits", "/align[1]", "--stderr")
    assert answer.stdout == b"last words\n\n"
    why = "the stderr of this command was empty or became an output, or it has not begun"
    assert answer.stderr == f"there is no file {stderr}: {why}\n".encode()
    stderr.unlink()
    (stderr.parent / "stdout").unlink()
    stderr.parent.rmdir()
    answer = verb(home, "logs", "digits", "/align[1]", "--stderr")
    assert answer.stderr == f"there is no file {stderr} on this machine: the attempt ran at laptop (on vm)\n".encode()
    (tmp_path / "work" / "split").rename(tmp_path / "work" / "gone")
    answer = verb(home, "logs", "digits", "/split")
    assert answer.stderr.endswith(b"ran at laptop (on vm), where its stdout lies unless it was empty\n")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("runs", "-n", "0"), "expected a whole number above 0, not '0'"),
        (("status", "digist"), "no run 'digist'\n  did you mean digits"),
        (("logs", "digits", "algin"), "no job of a step 'algin' is known in this run\n  there are: /align"),
        (("logs", "digits", "align[7]"), "nothing is known of a job /align[7]"),
        (("logs", "digits", "--stderr"), "--stdout and --stderr are about one job"),
    ],
)
def test_mistakes_are_told_in_one_message(home: Path, run: RunDir, args: tuple[str, ...], complaint: str) -> None:
    answer = verb(home, *args)
    assert answer.returncode and complaint in answer.stderr.decode()
    assert b"Traceback" not in answer.stderr
