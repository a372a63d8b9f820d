"""Actions: what the engine decided to do. The driver carries them out and reports back as events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hyflow.model.jobs import Failure, FailureClass, Job, JobId, Key
from hyflow.model.resources import Resources
from hyflow.model.values import Inputs, Value


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Compute the job's inputs with the expressions of step `name` in `workflow`; answer `Evaluated` or `Failed`."""

    job: Job
    workflow: str
    name: str


@dataclass(frozen=True, slots=True)
class Express:
    """Evaluate an ExpressionTool; answer `Finished` or `Failed`."""

    job: Job


@dataclass(frozen=True, slots=True)
class Demand:
    """Find out what the job needs; answer `Demanded` or `Failed`. `after`: not before so many seconds have passed. `before`: how often it
    has failed, by class, since it may need more then."""

    job: Job
    after: float = 0.0
    before: Mapping[FailureClass, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submit:
    """Bind, stage and submit an attempt; answers `Submitting`, `Submitted`, `Running`, and at last `Finished` or `Failed`."""

    job: Job
    key: Key
    location: str
    resources: Resources


@dataclass(frozen=True, slots=True)
class Adopt:
    """Go on with an attempt of an earlier driver, which may or may not have reached the location; answers as to `Submit`."""

    job: Job
    key: Key
    location: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """Wait no longer for these attempts, which go on; nothing is answered."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """End these attempts; each answers `Failed` (cancelled) when it has ended."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Conclude:
    """Nothing is left to do. With `failures` empty the outputs are complete: deliver them. `going_on`: attempts that were let go."""

    outputs: Value
    failures: tuple[tuple[JobId, Failure], ...]
    inputs: Inputs
    going_on: tuple[Key, ...] = ()


Action: TypeAlias = Evaluate | Express | Demand | Submit | Adopt | LetGo | Cancel | Conclude
