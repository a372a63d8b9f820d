"""Actions: what the engine decided to do. The driver carries them out and reports back as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hyflow.model.jobs import Failure, Job, JobId, Key
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
    """Find out what the job needs; answer `Demanded` or `Failed`."""

    job: Job


@dataclass(frozen=True, slots=True)
class Submit:
    """Bind, stage and submit an attempt; answers `Submitting`, `Submitted`, `Running`, and at last `Finished` or `Failed`."""

    job: Job
    key: Key
    location: str
    resources: Resources


@dataclass(frozen=True, slots=True)
class Cancel:
    """End these attempts; each answers `Failed` (cancelled) when it has ended."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Conclude:
    """Nothing is left to do. With `failures` empty the outputs are complete: deliver them."""

    outputs: Value
    failures: tuple[tuple[JobId, Failure], ...]
    inputs: Inputs


Action: TypeAlias = Evaluate | Express | Demand | Submit | Cancel | Conclude
