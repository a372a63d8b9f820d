"""What a person is told of a job that failed: what, where, why, its last words, where the rest lies, what to type next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from hyflow.model.events import Event, Failed, Finished, Running, Submitted, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.report.story import words
from hyflow.report.terminal import clean, one_line, shorten

SHOWN = 3
"""Failures of one step that are told in full; the others are counted."""

_LAST_LINES = 15
_WIDEST = 400
"""Columns of one line of what a command said, at most: it may have said all in a single one."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where an attempt is: the location, its directory there (absolute), what it is called there, if anything, and the host once it runs;
    what it runs in: the digest of a container's image, or environment modules."""

    location: str
    dir: str
    host: str = ""
    image: str | None = None
    modules: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        more = [self.name] * bool(self.name) + [f"on {self.host}"] * bool(self.host)
        return f"{self.location} ({' '.join(more)})" if more else self.location


def intended(event: Submitting) -> Whereabouts:
    """Where an attempt goes."""
    return Whereabouts(event.location, event.dir, image=event.image, modules=event.modules)


class Attempts:
    """Where each attempt in flight is, learned from events."""

    def __init__(self) -> None:
        self._known: dict[Key, Whereabouts] = {}

    def event(self, event: Event) -> Whereabouts | None:
        """Take the event in; for one that ends an attempt, where that was."""
        match event:
            case Submitting(key=key):
                self._known[key] = intended(event)
            case Submitted(key=key) if (known := self._known.get(key)) is not None:
                self._known[key] = replace(known, name=event.name)
            case Running(key=key) if (known := self._known.get(key)) is not None:
                self._known[key] = replace(known, host=event.host)
            case (Finished() | Failed()) if event.key is not None:
                return self._known.pop(event.key, None)
        return None


def describe(job: JobId, failure: Failure, where: Whereabouts | None, run: str) -> str:
    """The whole message, several lines, safe for a terminal. `where` None: it failed before any attempt."""
    code = f", exit status {failure.code}" if failure.code else ""
    lines = [f"{one_line(str(job))} failed: {clean(failure.message)}", f"  class   {failure.kind.value}{code}"]
    if where is not None:
        lines.append(f"  where   {one_line(str(where))}")
    if words := clean(failure.stderr).rstrip("\n").split("\n")[-_LAST_LINES:]:
        lines += [f"  | {shorten(line, _WIDEST)}" for line in words if words != [""]]
    if where is not None and failure.stderr:
        lines.append(f"  all of its standard error: {one_line(where.dir)}/stderr")
    lines.append(f"  next: {_next(job, failure, where, run)}")
    return "\n".join(lines)


def _next(job: JobId, failure: Failure, where: Whereabouts | None, run: str) -> str:
    if where is not None:
        return f"hyflow logs {run} {one_line(shlex.quote(str(job)))}"
    if failure.kind is FailureClass.EVALUATION:
        return "correct the document there and run it again: no command was started for this job"
    return f"hyflow logs {run} shows what came before it"


class Failures:
    """Tells the first failures of each step in full, and counts."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._counts: dict[str, int] = {}

    def event(self, event: Failed, where: Whereabouts | None) -> str | None:
        """The message, or None when enough was said of this step. What was cancelled, or is tried again, is no news."""
        if event.failure.kind is FailureClass.CANCELLED or event.again is not None:
            return None
        count = self._counts[event.job.step] = self._counts.get(event.job.step, 0) + 1
        return describe(event.job, event.failure, where, self._run) if count <= SHOWN else None

    def rest(self) -> list[str]:
        """A line for each step of which not every failure was told."""
        return [
            f"{one_line(step)}: {count:,} jobs failed, {SHOWN} of them are shown above; all of them: hyflow logs {self._run} --failed"
            for step, count in self._counts.items()
            if count > SHOWN
        ]


class Retries:
    """Tells the first failures of each step that are not final, a line each, and counts."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def event(self, event: Failed) -> str | None:
        """The line, safe for a terminal, or None when enough was said of this step."""
        count = self._counts[event.job.step] = self._counts.get(event.job.step, 0) + 1
        return one_line(words(event)) if count <= SHOWN else None

    def rest(self) -> list[str]:
        """A line for each step of which not every one was told."""
        return [
            f"{one_line(step)}: {count:,} times a job was tried again, {SHOWN} of them are shown above"
            for step, count in self._counts.items()
            if count > SHOWN
        ]
