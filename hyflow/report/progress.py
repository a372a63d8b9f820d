"""How far a run is, kept up from its events: what the live display and the plain lines both show."""

from __future__ import annotations

import time
from collections import Counter

from hyflow.journal.tally import IN_FLIGHT, Phase, StepTally, Tally
from hyflow.model.events import Awaiting, Demanded, Event, Failed, Finished, Rerun, Reused, Submitting
from hyflow.model.jobs import JobId
from hyflow.model.workflow import Program
from hyflow.report.failure import Attempts, Failures, Retries
from hyflow.report.outline import in_order, outline
from hyflow.report.sofar import SoFar
from hyflow.report.story import words
from hyflow.report.terminal import one_line
from hyflow.report.waits import Heard, cause_words


class Progress:
    """Figures of one run, from its beginning or from those `so_far`. `event` is cheap: it counts, and says what must be told at once (a
    failure), or nothing."""

    def __init__(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        self.run = run
        self.outline = outline(program)
        self.tally = so_far.tally if so_far else Tally()
        self.busy: dict[str, float] = {}
        """Cores asked for by what is at each site now."""
        self.began = time.monotonic() - (max(0.0, time.time() - so_far.since) if so_far else 0.0)
        self.failures = Failures(run)
        self.retries = Retries()
        self._heard = Heard()
        self._attempts = Attempts()
        self._moving: dict[JobId, None] = {}
        self._cores: dict[JobId, float] = {}
        self._at: dict[JobId, str] = {}
        for announced in so_far.open if so_far else ():
            self._attempts.event(announced)
            self._cores[announced.job] = announced.resources.cores
            self._enter(announced)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def event(self, event: Event) -> str | None:
        """Take the event in; the message of a failure that is to be told."""
        self.tally.count(event, time.time())
        where = self._attempts.event(event)
        match event:
            case Demanded():
                self._cores[event.job] = event.request.least.cores
            case Submitting():
                self._enter(event)
            case Finished() | Failed() | Reused():
                self._leave(event.job, tried_again=isinstance(event, Failed) and event.again is not None)
        return self.failures.event(event, where) if isinstance(event, Failed) else None

    def note(self, event: Event) -> str | None:
        """What is worth a line, or some, without being a failure; safe for a terminal."""
        match event:
            case Awaiting():
                return "\n".join(one_line(f"{cause.site}: {cause_words(cause)}") for cause in self._heard.fresh(event.causes)) or None
            case Failed(again=float() | int()):
                return self.retries.event(event)
            case Rerun():
                return one_line(words(event))
            case _:
                return None

    def stage(self, job: JobId, text: str) -> None:
        """Data for the job moves from "begin" to "end"."""
        if text == "begin":
            self._moving[job] = None
        else:
            self._moving.pop(job, None)

    def steps(self) -> list[StepTally]:
        """Figures of every step in the order of the document, those that nothing was heard of too, and others that were."""
        moving = Counter(job.step for job in list(self._moving))
        return [_with_moving(step, moving[step.path]) for step in in_order(self.outline, list(self.tally.steps.values()))]

    def in_flight(self, path: str) -> int:
        """Jobs of the step that wait or go on."""
        step = self.tally.steps.get(path)
        return sum(step[phase] for phase in IN_FLIGHT) if step else 0

    def _enter(self, event: Submitting) -> None:
        site = event.location.partition("/")[0]
        self._moving.pop(event.job, None)
        self._at[event.job] = site
        if event.resources.cores:  # more than it asked for, perhaps, when it is tried again
            self._cores[event.job] = event.resources.cores
        self.busy[site] = self.busy.get(site, 0.0) + self._cores.get(event.job, 0.0)

    def _leave(self, job: JobId, *, tried_again: bool) -> None:
        cores, site = self._cores.get(job, 0.0), self._at.pop(job, None)
        if not tried_again:
            self._cores.pop(job, None)
        self._moving.pop(job, None)
        if site is not None:
            self.busy[site] -= cores


def _with_moving(step: StepTally, moving: int) -> StepTally:
    """Data moves before the attempt is written down as one: until then the job counts as waiting."""
    staging = min(moving, step[Phase.WAITING])
    if not staging:
        return step
    counts = {**step.counts, Phase.WAITING: step[Phase.WAITING] - staging, Phase.STAGING: step[Phase.STAGING] + staging}
    return StepTally(step.path, counts, step.attempts, step.places, step.first, step.last, step.wall, step.retries)
