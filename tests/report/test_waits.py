"""What is said of jobs that were sent to a site and have not begun: by status, why, the story, and whoever watches."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from madeup import meta

from hyflow.journal import Journal, Phase, RunDir, new_run, read_awaiting
from hyflow.model.events import Awaiting, Cause, Demanded, Event, Resumed, Started, Submitted, Submitting
from hyflow.model.jobs import JobId, Key
from hyflow.model.resources import Request, Resources
from hyflow.model.workflow import Program, Workflow
from hyflow.report.lines import Lines
from hyflow.report.summary import status_json, summarize
from hyflow.report.tables import status_text
from hyflow.report.waits import awaiting_words, possible
from hyflow.report.why import explain

REQUEST = Request(Resources(cores=1.0), Resources(cores=1.0))
PRIORITY = Cause("hpc", "Priority (others come first)", 900, True)
FEW = Cause("hpc", "JobHeldUser\x1b[31m", 2, True, (JobId("/each", (7,)), JobId("/each", (8,))))
FULL = Cause("hpc", "the queue takes no more", 100, False)


def sent(number: int, *, taken: bool) -> list[Event]:
    job, key = JobId("/each", (number,)), Key(f"each-{number}")
    submitted = [Submitted(job, key, "ticket", 2.0)] if taken else []
    return [Demanded(job, REQUEST, ("hpc",)), Submitting(job, key, "hpc", f"/work/{key}", 1.0), *submitted]


EVENTS = [*sent(7, taken=True), *sent(9, taken=True), *sent(10, taken=False)]


def asked(path: Path, events: list[Event], *steps: str) -> RunDir:
    """A run that goes on with these events; what `hyflow why` says of the jobs is printed."""

    async def drive() -> RunDir:
        run = new_run(path, None)
        async with Journal.create(run, meta(run)) as journal:
            await journal.append([Started({}), *EVENTS, *events])
            summary = await asyncio.to_thread(summarize, run)
            print(status_text(summary))
            print(json.dumps(status_json(summary)))
            for step in steps:
                explain(run, step)
        return run

    return asyncio.run(drive())


def test_what_jobs_wait_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(tmp_path, [Awaiting((FEW,), 3.0), Awaiting((PRIORITY, FULL, FEW), 4.0)], "/each[7]", "/each[9]", "/each[10]", "/each")
    said = capsys.readouterr().out
    assert "  waits     hpc: 900 jobs wait in the queue: Priority (others come first)\n" in said
    assert "  waits     hpc: 100 jobs wait to be taken: the queue takes no more\n" in said and "\x1b" not in said
    told = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert told["waits"][1] == {"site": "hpc", "reason": "the queue takes no more", "jobs": 100, "queued": False}
    assert "its site said why: JobHeldUser.\n" in said
    assert "its site said why, of all 900 jobs that waited like it: Priority (others come first).\n" in said
    assert "At hpc, of whatever step, 900 jobs wait in the queue: Priority (others come first).\n" in said
    assert "its site said why, of all 100 jobs that waited like it: the queue takes no more.\n" in said


@pytest.mark.parametrize("later", [[Awaiting((), 5.0)], [Resumed("vm", 5.0)]])
def test_what_was_told_earlier_counts_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str], later: list[Event]) -> None:
    run = asked(tmp_path, [Awaiting((PRIORITY,), 3.0), *later], "/each[9]")
    assert "Priority" not in capsys.readouterr().out and read_awaiting(run.journal) in (None, Awaiting((), 5.0))


def test_a_job_is_one_of_those_that_it_can_be_one_of() -> None:
    other = Cause("hpc", "Resources", 90, True)
    known = Awaiting((PRIORITY, other, FEW, FULL), 1.0)
    assert possible(JobId("/each", (8,)), "hpc", Phase.QUEUED, known) == [FEW]
    assert possible(JobId("/each", (1,)), "hpc", Phase.QUEUED, known) == [PRIORITY, other]
    assert possible(JobId("/each", (1,)), "hpc", Phase.STAGING, known) == [FULL]
    assert not possible(JobId("/each", (1,)), "hpc", Phase.RUNNING, known) and not possible(JobId("/x"), "box", Phase.QUEUED, known)
    assert not possible(JobId("/each", (1,)), "hpc", Phase.QUEUED, None)


def test_the_story_tells_all_and_that_there_is_nothing_any_more() -> None:
    told = "hpc: 900 jobs wait in the queue: Priority (others come first); hpc: 100 jobs wait to be taken: the queue takes no more"
    assert awaiting_words(Awaiting((PRIORITY, FULL), 1.0)) == told
    assert awaiting_words(Awaiting((), 1.0)) == "no site says any more that jobs wait there"


def test_who_watches_hears_of_a_reason_once() -> None:
    stream = io.StringIO()
    watcher = Lines(stream)
    watcher.begin(Program("file:///wf.cwl", "#main", {"#main": Workflow("#main", (), (), {})}, {}), "run")
    for jobs in (900, 400, 100):
        watcher.event(Awaiting((Cause("hpc", "Priority", jobs, True),), 1.0))
    watcher.event(Awaiting((Cause("hpc", "Resources", 1, True),), 1.0))
    watcher.event(Awaiting((), 1.0))
    lines = [line for line in stream.getvalue().splitlines() if "hpc" in line]
    assert lines == ["hpc: 900 jobs wait in the queue: Priority", "hpc: 1 job waits in the queue: Resources"]
