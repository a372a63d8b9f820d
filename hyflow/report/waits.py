"""Why jobs that were sent to sites have not begun, in words: for all of them, and for one. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hyflow.journal import Phase
from hyflow.model.events import Awaiting, Cause
from hyflow.model.jobs import JobId
from hyflow.report.terminal import when


def cause_words(cause: Cause) -> str:
    """As it follows on the name of its site. Not made safe."""
    jobs = "1 job waits" if cause.jobs == 1 else f"{cause.jobs:,} jobs wait"
    return f"{jobs} {'in the queue' if cause.queued else 'to be taken'}: {cause.reason}"


def awaiting_words(event: Awaiting) -> str:
    """All causes in a sentence. Not made safe."""
    told = "; ".join(f"{cause.site}: {cause_words(cause)}" for cause in event.causes)
    return told or "no site says any more that jobs wait there"


def causes_json(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    """As `hyflow status --json` has them."""
    return [{"site": cause.site, "reason": cause.reason, "jobs": cause.jobs, "queued": cause.queued} for cause in causes]


class Heard:
    """What was told already: a site's reason is told once, however many jobs wait for it."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, bool]] = set()

    def fresh(self, causes: Iterable[Cause]) -> list[Cause]:
        """Those that were not told before."""
        new = [cause for cause in causes if (cause.site, cause.reason, cause.queued) not in self._told]
        self._told.update((cause.site, cause.reason, cause.queued) for cause in new)
        return new


def possible(job: JobId, site: str, phase: Phase | None, awaiting: Awaiting | None) -> Sequence[Cause]:
    """What the job may wait for at its site: the one that names it, else all that name none."""
    if awaiting is None or phase not in (Phase.STAGING, Phase.QUEUED):
        return ()
    there = [cause for cause in awaiting.causes if cause.site == site and cause.queued == (phase is Phase.QUEUED)]
    named = [cause for cause in there if job in cause.named]
    return named or [cause for cause in there if not cause.named]


def why_words(causes: Sequence[Cause], job: JobId, at: float) -> str:
    """What the job waits for, of what it may (at least one). `at`: when that was heard. Not made safe."""
    if job in causes[0].named:
        return f"At {when(at)} its site said why: {causes[0].reason}."
    if len(causes) == 1:
        return f"At {when(at)} its site said why, of all {causes[0].jobs:,} jobs that waited like it: {causes[0].reason}."
    told = "; ".join(f"{cause.reason} ({cause.jobs:,})" for cause in causes)
    return f"At {when(at)} its site said why, of the jobs that waited like it: {told}."
