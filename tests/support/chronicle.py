"""What is durable of a run in tests of the engine, and a simple reading of what of it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hyflow.model.events import Evaluated, Event, Failed, Finished, Rerun, Reused, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.values import Inputs


@dataclass
class Record:
    """What is durable of a run; `void`: the events that later wishes to run something again have made void, by their place."""

    events: list[Event] = field(default_factory=list)
    void: set[int] = field(default_factory=set)
    open: dict[Key, Submitting] = field(default_factory=dict)

    def append(self, event: Event) -> None:
        if isinstance(event, Rerun):
            self.void.update(n for n, known in enumerate(self.events) if _made_void(known, event))
        elif isinstance(event, Submitting):
            self.open[event.key] = event
        elif isinstance(event, Finished | Failed) and event.key is not None:
            self.open.pop(event.key, None)
        self.events.append(event)

    def standing(self) -> Iterator[Event]:
        return (event for n, event in enumerate(self.events) if n not in self.void)

    def done(self) -> dict[JobId, Inputs]:
        """Outputs of the jobs that are done."""
        return {event.job: event.outputs for event in self.standing() if isinstance(event, Finished | Reused)}

    def failed(self) -> dict[JobId, Failure]:
        """The jobs that have failed for good."""
        ends = (event for event in self.standing() if isinstance(event, Failed) and event.again is None)
        return {event.job: event.failure for event in ends if event.failure.kind is not FailureClass.CANCELLED}

    def evaluated(self) -> set[JobId]:
        """The jobs whose expressions have been evaluated."""
        return {event.job for event in self.standing() if isinstance(event, Evaluated)}

    def before(self, job: JobId) -> dict[FailureClass, int]:
        """How often the job has failed and was to be tried again."""
        counts: dict[FailureClass, int] = {}
        for event in self.standing():
            if isinstance(event, Failed) and event.job == job and event.again is not None:
                counts[event.failure.kind] = counts.get(event.failure.kind, 0) + 1
        return counts


def _made_void(event: Event, rerun: Rerun) -> bool:
    job = getattr(event, "job", None)
    return job is not None and (job.step in rerun.steps or (rerun.failed and isinstance(event, Failed)))
