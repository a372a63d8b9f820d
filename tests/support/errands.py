"""What a driver has to do in tests of the engine, and what comes of it: every tool, expression and demand is a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import graphs

from hyflow.model.actions import Adopt, Demand, Evaluate, Express, Submit
from hyflow.model.events import Demanded, Evaluated, Event, Failed, Finished
from hyflow.model.jobs import Failure, FailureClass, Job, JobId, Key
from hyflow.model.places import Location
from hyflow.model.resources import UNMEASURED, Request, Resources
from hyflow.model.values import Inputs

NORMAL, FINAL, AGAIN, REUSED, CANCELLED = "normal", "final", "again", "reused", "cancelled"
"""How an errand may go, and an attempt may end."""
ENDS = {FINAL: None, AGAIN: 2.0}
"""Ways that are failures, with the seconds after which it is tried again."""


@dataclass
class Attempt:
    """What a site knows of an attempt. `ended`: how; None: it runs, or waits there."""

    job: JobId
    inputs: Inputs
    ended: str | None = None


@dataclass(eq=False)
class Errand:
    """An action that a driver carries out. `stage`: begun (of a submission: staging), announcing, there (or on the way there)."""

    action: Evaluate | Demand | Express | Submit | Adopt
    stage: str = "begun"
    cancelled: bool = False

    @property
    def key(self) -> Key | None:
        return self.action.key if isinstance(self.action, Submit | Adopt) else None


def answer(action: Evaluate | Express | Demand, how: str, locations: Mapping[str, Location]) -> list[Event]:
    """What comes of an action that is no attempt."""
    job = action.job
    if how in ENDS:
        return [Failed(job.id, None, Failure(FailureClass.EVALUATION, how), 0.0, ENDS[how])]
    match action:
        case Evaluate():
            inputs = graphs.computed(action.name, job.inputs)
            return [Evaluated(job.id, inputs or {}, inputs is None)]
        case Express():
            return [Finished(job.id, None, graphs.work(job.process, job.inputs), UNMEASURED, 0.0)]
        case Demand():
            return [_demanded(job, locations)]


def _demanded(job: Job, locations: Mapping[str, Location]) -> Demanded:
    """Jobs differ in what they ask for, and in where they may run."""
    dice, names = graphs.number(job.id), list(locations)
    names = names[dice % 2:dice % 2 + 1 + dice % 3] or names
    rooms = [place.capacity.cores for name in names if (place := locations[name]).capacity is not None]
    amount = Resources(min([1 + dice % 5 // 3, *rooms]))
    return Demanded(job.id, Request(amount, amount), tuple(names))
