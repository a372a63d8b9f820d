"""Following a run by its journal: from how it stands, by every kind of observer, to the end of its driver."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from pathlib import Path

from hyflow.journal import Journal, Meta, Phase, RunDir, new_run, read_standing
from hyflow.model.events import Demanded, Event, Failed, Finished, Reused, Running, Started, Submitted, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import Request, Resources, Usage
from hyflow.model.workflow import Program, Step, Workflow
from hyflow.report.following import follow
from hyflow.report.jsonlog import JsonLog
from hyflow.report.lines import Lines, Quiet
from hyflow.report.progress import Progress
from hyflow.report.sofar import so_far

TWO = Resources(cores=2.0)
STEPS = {name: Step(name, "tool", "command", (), (), ("x",)) for name in ("map", "later")}
PROGRAM = Program("file:///wf.cwl", "#main", {"#main": Workflow("#main", (), (), STEPS)}, {})


def job(index: int, step: str = "/map") -> JobId:
    return JobId(step, (index,))


def begun(one: JobId) -> list[Event]:
    key = Key(f"{one}")
    return [
        Demanded(one, Request(TWO, TWO), ("site",)),
        Submitting(one, key, "site/cpu", f"/work/{key}", 1.0, resources=TWO),
        Submitted(one, key, "ticket", 2.0),
        Running(one, key, 3.0, "node7"),
    ]


def ended(one: JobId, failed: bool = False) -> Event:
    failure = Failure(FailureClass.TOOL, "the command failed", 3, "why\n")
    return Failed(one, Key(f"{one}"), failure, 4.0) if failed else Finished(one, Key(f"{one}"), {}, Usage(1.0), 4.0)


FIRST = [Started({}), *begun(job(0)), ended(job(0)), *begun(job(1)), *begun(job(2)), Reused(job(3), {}, "run-0", job(3), 4.0)]
KEPT = {Key(f"{job(index)}"): b"{}" for index in range(3)}


def made(home: Path) -> tuple[RunDir, Journal]:
    """A run whose driver is this process."""
    run = new_run(home)
    return run, Journal.create(run, Meta(run.id, None, time.time() - 100, "file:///wf.cwl", (), "/", b"{}", b""))


async def test_how_a_run_stands_while_it_goes_on(tmp_path: Path) -> None:
    run, journal = made(tmp_path)
    async with journal:
        empty = read_standing(run.journal)
        assert (empty.seq, empty.steps, empty.phases, empty.open) == (0, (), {}, ())
        await journal.append(FIRST, KEPT)
        standing = read_standing(run.journal)
        assert standing.seq == len(FIRST)
        assert [(step.path, step[Phase.DONE], step[Phase.RUNNING], step[Phase.REUSED]) for step in standing.steps] == [("/map", 1, 2, 1)]
        assert standing.phases == {job(index): Phase.RUNNING for index in (1, 2)}
        assert [attempt.event.job for attempt in standing.open] == [job(1), job(2)]


async def test_progress_goes_on_from_there(tmp_path: Path) -> None:
    run, journal = made(tmp_path)
    async with journal:
        await journal.append(FIRST, KEPT)
        progress = Progress(PROGRAM, run.id, so_far(run))
    assert progress.busy == {"site": 4.0} and progress.elapsed >= 100
    message = progress.event(ended(job(1), failed=True))
    assert message is not None and "where   site/cpu" in message
    progress.event(ended(job(2)))
    assert progress.busy == {"site": 0.0}
    (figures, later) = progress.steps()
    assert (figures[Phase.DONE], figures[Phase.FAILED], figures[Phase.RUNNING], later.total) == (2, 1, 0, 0)


async def test_observers_are_told_until_the_driver_is_gone(tmp_path: Path) -> None:
    run, journal = made(tmp_path)
    streams = [io.StringIO() for _ in range(3)]
    lines, quiet, log = Lines(streams[0]), Quiet(streams[1]), JsonLog(streams[2])
    async with journal:
        await journal.append(FIRST, KEPT)
        following = [asyncio.create_task(follow(run, PROGRAM, one)) for one in (lines, quiet, log)]
        await asyncio.sleep(0.3)
        await journal.append([ended(job(1), failed=True), *begun(job(0, "/later")), ended(job(2))])
        await asyncio.sleep(0.3)
        assert not any(one.done() for one in following)
        await journal.append([ended(job(0, "/later"))])
    await asyncio.gather(*following)
    for one in (lines, quiet, log):
        one.end(())
    said = re.sub(r"[\d.]+ s\b|\d min \d\d s", "T", streams[0].getvalue())
    failure = streams[1].getvalue()
    assert failure.startswith("/map[1] failed: the command failed\n") and "/map begins" not in said
    assert said.replace(failure, "FAILED\n").splitlines() == [
        f"run {run.id} goes on: /wf.cwl", "T: 2 running, 1 done, 1 reused", "FAILED", "/later begins",
        "/map ends: 2 done, 1 reused, 1 failed in T", "/later ends: 1 done in T", "T: 3 done, 1 reused, 1 failed",
    ]  # fmt: skip
    events = [json.loads(line)["event"] for line in streams[2].getvalue().splitlines()]
    assert events == ["begin", "failed", "demanded", "submitting", "submitted", "running", "finished", "finished", "end"]
