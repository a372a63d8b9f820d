"""The run's own story: one line for each event, in words."""

from __future__ import annotations

from typing import assert_never

from hyflow.journal import Record
from hyflow.model.events import (
    Awaiting,
    Delivered,
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Rerun,
    Resumed,
    Reused,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass
from hyflow.report.terminal import duration, one_line, when
from hyflow.report.waits import awaiting_words


def story_line(record: Record) -> str:
    """When (this machine's clock), what; safe for a terminal."""
    return f"{when(record.at)}  {one_line(words(record.event))}"


def words(event: Event) -> str:
    """The event in a sentence. Not made safe."""
    match event:
        case Started():
            return "the run begins"
        case Evaluated(job=job, skipped=skipped):
            return f"{job} is skipped: its condition says no" if skipped else f"{job} has its inputs"
        case Demanded(job=job, locations=locations):
            return f"{job} may run at {', '.join(locations)}"
        case Submitting(job=job, location=location):
            return f"{job} goes to {location}, in {event.dir}"
        case Submitted(job=job, name=name):
            return f"{job} is accepted{f', as {name}' if name else ''}"
        case Running(job=job, host=host):
            return f"{job} runs on {host}"
        case Finished(job=job, usage=usage):
            return f"{job} is done" + ("" if usage.wall is None else f" after {duration(usage.wall)}")
        case Failed(job=job, failure=failure) if failure.kind is FailureClass.CANCELLED:
            return f"{job} {cancelled(failure)}"
        case Failed(job=job, failure=failure):
            what, _, _ = failure.message.partition("\n")  # what to do about it stands in the next lines
            then = "" if event.again is None else f"; tried again in {duration(event.again)}"
            return f"{job} failed ({failure.kind.value}): {what}{then}"
        case Reused(job=job, run=run, source=source):
            return f"{job} has the outputs of {source} of run {run}, which was the same"
        case Rerun(steps=steps, failed=failed):
            return f"to run again: {', '.join([*steps, *(['what failed'] if failed else [])])}"
        case Resumed(host=host):
            return f"the run goes on, driven on {host}"
        case Delivered():
            return "the outputs are delivered; the run is done"
        case Stopping(reason="clean"):
            return "cleaned: what the run worked with is removed"
        case Stopping(reason=reason):
            return f"stopping ({reason}): nothing more is started"
        case Awaiting():
            return awaiting_words(event)
        case _:
            assert_never(event)


def cancelled(failure: Failure) -> str:
    """How a job ended that was cancelled, which is no failure; follows on its name. Not made safe."""
    what, _, _ = failure.message.partition("\n")
    return "was ended with the run" if what.startswith("cancelled") else f"was cancelled: {what}"
