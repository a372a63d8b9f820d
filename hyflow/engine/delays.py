"""Why attempts that were sent to sites have not begun: gathered for all of them, and told as one event now and then.

Ten thousand jobs may wait in one queue, each for a reason that its site repeats with every look. What is told is how many wait for what,
when that has lasted and has changed: no more than two events a minute, whatever happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hyflow.model.events import Awaiting, Cause
from hyflow.model.jobs import JobId

LASTS = 10.0
"""Seconds for which something must have been so before it is told."""
APART = 30.0
"""Seconds between two events at least."""
LOT = 2
"""By what factor a number must have changed to be told anew."""
MOST, NAMED, WORDS = 6, 5, 200
"""Causes that an event tells at most beside one for all others; jobs of a cause that are named; the longest reason, in characters."""

Group: TypeAlias = tuple[str, str, bool]
"""A site, a reason, whether the site has taken those that wait for it."""


@dataclass(slots=True)
class Delays:
    """`tell` is given the events; on the event loop."""

    tell: Callable[[Awaiting], None]
    _groups: dict[JobId, Group] = field(default_factory=dict)
    _told: tuple[Cause, ...] = ()
    _timer: asyncio.TimerHandle | None = None
    _next: float = 0.0

    def note(self, job: JobId, site: str, reason: str, queued: bool) -> None:
        """Why the job has not begun there, as its site says now; "": it has, or nobody says."""
        if reason:
            self._groups[job] = site, " ".join(reason.split())[:WORDS], queued
        elif self._groups.pop(job, None) is None:
            return
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time() + LASTS, self._next), self._look)

    def _look(self) -> None:
        self._timer = None
        causes = gathered(self._groups)
        if differ(self._told, causes):
            self._told, self._next = causes, asyncio.get_running_loop().time() + APART
            self.tell(Awaiting(causes, time.time()))


def gathered(groups: Mapping[JobId, Group]) -> tuple[Cause, ...]:
    """How many wait for what, those first for which most do."""
    jobs: dict[Group, list[JobId]] = {}
    for job, group in groups.items():
        jobs.setdefault(group, []).append(job)
    ordered = sorted(jobs.items(), key=lambda each: (-len(each[1]), each[0]))
    causes = [Cause(*group[:2], len(some), group[2], tuple(some) if len(some) <= NAMED else ()) for group, some in ordered]
    return (*causes[:MOST], *_others(causes[MOST:]))


def _others(causes: Sequence[Cause]) -> Iterator[Cause]:
    """What is too much to be told one by one, by site, and by whether the jobs were taken."""
    for site, queued in dict.fromkeys((cause.site, cause.queued) for cause in causes):
        rest = [cause.jobs for cause in causes if (cause.site, cause.queued) == (site, queued)]
        yield Cause(site, "other reasons", sum(rest), queued)


def differ(before: Sequence[Cause], now: Sequence[Cause]) -> bool:
    """Whether that is worth another event: there are other reasons, or a number has become another by far."""
    old, new = ({(cause.site, cause.reason, cause.queued): cause.jobs for cause in causes} for causes in (before, now))
    return old.keys() != new.keys() or any(max(new[key], jobs) >= LOT * min(new[key], jobs) for key, jobs in old.items())
