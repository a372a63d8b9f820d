from __future__ import annotations

from pathlib import Path

from madeup import ONE, SPLIT, TWO, done, failed, key_of, life, tried

from hyflow.journal import Phase, Record
from hyflow.model.events import Event, Failed, Finished, Rerun, Reused, Running
from hyflow.model.jobs import JobId
from hyflow.report.joblog import failed_jobs, job_story, try_words

HERE = Path("/w")


def records(*events: Event) -> list[Record]:
    return [Record(number, 1.0, event) for number, event in enumerate(events, 1)]


def failures(*events: Event) -> list[JobId]:
    jobs = {event.job for event in events if isinstance(event, Failed)}
    return list(failed_jobs(records(*(event for event in events if not isinstance(event, Finished))), jobs))


def test_the_attempts_of_a_job_in_their_order() -> None:
    story = job_story(ONE, records(*life(ONE, HERE, failed(ONE, again=4.0)), *tried(ONE, HERE, 2), done(ONE, 2)))
    assert (story.phase, story.attempts, story.failure) == (Phase.DONE, 2, None)
    assert [(one.where.dir, one.where.host, one.again, one.failure is None) for one in story.tries] == [
        ("/w/align-0", "vm", 4.0, False),
        ("/w/align-0.2", "vm", None, True),
    ]
    assert try_words(1, job_story(ONE, records(*tried(ONE, HERE))).tries[0]) == "attempt 1 at laptop (on vm): nobody has heard how it ended"


def test_an_attempt_that_is_announced_again_is_the_same() -> None:
    """As it is by a driver that takes a run up."""
    story = job_story(ONE, records(*life(ONE, HERE), *tried(ONE, HERE)))
    assert (story.attempts, story.phase) == (1, Phase.RUNNING)


def test_late_news_of_an_attempt_change_nothing() -> None:
    story = job_story(ONE, records(*life(ONE, HERE, failed(ONE)), Running(ONE, key_of(ONE), 9.0, "vm")))
    assert story.phase is Phase.FAILED


def test_a_job_that_is_tried_again_waits() -> None:
    story = job_story(ONE, records(*life(ONE, HERE, failed(ONE, again=4.0))))
    assert (story.phase, story.failure is None) == (Phase.WAITING, False)


def test_who_has_failed_for_good() -> None:
    both = [*life(ONE, HERE, failed(ONE)), *life(TWO, HERE, failed(TWO))]
    assert failures(*both) == [ONE, TWO]
    assert failures(*life(SPLIT, HERE, failed(SPLIT, again=1.0))) == []
    assert failures(*both, *tried(ONE, HERE, 2)) == [TWO]
    assert failures(*both, Rerun((), True, 9.0)) == []
    assert failures(*both, Rerun(("/split",), False, 9.0)) == [ONE, TWO]
    assert failures(*both, Rerun(("/align",), False, 9.0), *tried(TWO, HERE, 2), failed(TWO, attempt=2)) == [TWO]
    assert failures(*both, Reused(ONE, {}, "other", ONE, 9.0)) == [TWO]
