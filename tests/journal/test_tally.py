from __future__ import annotations

from hyflow.journal import Phase, Tally
from hyflow.model.events import Demanded, Event, Failed, Finished, Running, Started, Submitted, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import UNMEASURED, Request, Resources

JOB, KEY = JobId("/a"), Key("k")
REQUEST = Request(Resources(), Resources())


def fail(kind: FailureClass) -> Failed:
    return Failed(JOB, KEY, Failure(kind, "no"), 9.0)


def counted(*events: Event) -> dict[Phase, int]:
    tally = Tally()
    for event in events:
        tally.count(event, 1.0)
    return {phase: count for step in tally.steps.values() for phase, count in step.counts.items() if count}


def test_a_job_is_in_one_phase_at_a_time() -> None:
    way: list[Event] = [
        Demanded(JOB, REQUEST, ()),
        Submitting(JOB, KEY, "x", "/d", 1.0),
        Submitted(JOB, KEY, "t", 1.0),
        Running(JOB, KEY, 1.0, "h"),
        Finished(JOB, KEY, {}, UNMEASURED, 1.0),
    ]
    phases = [Phase.WAITING, Phase.STAGING, Phase.QUEUED, Phase.RUNNING, Phase.DONE]
    assert [counted(*way[: n + 1]) for n in range(5)] == [{phase: 1} for phase in phases]


def test_a_failed_job_may_come_back() -> None:
    again = Submitting(JOB, Key("k2"), "y", "/d", 1.0)
    assert counted(Submitting(JOB, KEY, "x", "/d", 1.0), fail(FailureClass.TOOL)) == {Phase.FAILED: 1}
    assert counted(Submitting(JOB, KEY, "x", "/d", 1.0), fail(FailureClass.TOOL), again) == {Phase.STAGING: 1}
    assert counted(Submitting(JOB, KEY, "x", "/d", 1.0), fail(FailureClass.CANCELLED)) == {Phase.CANCELLED: 1}


def test_late_news_of_an_ended_job_counts_for_nothing() -> None:
    assert counted(Finished(JOB, KEY, {}, UNMEASURED, 1.0), Running(JOB, KEY, 1.0, "h")) == {Phase.DONE: 1}


def test_the_run_itself_is_no_step() -> None:
    assert counted(Started({})) == {}
