"""The driver with a real journal and a fake site: whatever happens to a job, the run ends, and what is known of it is on disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import DOCUMENT, TOOL, Rig

from hyflow import plain
from hyflow.connector import Done, Lost, Refused, Ticket
from hyflow.cwl.load import load
from hyflow.engine.replay import Kept
from hyflow.errors import JournalError, SiteError
from hyflow.journal import read_open
from hyflow.model.actions import Conclude
from hyflow.model.events import Demanded, Failed, Finished, Running, Started, Stopping, Submitted, Submitting
from hyflow.model.jobs import FailureClass, JobId, Key
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Request, Resources
from hyflow.model.retries import Retry
from hyflow.model.tasks import Manifest, Task
from hyflow.model.workflow import Program
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover
from hyflow.testing import FakeConnector
from hyflow.testing.fake import done, succeed

EACH = JobId("/each", (0,))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    file = tmp_path_factory.mktemp("document") / "workflow.cwl"
    file.write_text(DOCUMENT.replace("TOOL", TOOL))
    return load(str(file), cache=None)


@pytest.fixture
def rig(program: Program, tmp_path: Path) -> Rig:
    return Rig(program, tmp_path)


def kinds(end: Conclude) -> dict[str, FailureClass]:
    return {str(job): failure.kind for job, failure in end.failures}


# -- a run as it should be -----------------------------------------------------------------------------------------------------------


async def test_what_the_deployment_says_of_a_job_reaches_every_attempt_and_is_kept(rig: Rig) -> None:
    rig.options = {"partition": "gpu", "extra": ["--x", "a b"]}
    rig.retries[FailureClass.TOOL] = Retry(2, wait=0.001)
    kept: list[Kept] = []

    async def fail_once(task: Task) -> Done:
        kept.extend(plain.loads(one.kept, Kept) for one in read_open(rig.run_dir.journal) if one.event.key == task.key)
        return done(1) if len(kept) == 1 else await succeed(task)

    rig.site.behave = fail_once
    assert (await rig.run("x")).failures == ()
    assert len(rig.site.submitted) == 4
    for task in rig.site.submitted:
        assert task.options == {**rig.options, "for": f"{task.label.split('[')[0]} at fake"}
    assert [one.task for one in kept] == rig.site.submitted


async def test_from_inputs_to_outputs(rig: Rig) -> None:
    end = await rig.run("x", "y", "z")
    assert (end.outputs, end.failures) == ({"a": [None] * 3, "b": None, "c": None}, ())
    assert sorted(task.argv for task in rig.site.submitted) == [("work", name) for name in ("after", "beside", "x", "y", "z")]
    assert [kind for kind in rig.of(EACH) if kind is not Running] == [Demanded, Submitting, Submitted, Finished]
    assert isinstance(rig.events[0], Started)


async def test_the_journal_and_the_listener_hear_the_same(rig: Rig) -> None:
    await rig.run("x", "y")
    assert rig.heard.events == rig.events


async def test_intent_is_on_disk_before_the_site_hears_of_it(rig: Rig) -> None:
    seen: list[bool] = []

    async def behave(task: Task) -> Done:
        seen.append(any(isinstance(event, Submitting) and event.key == task.key for event in rig.events))
        return await succeed(task)

    rig.site.behave = behave
    await rig.run("x", "y")
    assert seen == [True] * 4


async def test_what_is_ready_together_is_submitted_together(rig: Rig) -> None:
    batches: list[int] = []

    class Counted(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            batches.append(len(tasks))
            async for answer in super().submit(at, tasks):
                yield answer

    rig.site.location = replace(rig.site.location, capacity=None, largest=None)
    rig.connector = Counted(rig.site)
    end = await rig.run(*map(str, range(300)))
    assert len(end.outputs["a"]) == 300
    assert sum(batches) == 302
    assert len(batches) < 30


async def test_inputs_are_staged_and_said_to_be(rig: Rig) -> None:
    (rig.top / "data.txt").write_bytes(b"")
    data = {"class": "File", "location": f"file://{rig.top}/data.txt", "basename": "data.txt", "size": 0}
    await rig.run("x", data=data)
    assert [stage for stage in rig.heard.stages if stage[0] == EACH] == [(EACH, "begin"), (EACH, "end")]
    [task] = [task for task in rig.site.submitted if task.argv == ("work", "x")]
    assert f"{rig.top}/data.txt" in [stage.source for stage in task.stage]


# -- jobs that fail ------------------------------------------------------------------------------------------------------------------


def for_x(what: Done | Lost) -> Callable[[Task], Awaitable[Done | Lost]]:
    async def behave(task: Task) -> Done | Lost:
        return what if task.argv == ("work", "x") else await succeed(task)

    return behave


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        (done(3, stderr="oops"), FailureClass.TOOL, "3"),
        (Lost("the node burnt"), FailureClass.INFRASTRUCTURE, "the node burnt"),
        (Lost("no image", FailureClass.IMAGE), FailureClass.IMAGE, "no image"),
    ],
)
async def test_a_failed_job_ends_what_depends_on_it_and_nothing_else(rig: Rig, what: Done | Lost, kind: FailureClass, message: str) -> None:
    rig.site.behave = for_x(what)
    end = await rig.run("x", "y")
    assert kinds(end) == {"/each[0]": kind}
    assert message in end.failures[0][1].message
    assert sorted(task.argv[1] for task in rig.site.submitted) == ["beside", "x", "y"]
    assert rig.of(EACH)[-1] is Failed


async def test_what_ran_out_of_memory_failed_whatever_its_exit_status_and_gets_more(rig: Rig) -> None:
    rig.retries[FailureClass.MEMORY] = Retry(2, scale=2.0, wait=0.001)
    rig.site.behave = lambda task: _exhausted(task, out_of_memory=task.resources.memory < 300 << 20)
    assert (await rig.run("x")).failures == ()
    assert [task.resources.memory >> 20 for task in rig.site.submitted if task.argv == ("work", "x")] == [256, 512]


async def test_the_sites_own_time_limit_holds_and_grows_where_there_is_no_other(rig: Rig) -> None:
    rig.site.location = replace(rig.site.location, time_limit=60.0)
    rig.retries[FailureClass.TIME] = Retry(3, scale=2.0, wait=0.001)
    rig.site.behave = lambda task: _exhausted(task, timed_out=task.argv == ("work", "x"))
    end = await rig.run("x")
    assert [task.time_limit for task in rig.site.submitted if task.argv == ("work", "x")] == [60.0, 120.0, 240.0]
    assert {task.time_limit for task in rig.site.submitted if task.argv == ("work", "beside")} == {60.0}
    assert [(failure.kind, failure.message.partition("tried ")[2]) for job, failure in end.failures if job == EACH] == [
        (FailureClass.TIME, "3 times, the last time with a time limit of 4m")]


async def _exhausted(task: Task, **how: bool) -> Done:
    """Its end as a batch system tells it, which knows better than the exit status."""
    return done(0, **how) if any(how.values()) else await succeed(task)


async def test_a_refusal_is_a_failure_of_submission(rig: Rig) -> None:
    class Refusing(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            for task in tasks:
                yield task.key, Refused("no account")

    rig.connector = Refusing(rig.site)
    end = await rig.run("x")
    assert kinds(end) == {"/each[0]": FailureClass.SUBMISSION, "/beside": FailureClass.SUBMISSION}
    assert rig.of(EACH) == [Demanded, Submitting, Failed]


async def test_a_site_that_fails_while_it_takes_tasks(rig: Rig) -> None:
    class Broken(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            async for answer in super().submit(at, tasks[:1]):
                yield answer
            raise SiteError("the line is dead", transient=False)

    rig.connector = Broken(rig.site)
    end = await rig.run("x", "y")
    assert {failure.message for _, failure in end.failures} == {"the line is dead"}


async def test_a_site_that_is_lost(rig: Rig) -> None:
    class Silent(FakeConnector):
        async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[Any]:
            raise SiteError("the line is dead", transient=False)
            yield

    rig.connector = Silent(rig.site)
    end = await rig.run("x")
    assert set(kinds(end).values()) == {FailureClass.INFRASTRUCTURE}


async def test_data_that_is_not_there(rig: Rig) -> None:
    end = await rig.run("x", data={"class": "File", "location": f"file://{rig.top}/gone", "basename": "gone", "size": 0})
    assert kinds(end) == {"/each[0]": FailureClass.STAGING}
    assert "gone" in end.failures[0][1].message


@pytest.mark.parametrize(("error", "words"), [
    (OSError(40, "Too many levels of symbolic links", "/data/x"), "/data/x: Too many levels of symbolic links"),
    (OSError(5, "Input/output error"), "Input/output error"),
    (ValueError("an address that is none"), "an address that is none"),
    (RecursionError("maximum recursion depth exceeded"), "something among them is nested too deeply"),
])  # fmt: skip
async def test_what_nobody_foresaw_costs_the_job_and_not_the_run(rig: Rig, error: Exception, words: str) -> None:
    class Broken(Mover):
        async def localize(self, uris: Collection[str], to: Location) -> dict[str, str]:
            raise error

    rig.mover = Broken({HERE: HereFiles()}, {HERE: str(rig.top / "data")}, Catalog())
    data = {"class": "File", "location": "file:///data/x", "basename": "x", "size": 1}
    end = await rig.run("x", data=data)
    [(job, failure)] = end.failures
    assert (job, failure.kind) == (EACH, FailureClass.STAGING)
    assert failure.message == f"its data or its documents cannot be handled: {words}"
    assert rig.of(JobId("/beside"))[-1] is Finished


async def test_what_no_location_can_give(rig: Rig) -> None:
    rig.request = Request(Resources(99), Resources(99))
    end = await rig.run("x")
    assert kinds(end) == {"/each[0]": FailureClass.SUBMISSION, "/beside": FailureClass.SUBMISSION}
    assert rig.site.submitted == []
    assert "99 cores" in end.failures[0][1].message


async def test_an_expression_that_fails(rig: Rig) -> None:
    end = await rig.run("x", text="bad")
    assert kinds(end) == {"/beside": FailureClass.EVALUATION}
    assert "undefinedthing" in end.failures[0][1].message


async def test_outputs_that_lie_elsewhere_are_no_outputs(rig: Rig) -> None:
    async def behave(task: Task) -> Done:
        return done(manifest=Manifest({}, tuple(() for _ in task.collect), b"this is no JSON"))

    rig.site.behave = behave
    end = await rig.run("x")
    assert set(kinds(end).values()) == {FailureClass.OUTPUT}


# -- stopping ------------------------------------------------------------------------------------------------------------------------


async def sleep(task: Task) -> Done:
    await asyncio.sleep(60)
    return done()


def stopped(end: Conclude, rig: Rig) -> None:
    """The run has ended in order: nothing goes on, everything that went on is said to be cancelled."""
    assert kinds(end) == {"/": FailureClass.CANCELLED}
    ended = Counter(event.key for event in rig.events if isinstance(event, Failed | Finished))
    assert ended[None] == 0
    assert {event.key for event in rig.events if isinstance(event, Submitting)} <= set(ended)
    assert set(ended.values()) <= {1}
    assert any(isinstance(event, Stopping) for event in rig.events)


async def test_stop_while_jobs_run(rig: Rig) -> None:
    rig.site.behave = sleep
    end = await rig.run(*"abcdefgh", stop=lambda it: it.until(lambda: sum(isinstance(event, Running) for event in it.heard.events) == 4))
    stopped(end, rig)
    assert len(rig.site.submitted) == 4


async def test_stop_twice(rig: Rig) -> None:
    rig.site.behave = sleep

    async def once(it: Rig) -> None:
        await it.until(lambda: any(isinstance(event, Running) for event in it.heard.events))
        assert it.driver is not None
        it.driver.stop("interrupt")

    stopped(await rig.run("a", "b", stop=once), rig)


async def test_stop_at_once(rig: Rig) -> None:
    stopped(await rig.run("x", stop=lambda it: asyncio.sleep(0)), rig)


async def test_stop_while_data_moves(rig: Rig) -> None:
    class Slow(Mover):
        async def localize(self, uris: Collection[str], to: Location) -> dict[str, str]:
            await asyncio.sleep(60)
            return {}

    rig.mover = Slow({HERE: HereFiles()}, {}, Catalog())
    rig.site.behave = sleep
    end = await rig.run(
        "x", data={"class": "File", "location": "file:///x", "basename": "x", "size": 1}, stop=lambda it: it.until(lambda: it.heard.stages)
    )
    stopped(end, rig)
    assert [task.argv for task in rig.site.submitted] in ([], [("work", "beside")])


async def test_stop_while_the_site_takes_tasks(rig: Rig) -> None:
    cancelled: list[Ticket] = []
    entered, leave = asyncio.Event(), asyncio.Event()

    class Slow(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            entered.set()
            await leave.wait()
            async for answer in super().submit(at, tasks):
                yield answer

        async def cancel(self, tickets: Collection[Ticket]) -> None:
            cancelled.extend(tickets)
            await super().cancel(tickets)

    async def when(it: Rig) -> None:
        await entered.wait()
        asyncio.get_running_loop().call_later(0.2, leave.set)

    rig.connector, rig.site.behave = Slow(rig.site), sleep
    stopped(await rig.run("x", stop=when), rig)
    assert len(cancelled) == len(rig.site.submitted)


async def test_stop_when_the_site_cannot_be_told(rig: Rig) -> None:
    class Deaf(FakeConnector):
        async def cancel(self, tickets: Collection[Ticket]) -> None:
            raise SiteError("the line is dead", transient=True)

    rig.connector, rig.site.behave = Deaf(rig.site), sleep
    end = await rig.run("x", stop=lambda it: it.until(lambda: any(isinstance(event, Running) for event in it.heard.events)))
    stopped(end, rig)
    messages = "\n".join(event.failure.message for event in rig.events if isinstance(event, Failed))
    assert "may go on at fake in /work/run/" in messages and "the line is dead" in messages


async def test_a_job_that_ends_before_it_is_cancelled_counts_once(rig: Rig) -> None:
    async def short(task: Task) -> Done:
        await asyncio.sleep(0.05)
        return await succeed(task)

    rig.site.behave = short
    end = await rig.run("x", stop=lambda it: it.until(lambda: any(isinstance(event, Running) for event in it.heard.events)))
    assert JobId("/") in dict(end.failures)
    assert end.outputs == {}


# -- the journal fails ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Started, Demanded, Submitting, Submitted, Running, Finished, Stopping])
async def test_a_journal_that_fails_ends_the_run_and_what_runs(rig: Rig, kind: type) -> None:
    ended: list[Ticket] = []

    class Watched(FakeConnector):
        async def cancel(self, tickets: Collection[Ticket]) -> None:
            ended.extend(tickets)
            await super().cancel(tickets)

    async def behave(task: Task) -> Done:
        return await (succeed(task) if task.argv == ("work", "x") and kind is Finished else sleep(task))

    rig.failing, rig.connector, rig.site.behave = kind, Watched(rig.site), behave
    with pytest.raises(JournalError, match="the disk is full"):
        await rig.run("x", "y", stop=lambda it: asyncio.sleep(0.2) if kind is Stopping else asyncio.sleep(60))
    assert not any(isinstance(event, kind) for event in rig.events)
    running = {task.key for task in rig.site.submitted if task.argv != ("work", "x") or kind is not Finished}
    assert running <= {Key(ticket) for ticket in ended}
