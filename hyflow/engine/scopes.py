"""What is open in a run: scopes, firings, jobs in flight. The values that `State` works with, and what can be read off them alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyflow.model.jobs import FailureClass, Job, JobId, Key
from hyflow.model.resources import Resources
from hyflow.model.values import Inputs, Value
from hyflow.model.workflow import Source, Step, Workflow


@dataclass(slots=True, eq=False)
class Scope:
    """One firing of a workflow. `open`: steps that may still give something; `outputs`: what the finished ones gave."""

    id: JobId
    workflow: Workflow
    inputs: Inputs
    outputs: dict[str, Inputs] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    failed: bool = False


@dataclass(slots=True, eq=False)
class Firing:
    """One firing of a step in a scope. `shape` None: not scattered. `results`: by port, a value for every job."""

    scope: Scope
    step: Step
    inputs: Inputs
    shape: tuple[int, ...] | None
    total: int
    results: dict[str, list[Value]]
    unfolded: int = 0
    ended: int = 0
    failed: bool = False


@dataclass(slots=True, eq=False)
class Live:
    """A job in flight: which element of which firing it is, how many attempts have ended (`before`: how those failed that count), and its
    present attempt with what it holds at a location. `sent`: the location may have heard of it."""

    firing: Firing
    index: int
    job: Job
    evaluated: bool = False
    tries: int = 0
    before: dict[FailureClass, int] = field(default_factory=dict)
    key: Key | None = None
    location: str | None = None
    held: Resources | None = None
    sent: bool = False

    def has(self, key: Key) -> bool:
        """Whether an attempt of this key may be its present one: as long as its inputs are not known, it has none."""
        return self.evaluated and self.key in (None, key)


def child(scope: Scope, step: Step) -> JobId:
    return JobId(f"{scope.id.step.rstrip('/')}/{step.name}", scope.id.tag)


def read(source: Source, scope: Scope) -> Value:
    return scope.inputs.get(source.port) if source.step is None else scope.outputs[source.step].get(source.port)


def ready(step: Step, scope: Scope) -> bool:
    return all(source.step is None or source.step in scope.outputs for link in step.inputs for source in link.sources)


def consumers(workflow: Workflow) -> dict[str, list[str]]:
    """For each step, the steps that take something from it."""
    table: dict[str, list[str]] = {name: [] for name in workflow.steps}
    for step in workflow.steps.values():
        for name in {source.step for link in step.inputs for source in link.sources if source.step is not None}:
            table[name].append(step.name)
    return table
