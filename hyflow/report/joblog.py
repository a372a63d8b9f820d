"""What a job left behind: its attempts, and the files that hold what it said, where they lie on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from hyflow.journal import Phase, Record
from hyflow.journal.tally import job_of, phase_of
from hyflow.model.events import Event, Failed, Finished, Rerun, Reused, Running, Submitted, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.report.failure import Whereabouts, intended
from hyflow.report.story import cancelled
from hyflow.report.terminal import duration


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: where and since when (seconds since the epoch, as `ended`), and how it failed, where that is known. `wall`: seconds
    that its command took, measured. `again`: the job was to be tried again, at the earliest in so many seconds. `asked`: when, since the
    attempt before, it was asked that the job run again."""

    key: Key
    where: Whereabouts
    at: float
    submitted: float | None = None
    running: float | None = None
    ended: float | None = None
    failure: Failure | None = None
    again: float | None = None
    wall: float | None = None
    asked: tuple[float, ...] = ()

    @property
    def began(self) -> float | None:
        """When its command started, as far as that is known: it may be heard of late, but not before."""
        heard = (self.running, None if self.ended is None or self.wall is None else self.ended - self.wall)
        return min((at for at in heard if at is not None), default=None)

    @property
    def took(self) -> float | None:
        """Seconds that its command took, or else the attempt; None: it has no end."""
        return None if self.ended is None else self.ended - (self.running or self.at) if self.wall is None else self.wall


@dataclass(frozen=True, slots=True)
class JobStory:
    """One job: how it stands, its attempts, and how it failed in the end, or before any of them. `asked`: when, since the latest attempt,
    it was asked that it run again."""

    job: JobId
    phase: Phase | None
    tries: tuple[Try, ...]
    failure: Failure | None
    asked: tuple[float, ...] = ()

    @property
    def attempts(self) -> int:
        """How often it was submitted."""
        return len(self.tries)

    @property
    def where(self) -> Whereabouts | None:
        """Where its latest attempt was; None: there was none."""
        return self.tries[-1].where if self.tries else None


class Story:
    """What befell one job so far, event by event."""

    def __init__(self, job: JobId) -> None:
        self.job = job
        self.phase: Phase | None = None
        self.failure: Failure | None = None
        self._tries: dict[Key, Try] = {}
        self._asked: tuple[float, ...] = ()

    def event(self, event: Event) -> None:
        """Take in an event that is about the job, or asks that it run again. Late news of an attempt that has ended changes nothing."""
        if isinstance(event, Submitted | Running) and (known := self._tries.get(event.key)) is not None and known.ended is not None:
            return
        self.phase = phase_of(event) or self.phase
        match event:
            case Submitting(key=key):
                self.failure = None
                self._tries[key] = Try(key, intended(event), event.at, asked=self._asked)
                self._asked = ()
            case Submitted(key=key):
                if key in self._tries:
                    self._change(key, where=replace(self._tries[key].where, name=event.name), submitted=event.at)
            case Running(key=key) if key in self._tries:
                self._change(key, where=replace(self._tries[key].where, host=event.host), running=event.at)
            case Finished(key=key):
                self.failure = None
                self._change(key, ended=event.at, wall=event.usage.wall)
            case Failed(key=key):
                self.failure = event.failure
                self._change(key, ended=event.at, failure=event.failure, again=event.again)
            case Rerun():
                self.phase = self.failure = None
                self._asked += (event.at,)

    def told(self) -> JobStory:
        """The story as it is now."""
        return JobStory(self.job, self.phase, tuple(self._tries.values()), self.failure, self._asked)

    def _change(self, key: Key | None, **changes: Any) -> None:
        if key is not None and key in self._tries:
            self._tries[key] = replace(self._tries[key], **changes)


def job_story(job: JobId, records: Iterable[Record]) -> JobStory:
    """From all that befell the job, in order."""
    story = Story(job)
    for record in records:
        story.event(record.event)
    return story.told()


FAILING: tuple[type[Event], ...] = (Submitting, Submitted, Running, Failed, Reused, Rerun)
"""The kinds of events that `failed_jobs` wants."""


def failed_jobs(records: Iterable[Record], jobs: Collection[JobId]) -> dict[JobId, JobStory]:
    """Those of the jobs that failed for good and of which nothing was heard or wanted since, from the run's events (of kinds FAILING)."""
    stories, failed = {job: Story(job) for job in jobs}, dict[JobId, JobStory]()
    for record in records:
        event = record.event
        if isinstance(event, Rerun):
            failed = {} if event.failed else {job: story for job, story in failed.items() if job.step not in event.steps}
        elif (job := job_of(event)) is not None and (story := stories.get(job)) is not None:
            story.event(event)
            failed.pop(job, None)
            if story.phase is Phase.FAILED:
                failed[job] = story.told()
    return failed


def as_json(story: JobStory) -> dict[str, Any]:
    """`stdout` and `stderr` are paths at the location; `here`: they can be read on this machine under these paths."""
    where, failure = story.where, story.failure
    return {
        "job": str(story.job),
        "state": story.phase.value if story.phase else None,
        "attempts": story.attempts,
        "location": where.location if where else None,
        "name": where.name or None if where else None,
        "host": where.host or None if where else None,
        "dir": where.dir if where else None,
        "image": where.image if where else None,
        "modules": where.modules if where else (),
        "stdout": f"{where.dir}/stdout" if where else None,
        "stderr": f"{where.dir}/stderr" if where else None,
        "here": where is not None and Path(where.dir).is_dir(),
        "failure": failure,
        "tries": [_try_json(one) for one in story.tries],
    }


def _try_json(one: Try) -> dict[str, Any]:
    return {
        "location": one.where.location,
        "name": one.where.name or None,
        "host": one.where.host or None,
        "dir": one.where.dir,
        "began": one.at,
        "ended": one.ended,
        "failure": one.failure,
        "again": one.again,
    }


def try_words(number: int, one: Try) -> str:
    """An attempt that was not the last, in a line: where, how long, how it ended and what followed. Not made safe."""
    took = "" if one.took is None else f" after {duration(one.took)}"
    if one.failure is None:
        how = f"done{took}; run again later" if took else "nobody has heard how it ended"
        return f"attempt {number} at {one.where}: {how}"
    if one.failure.kind is FailureClass.CANCELLED:
        return f"attempt {number} at {one.where} {cancelled(one.failure)}"
    what = one.failure.message.partition("\n")[0]
    then = "" if one.again is None else f"; tried again in {duration(one.again)}"
    return f"attempt {number} at {one.where} failed{took} ({one.failure.kind.value}): {what}{then}"


def open_log(path: str) -> BinaryIO | None:
    """The file for reading; None when there is no such plain file here (a job may have put anything in its place)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def pieces(file: BinaryIO, size: int = 1 << 16) -> Iterator[bytes]:
    """The file piece by piece, each to the end of a line where lines are not overlong."""
    while piece := file.read(size):
        yield piece + (b"" if piece.endswith(b"\n") else file.readline(size))
