"""What is to be done about a job when some time has passed. A job that is closed by then is passed over."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping

from .jobs import Job


class Alarms:
    """`jobs` are those that are not closed, by key."""

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        self._jobs = jobs
        self._timers: list[tuple[float, int, str, Callable[[Job], object]]] = []
        self._count = 0

    def after(self, seconds: float, job: Job, action: Callable[[Job], object]) -> None:
        self._count += 1
        if len(self._timers) > 1000 + 4 * len(self._jobs):
            self._timers = [timer for timer in self._timers if timer[2] in self._jobs]
            heapq.heapify(self._timers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._count, job.key, action))

    @property
    def next(self) -> float | None:
        """When the next one is due, on the monotonic clock."""
        return self._timers[0][0] if self._timers else None

    def ring(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, key, action = heapq.heappop(self._timers)
            job = self._jobs.get(key)
            if job is not None:
                action(job)
