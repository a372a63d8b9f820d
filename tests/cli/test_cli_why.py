"""`hyflow why`, on runs made up here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import Shell
from madeup import ONE, SPLIT, TWO, done, failed, flow, kept, key_of, life, made, meta, step, tried

from hyflow.journal import Journal, new_run
from hyflow.model.events import (
    Delivered,
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Rerun,
    Reused,
    Running,
    Started,
    Stopping,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.model.resources import UNMEASURED, Request, Resources, Usage
from hyflow.model.workflow import Program

HERE = Path("/w")
MAP = JobId("/sub/map", (0,))


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path, tmp_path_factory.mktemp("home"))


def page(shell: Shell, events: Sequence[Event], of: str, *, killed: bool = False) -> list[str]:
    """What is told of a run whose driver has ended; its id is RUN."""
    run = made(shell.home, None, [Started({}), *events], killed=killed)
    ended = shell("hyflow", "why", run.id, of)
    assert ended.status == 0, ended.stderr
    assert "\x1b" not in ended.stdout
    return ended.stdout.replace(run.id, "RUN").splitlines()


def driven(shell: Shell, events: Sequence[Event], of: str) -> list[str]:
    """The same of a run that goes on."""

    async def go() -> str:
        run = new_run(shell.home)
        async with Journal.create(run, meta(run)) as journal:
            await journal.append([Started({}), *events], kept(events))
            ended = await asyncio.to_thread(shell, "hyflow", "why", run.id, of)
        return ended.stdout.replace(run.id, "RUN")

    return asyncio.run(go()).splitlines()


def test_where_a_job_ran_and_why_there(shell: Shell) -> None:
    ask = Resources(2.0, 1 << 30)
    events: list[Event] = [
        Demanded(SPLIT, Request(ask, ask), ("hpc/gpu", "hpc/cpu")),
        Submitting(SPLIT, key_of(SPLIT), "hpc/cpu", "/d", 100.0, "sha256:12\x1b[31mab", (), replace(ask, memory=2 << 30), "changed\n"),
        Running(SPLIT, key_of(SPLIT), 102.0, "n7"),
        done(SPLIT),
    ]  # fmt: skip
    lines = page(shell, events, "split")
    assert lines[:4] == [
        "/split of run RUN: done",
        "No earlier result was used: changed\\n.",
        "It asks for 2 cores and 1GiB of memory, and may run at hpc/gpu, hpc/cpu "
        "(what its binding allows and is ever large enough, best first).",
        "It went to hpc/cpu (on n7), since there was no room at what comes before it, and was granted 2 cores and 2GiB of memory there.",
    ]
    assert lines[4] == "It did not have to wait."
    assert lines[5] == "It was given a container of the image sha256:12ab."
    assert lines[6].endswith(" attempt 1 was sent to hpc/cpu (on n7): it is done after 2.0 s.")


def test_how_long_it_waited(shell: Shell) -> None:
    later = time.time() + 90.0
    lines = page(shell, [*life(SPLIT, HERE)[:1], *tried(SPLIT, HERE, at=later), replace(done(SPLIT), at=later + 4.0)], "/split")
    assert "It waited 1 min 32 s for room, for its data and for its turn." in lines  # it ran 2 s after it was sent there
    assert "It was given what is installed there: no container, no modules." in lines


def test_what_did_not_have_to_run(shell: Shell) -> None:
    lines = page(shell, [Reused(SPLIT, {}, "20260101-000000-0000", JobId("/s\x1b[31mplit"), 1.0), Delivered({}, 1.0)], "/split")
    assert lines == [
        "/split of run RUN: reused",
        "It was not run: /split of run 20260101-000000-0000 was the same in every respect (tool, inputs, image and environment), "
        "and its outputs were used.",
    ]
    assert page(shell, [Evaluated(SPLIT, {}, skipped=True)], "/split")[1:] == ["It was skipped: its condition (when) said no."]
    expression = Finished(SPLIT, None, {}, UNMEASURED, 1.0)
    assert page(shell, [expression], "/split")[1:] == ["It is an expression, which hyflow evaluates itself: it ran nowhere."]


def test_why_a_job_failed_and_what_to_do(shell: Shell) -> None:
    first = failed(ONE, kind=FailureClass.MEMORY, again=4.0)
    lines = page(shell, [*life(ONE, HERE, first), *tried(ONE, HERE, 2), failed(ONE, attempt=2)], "align[0]")
    assert lines[0] == "/align[0] of run RUN: failed"
    tries = [line.partition(" attempt ")[2] for line in lines if line.startswith("At ")]
    assert tries == [
        "1 at laptop (on vm) failed after 3.0 s (memory): it ended with exit status 3; tried again in 4.0 s.",
        "2 at laptop (on vm) failed after 3.0 s (tool): it ended with exit status 3.",
    ]
    assert lines[-9:] == [
        "It is not tried again: the rules for retries allow no further attempt after this failure of the class tool.",
        "",
        "/align[0] failed: it ended with exit status 3",
        "  class   tool, exit status 3",
        "  where   laptop (on vm)",
        "  | last words",
        "  all of its standard error: /w/align-0.2/stderr",
        "  next: hyflow logs RUN '/align[0]'",
        "  then: hyflow rerun RUN --failed",
    ]


@pytest.mark.parametrize(
    ("failure", "key", "told"),
    [
        (Failure(FailureClass.IMAGE, "no", lasting=True), True, "It is not tried again: that would fail just so until somebody acts."),
        (Failure(FailureClass.EVALUATION, "no"), False, "It failed before anything was started for it."),
        (Failure(FailureClass.CANCELLED, "cancelled"), False, "It was ended with the run."),
        (Failure(FailureClass.CANCELLED, "its step runs again"), False, "It was cancelled: its step runs again."),
    ],
)
def test_why_it_was_not_tried_again(shell: Shell, failure: Failure, key: bool, told: str) -> None:
    before = life(SPLIT, HERE) if key else []
    assert told in page(shell, [*before, Failed(SPLIT, key_of(SPLIT) if key else None, failure, 105.0)], "/split")


def test_what_a_job_waits_for(shell: Shell) -> None:
    running, asked = life(ONE, HERE), life(TWO, HERE)[:1]
    lines = driven(shell, [*running, *asked], "align[1]")
    assert lines[-1].startswith("It waits for room at laptop (attempts there: 1), or for its data to be there, since ")
    pause = replace(failed(TWO, again=600.0), at=time.time())
    assert "It is to be tried again at " in driven(shell, [*life(TWO, HERE, pause)], "align[1]")[-1]
    over = driven(shell, [*life(TWO, HERE, failed(TWO, again=4.0))], "align[1]")
    assert over[-1].startswith("It waits for room at laptop")
    assert " attempt 1 was sent to laptop (on vm): it runs since " in driven(shell, running, "align[0]")[-1]
    assert driven(shell, running[:3], "align[0]")[-1].endswith(": it is accepted there, and waits for its turn.")
    assert driven(shell, [Evaluated(SPLIT, {})], "/split")[-1] == "Its inputs are there; what it asks for is not worked out yet."


def test_a_job_of_a_run_that_nobody_drives(shell: Shell) -> None:
    lines = page(shell, [*life(ONE, HERE), Stopping("hangup", 1.0)], "align[0]", killed=True)
    assert lines[-1] == "The run is interrupted: 1 job may still go on: 1 at laptop; hyflow resume RUN continues it."


def test_a_job_that_is_to_run_again(shell: Shell) -> None:
    events = [*life(ONE, HERE, failed(ONE)), Rerun(("/align",), False, 200.0)]
    lines = page(shell, events, "align[0]", killed=True)
    assert lines[0] == "/align[0] of run RUN: not known to have begun"
    assert lines[1].endswith(" attempt 1 at laptop (on vm) failed after 3.0 s (tool): it ended with exit status 3.")
    assert lines[2].startswith("It was told to run again at ") and len(lines) == 4


def test_all_attempts_are_told_and_numbered_alike_by_why_and_logs(shell: Shell) -> None:
    events = [*life(ONE, HERE, failed(ONE)), Rerun((), True, 200.0), *tried(ONE, HERE, 2), done(ONE, 2), Rerun(("/align",), False, 300.0)]
    known = [
        "attempt 1 at laptop (on vm) failed after 3.0 s (tool): it ended with exit status 3",
        "told to run again",
        "attempt 2 at laptop (on vm): done after 2.0 s; run again later",
        "told to run again",
    ]
    late = replace(done(ONE, 3), usage=Usage(1.5))
    why = [line for line in page(shell, events, "align[0]") if line.startswith(("At ", "It was told "))]
    assert len(why) == len(known) and all(map(str.__contains__, why, known)), why
    why = [line for line in page(shell, [*events, *tried(ONE, HERE, 3), late], "align[0]") if line.startswith(("At ", "It was told "))]
    assert len(why) == len(known) + 1 and all(map(str.__contains__, why, known)), why
    assert why[-1].endswith(" attempt 3 was sent to laptop (on vm): it is done after 1.5 s.")
    logs = shell("hyflow", "logs", "last", "align[0]").stdout.splitlines()
    assert logs[0] == "/align[0]: done, attempt 3 at laptop (on vm)"
    assert all(map(str.__contains__, logs[1:5], known)) and logs[5].startswith("--- stderr"), logs
    again = made(shell.home, None, [Started({}), *events, *tried(ONE, HERE, 3), failed(ONE, attempt=3)])
    assert known[2] in shell("hyflow", "logs", again.id, "--failed").stdout


def test_what_was_done_and_is_reused_when_it_is_asked_for_again(shell: Shell) -> None:
    reused = Reused(SPLIT, {}, "other", SPLIT, 210.0)
    lines = page(shell, [*life(SPLIT, HERE, done(SPLIT)), Rerun(("/split",), False, 200.0), reused], "split")
    assert lines[0].endswith(": reused") and lines[-2].endswith(" attempt 1 at laptop (on vm): done after 2.0 s; run again later.")


def test_a_step_that_waits_for_another(shell: Shell) -> None:
    assert driven(shell, life(SPLIT, HERE), "merge") == [
        "/merge of run RUN: nothing was heard of it yet",
        "It takes inputs from /align, which has not begun.",
        "It waits for /align.",
    ]
    failing = [*life(SPLIT, HERE, failed(SPLIT))]
    assert page(shell, failing, "merge")[2:] == [
        "Failed before it: /split. It cannot begin without them.",
        "Why: hyflow why RUN /split",
        "The run has failed: it will not begin any more; hyflow logs RUN --failed shows what failed; "
        "hyflow rerun RUN --failed runs that again.",
    ]
    assert page(shell, [Stopping("interrupt", 1.0)], "merge")[-1] == "The run is interrupted: hyflow resume RUN continues it."
    assert page(shell, [Delivered({}, 1.0)], "/align")[-1] == (
        "The run is done: it will not begin any more; a scatter over an empty list has no jobs."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        ("interrupt", "The run is interrupted: hyflow resume RUN continues it."),
        ("cancel", "The run is cancelled: hyflow resume RUN continues it."),
        ("clean", "The run is cancelled: it was cleaned, and what it had worked with is gone; hyflow run starts it anew."),
    ],
)
def test_what_was_only_cancelled_has_not_failed(shell: Shell, reason: str, then: str) -> None:
    events = [*life(ONE, HERE, replace(failed(ONE), failure=Failure(FailureClass.CANCELLED, "cancelled"))), Stopping(reason, 106.0)]
    assert page(shell, events, "merge") == [
        "/merge of run RUN: nothing was heard of it yet",
        "It takes inputs from /align, which was stopped with the run.",
        then,
    ]
    lines = page(shell, events, "align[0]")
    assert lines[-2].endswith(" attempt 1 at laptop (on vm) was ended with the run.") and lines[-1] == then
    assert shell("hyflow", "logs", "last", "align[0]").stdout.splitlines()[1] == "  it was ended with the run"


def test_a_step_of_a_workflow_that_was_skipped(shell: Shell) -> None:
    inner = flow("#sub", step("map", scatter=("x",)))
    program = Program("file:///wf.cwl", "#main", {"#main": flow("#main", step("sub", process="#sub")), "#sub": inner}, {})
    run = made(shell.home, None, [Started({}), Evaluated(JobId("/sub"), {}, skipped=True), Delivered({}, 1.0)], program=program)
    assert "The workflow /sub around it was not begun as a whole: 1 skipped." in shell("hyflow", "why", run.id, "map").stdout
    other = made(shell.home, None, [Started({})], program=program)
    shell("hyflow", "why", other.id, "sub").fails(2, "sub is a workflow, which has no jobs of its own", "its steps: /sub/map")


def test_a_step_with_many_jobs(shell: Shell) -> None:
    jobs = [JobId("/align", (number,)) for number in range(7)]
    events = [event for job in jobs[:5] for event in life(job, HERE, done(job))]
    lines = page(shell, [*events, *life(jobs[5], HERE, failed(jobs[5])), *life(jobs[6], HERE, failed(jobs[6], again=1.0))], "align")
    assert lines == [
        "/align of run RUN: 7 jobs",
        "1 waiting: /align[6].",
        "5 done: /align[0], /align[1], /align[2] and 2 more.",
        "1 failed: /align[5].",
        "Attempts were sent to laptop (7); 1 of them failed and were followed by another.",
        lines[5],
        "/align[5] failed (tool): it ended with exit status 3",
        "hyflow why RUN '/align[5]' tells of one of them",
    ]
    assert driven(shell, events, "align[99]")[:2] == [
        "/align[99] of run RUN: nothing is known of it",
        "5 jobs of this step are known of; it is none of them.",
    ]
    run = made(shell.home, None, [Started({}), *events]).id
    lists = f"hyflow logs {run} /align lists those that are"
    shell("hyflow", "why", run, "align[99]").fails(2, "nothing is known of a job /align[99]", lists)


def test_the_same_as_json(shell: Shell) -> None:
    def told(run: str, of: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(shell("hyflow", "why", run, of, "--json").stdout)
        return found

    run = made(shell.home, None, [Started({}), *life(ONE, HERE, failed(ONE)), *life(TWO, HERE, done(TWO))]).id
    job, crowd, waiting = told(run, "align[0]"), told(run, "align"), told(run, "merge")
    assert (job["state"], job["locations"], job["asked"]["cores"], job["granted"]["cores"]) == ("failed", ["laptop"], 1.0, 1.0)
    assert (job["anew"], job["reused"], job["tries"][0]["failure"]["kind"], job["run_state"]) == (None, None, "tool", "failed")
    assert (crowd["jobs"], crowd["examples"]) == (2, {"failed": ["/align[0]"], "done": ["/align[1]"]})
    assert (waiting["waits_for"], waiting["failed_before"]) == ([{"step": "/align", "state": "failed"}], ["/align"])


def test_names_that_mean_harm(shell: Shell) -> None:
    """Neither an escape nor a line of their own comes from them, whichever verb tells of them."""
    evil = "e\x1b[31mvil\nline"
    program = Program("file:///wf.cwl", "#main", {"#main": flow("#main", step(evil), step("next", evil))}, {})
    job = JobId(f"/{evil}")
    lost = Failed(job, key_of(job), Failure(FailureClass.TOOL, "bad\x1b[2J", 3, "x\x1b]0;t\x07"), 105.0)
    run = made(shell.home, None, [Started({}), *life(job, Path("/w\x1b[31m\n"), lost)], program=program)
    looked = (["status", "--watch"], ["logs", "-f"], ["runs"], ["logs", f"/{evil}", "-f"], ["logs", "--failed"])
    for verb, *words in (["why", f"/{evil}"], ["why", "/next"], *looked):
        ended = shell("hyflow", verb, *([run.id] if verb in ("why", "logs") else []), *words)
        text = ended.stdout + ended.stderr
        assert "\x1b" not in text and not any(line.startswith("line") for line in text.splitlines()), text
        assert verb == "runs" or "evil\\nline" in text


def test_mistakes(shell: Shell) -> None:
    made(shell.home, "x", [Started({})])
    shell("hyflow", "why", "nosuch").fails(2, "there is no run 'nosuch'", "hyflow runs lists them")
    shell("hyflow", "rerun", "nosuch").fails(2, "there is no run 'nosuch'", "hyflow runs lists them")
    shell("hyflow", "rerun", "x", "--from", "/align[0]").fails(
        2, "--from takes a step without an index, not /align[0]", " --from /align runs all its jobs again"
    )
    shell("hyflow", "why", "x").fails(2, "which step, or which of its jobs?", "hyflow why x /STEP")
    shell("hyflow", "why", "x", "algin").fails(2, "no job of a step 'algin' is known in this run", "there are: /align")
