"""How many jobs of each step are where: counted from events alone, by the journal as it writes and by live progress.

A failed job that is to be tried again waits; one that failed for good, or was ended, counts as that until it is heard of again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hyflow.model.events import Demanded, Evaluated, Event, Failed, Finished, Rerun, Reused, Running, Submitted, Submitting
from hyflow.model.jobs import FailureClass, JobId


class Phase(StrEnum):
    """Where a job is on its way."""

    WAITING = "waiting"
    STAGING = "staging"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REUSED = "reused"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


IN_FLIGHT = (Phase.WAITING, Phase.STAGING, Phase.QUEUED, Phase.RUNNING)
GOOD = (Phase.DONE, Phase.REUSED, Phase.SKIPPED)
"""Nothing follows, unless the job is to run again."""


def phase_of(event: Event) -> Phase | None:
    """The phase that the event brings its job to; None when it changes nothing."""
    match event:
        case Demanded():
            return Phase.WAITING
        case Submitting():
            return Phase.STAGING
        case Submitted():
            return Phase.QUEUED
        case Running():
            return Phase.RUNNING
        case Finished():
            return Phase.DONE
        case Reused():
            return Phase.REUSED
        case Failed(again=float() | int()):
            return Phase.WAITING
        case Failed(failure=failure):
            return Phase.CANCELLED if failure.kind is FailureClass.CANCELLED else Phase.FAILED
        case Evaluated(skipped=True):
            return Phase.SKIPPED
        case _:
            return None


def job_of(event: Event) -> JobId | None:
    """The job that the event is about; None for the run's own events."""
    return getattr(event, "job", None)


@dataclass(slots=True)
class StepTally:
    """One step in figures: jobs by phase; `attempts` submitted, by location in `places`; `first` and `last` event in seconds
    since the epoch; `wall`: the sum of what finished attempts took, seconds; `retries`: how often a job was to be tried again."""

    path: str
    counts: dict[Phase, int] = field(default_factory=dict)
    attempts: int = 0
    places: dict[str, int] = field(default_factory=dict)
    first: float = 0.0
    last: float = 0.0
    wall: float = 0.0
    retries: int = 0

    def __getitem__(self, phase: Phase) -> int:
        return self.counts.get(phase, 0)

    @property
    def total(self) -> int:
        """Jobs of this step so far known of."""
        return sum(self.counts.values())

    def shift(self, old: Phase | None, new: Phase) -> None:
        """A job has moved from `old` (None: it is new) to `new`."""
        if old is not None:
            self.counts[old] -= 1
        self.counts[new] = self.counts.get(new, 0) + 1


_NONE: Mapping[JobId, Phase] = {}


class Tally:
    """Per-step figures, kept up event by event. Remembers jobs in flight and failed ones, not those that are done."""

    def __init__(self, steps: Iterable[StepTally] = (), phases: Mapping[JobId, Phase] = _NONE) -> None:
        """Goes on from earlier figures; `phases`: where each job is."""
        self.steps = {step.path: step for step in steps}
        self._phases: dict[JobId, Phase] = {}
        for job, phase in phases.items():
            self._enter(job, phase)

    def phase(self, job: JobId) -> Phase | None:
        """Where the job is, or None when it is unknown, done or skipped."""
        return self._phases.get(job)

    def count(self, event: Event, at: float) -> Sequence[StepTally]:
        """Take the event in; the figures of the steps that it changed. `at`: when it was learned."""
        if isinstance(event, Rerun):
            return self._void(event)
        job = job_of(event)
        if job is None:
            return ()
        step = self.steps.get(job.step)
        if step is None:
            step = self.steps[job.step] = StepTally(job.step, first=at)
        step.last = max(step.last, at)
        self._detail(step, event)
        new, old = phase_of(event), self._phases.get(job)
        if new is not None and not (old is None and isinstance(event, (Submitted, Running))):
            step.shift(old, new)
            self._enter(job, new)
        return (step,)

    def _void(self, event: Rerun) -> Sequence[StepTally]:
        """All jobs of these steps begin anew, as if nothing had been heard of them. Failed ones are counted anew when they are."""
        voided = [self.steps[path] for path in event.steps if path in self.steps]
        for step in voided:
            step.counts = {}
        self._phases = {job: phase for job, phase in self._phases.items() if job.step not in event.steps}
        return voided

    def total(self, *phases: Phase) -> int:
        """Jobs of all steps in these phases."""
        return sum(step[phase] for step in list(self.steps.values()) for phase in phases)

    def _enter(self, job: JobId, phase: Phase) -> None:
        if phase in GOOD:
            self._phases.pop(job, None)
        else:
            self._phases[job] = phase

    @staticmethod
    def _detail(step: StepTally, event: Event) -> None:
        if isinstance(event, Submitting):
            step.attempts += 1
            step.places[event.location] = step.places.get(event.location, 0) + 1
        elif isinstance(event, Finished):
            step.wall += event.usage.wall or 0.0
        elif isinstance(event, Failed) and event.again is not None:
            step.retries += 1
