"""What a job left behind: its attempts, and the files that hold what it said, where they lie on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from hyflow.journal import Phase, Record
from hyflow.journal.tally import phase_of
from hyflow.model.events import Event, Failed, Running, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.report.failure import Attempts, Whereabouts, intended


@dataclass(frozen=True, slots=True)
class JobStory:
    """One job: how it stands, how often it was submitted, where its latest attempt was (None: never), how it failed."""

    job: JobId
    phase: Phase | None
    attempts: int
    where: Whereabouts | None
    failure: Failure | None


def job_story(job: JobId, records: Iterable[Record]) -> JobStory:
    """From all that befell the job, in order."""
    phase, attempts, where, failure = None, 0, None, None
    for record in records:
        event = record.event
        phase = phase_of(event) or phase
        match event:
            case Submitting():
                attempts, failure = attempts + 1, None
                where = intended(event)
            case Running() if where is not None:
                where = replace(where, host=event.host)
            case Failed():
                failure = event.failure
    return JobStory(job, phase, attempts, where, failure)


FAILING: tuple[type[Event], ...] = (Submitting, Running, Failed)
"""The kinds of events that `failed_jobs` wants."""


def failed_jobs(records: Iterable[Record]) -> dict[JobId, JobStory]:
    """Every job that failed and was not submitted again since, from the run's events (of kinds FAILING), in order."""
    attempts, failed = Attempts(), dict[JobId, JobStory]()
    tries: dict[JobId, int] = {}
    for record in records:
        where = attempts.event(record.event)
        match record.event:
            case Submitting(job=job):
                tries[job] = tries.get(job, 0) + 1
                failed.pop(job, None)
            case Failed(job=job, failure=failure) if failure.kind is not FailureClass.CANCELLED:
                failed[job] = JobStory(job, Phase.FAILED, tries.get(job, 0), where, failure)
    return failed


def as_json(story: JobStory) -> dict[str, Any]:
    """`stdout` and `stderr` are paths at the location; `here`: they can be read on this machine under these paths."""
    where, failure = story.where, story.failure
    return {
        "job": str(story.job),
        "state": story.phase.value if story.phase else None,
        "attempts": story.attempts,
        "location": where.location if where else None,
        "host": where.host or None if where else None,
        "dir": where.dir if where else None,
        "image": where.image if where else None,
        "modules": where.modules if where else (),
        "stdout": f"{where.dir}/stdout" if where else None,
        "stderr": f"{where.dir}/stderr" if where else None,
        "here": where is not None and Path(where.dir).is_dir(),
        "failure": failure,
    }


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
