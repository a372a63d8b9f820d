"""One JSON object a line for every event, for programs that watch a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TextIO

from hyflow import plain
from hyflow.journal import Standing
from hyflow.journal.tally import job_of
from hyflow.model.events import Event
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.patient import Patient


def as_json(event: Event, at: float) -> dict[str, Any]:
    """`event` (its kind), `at` (seconds since the epoch), `job` as in "/align[3]" where there is one, and the event's other fields."""
    job = job_of(event)
    head: dict[str, Any] = {"event": type(event).__name__.lower(), "at": at}
    if job is not None:
        head["job"] = str(job)
    return head | {field.name: getattr(event, field.name) for field in fields(event) if field.name not in ("job", "at")}


class JsonLog:
    """Writes a line for every event, and `begin`, `stage`, `warning` and `end` of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Patient(stream)

    def begin(self, program: Program, run: str) -> None:
        self._write({"event": "begin", "at": time.time(), "run": run, "workflow": program.source})

    def so_far(self, standing: Standing, since: float) -> None:
        """It was told by whoever drove the run then; `hyflow logs RUN --json` has it."""

    def event(self, event: Event) -> None:
        self._write(as_json(event, getattr(event, "at", time.time())))

    def stage(self, job: JobId, text: str) -> None:
        self._write({"event": "stage", "at": time.time(), "job": str(job), "what": text})

    def warn(self, text: str) -> None:
        self._write({"event": "warning", "at": time.time(), "text": text})

    def note(self, text: str) -> None:
        self._write({"event": "note", "at": time.time(), "text": text})

    def alarm(self, text: str) -> None:
        self.warn(text)

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        self._write({"event": "end", "at": time.time(), "failed": [str(job) for job, _ in failures]})

    def _write(self, record: dict[str, Any]) -> None:
        self._stream.write(plain.line(record) + "\n")
        self._stream.flush()
