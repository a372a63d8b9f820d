"""The state machine of a run: events in, actions out. No await, no clock, no disk, and no order but that of the events.

A workflow that fires opens a *scope* (its inputs, and the outputs of its steps so far); a step that fires in a scope opens a
*firing*, which unfolds into one job, or lazily into the jobs of a scatter. A job of a nested workflow opens a scope
of its own. What has ended is folded into its parent and forgotten, so that memory follows what is in flight.

The same events in the same order give the same actions, which is what replaying a journal rests on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import assert_never

from hyflow.engine.links import LinkError, flow
from hyflow.engine.placement import Placement
from hyflow.engine.scatter import ScatterError, element, gather, shape_of, tag_of
from hyflow.model.actions import Action, Cancel, Conclude, Demand, Evaluate, Express, Submit
from hyflow.model.events import (
    Delivered,
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Rerun,
    Resumed,
    Reused,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass, Job, JobId, Key, attempt_key
from hyflow.model.places import Location
from hyflow.model.resources import Resources
from hyflow.model.values import Inputs, Value
from hyflow.model.workflow import Program, Source, Step, Workflow

WINDOW = 1000
"""How many jobs of one scatter are unfolded at a time: enough to fill a site, too few to fill the memory."""

ROOT = JobId("/")


@dataclass(slots=True, eq=False)
class _Scope:
    """One firing of a workflow. `open`: steps that may still give something; `outputs`: what the finished ones gave."""

    id: JobId
    workflow: Workflow
    inputs: Inputs
    outputs: dict[str, Inputs] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    failed: bool = False


@dataclass(slots=True, eq=False)
class _Firing:
    """One firing of a step in a scope. `shape` None: not scattered. `results`: by port, a value for every job."""

    scope: _Scope
    step: Step
    inputs: Inputs
    shape: tuple[int, ...] | None
    total: int
    results: dict[str, list[Value]]
    unfolded: int = 0
    ended: int = 0
    failed: bool = False


@dataclass(slots=True, eq=False)
class _Live:
    """A job in flight: which element of which firing it is, and what it holds at a location."""

    firing: _Firing
    index: int
    job: Job
    attempt: int = 0
    key: Key | None = None
    location: str | None = None
    held: Resources | None = None


class State:
    """`handle` is the only door. Whatever it is told must already be in the journal."""

    def __init__(self, program: Program, run: str, locations: Mapping[str, Location], window: int = WINDOW) -> None:
        self._program, self._run, self._window = program, run, window
        self._placement = Placement.over(locations)
        self._live: dict[JobId, _Live] = {}
        self._nested: dict[JobId, tuple[_Firing, int]] = {}
        self._failures: list[tuple[JobId, Failure]] = []
        self._inputs: Inputs = {}
        self._stopping = False
        self._concluded = False
        self._actions: list[Action] = []
        # What follows from what: worked off in a loop, since a chain of empty scatters may be longer than the stack is deep.
        self._agenda: deque[Callable[[], None]] = deque()
        self._consumers = {workflow.id: _consumers(workflow) for workflow in program.workflows.values()}

    def handle(self, event: Event) -> list[Action]:
        """What follows from the event. An event about a job that has ended already changes nothing."""
        self._actions = []
        match event:
            case Started():
                self._inputs = event.inputs
                self._open_scope(ROOT, self._program.workflows[self._program.root], event.inputs)
            case Evaluated():
                self._evaluated(event)
            case Demanded():
                if event.job in self._live and not self._stopping:
                    self._placement.enqueue(event.job, event.request, event.locations)
            case Finished():
                self._finished(event)
            case Failed():
                self._failed(event.job, event.failure)
            case Stopping():
                self._stop()
            case Submitting() | Submitted() | Running() | Delivered() | Reused() | Rerun() | Resumed():
                pass
            case _:
                assert_never(event)
        while self._agenda:
            self._agenda.popleft()()
        self._conclude_if_stopped()
        self._submit_what_fits()
        return self._actions

    @property
    def attempts(self) -> dict[Key, JobId]:
        """The attempts that are at a location, or on their way there."""
        return {live.key: job for job, live in self._live.items() if live.key is not None}

    # -- scopes ---------------------------------------------------------------------------------------------------

    def _open_scope(self, id: JobId, workflow: Workflow, inputs: Inputs) -> None:
        scope = _Scope(id, workflow, inputs, open=set(workflow.steps))
        if not workflow.steps:
            self._close_scope(scope)
            return
        for step in workflow.steps.values():
            if _ready(step, scope):
                self._agenda.append(partial(self._fire, scope, step))

    def _close_scope(self, scope: _Scope) -> None:
        """Nothing in the scope can give anything more: its outputs, or its failure, flow to whoever opened it."""
        outputs: Inputs = {}
        if not scope.failed:
            try:
                outputs = {link.port: flow(link, lambda source: _read(source, scope)) for link in scope.workflow.outputs}
            except LinkError as error:
                scope.failed = True
                self._failures.append((scope.id, Failure(FailureClass.EVALUATION, str(error))))
        if scope.id == ROOT:
            self._conclude(outputs)
        elif not self._stopping:
            firing, index = self._nested.pop(scope.id)
            self._agenda.append(partial(self._fold, firing, index, None if scope.failed else outputs))

    def _conclude(self, outputs: Inputs) -> None:
        if not self._concluded:
            self._concluded = True
            self._actions.append(Conclude(outputs, tuple(self._failures), self._inputs))

    # -- steps ----------------------------------------------------------------------------------------------------

    def _fire(self, scope: _Scope, step: Step) -> None:
        try:
            inputs = {link.port: flow(link, lambda source: _read(source, scope)) for link in step.inputs}
            shape = shape_of(step, inputs) if step.scatter else None
        except (LinkError, ScatterError) as error:
            self._failures.append((_child(scope, step), Failure(FailureClass.EVALUATION, str(error))))
            self._give_up(scope, step)
            return
        total = 1 if shape is None else prod(shape)
        firing = _Firing(scope, step, inputs, shape, total, {port: [None] * total for port in step.outputs})
        if total == 0:
            self._end_firing(firing)
        else:
            self._unfold(firing)

    def _unfold(self, firing: _Firing) -> None:
        while not self._stopping and firing.unfolded < firing.total and firing.unfolded - firing.ended < self._window:
            index = firing.unfolded
            firing.unfolded += 1
            self._begin(firing, index)

    def _begin(self, firing: _Firing, index: int) -> None:
        step, scope, shape = firing.step, firing.scope, firing.shape
        id = _child(scope, step)
        inputs = firing.inputs
        if shape is not None:
            id = JobId(id.step, scope.id.tag + tag_of(step, shape, index))
            inputs = element(step, firing.inputs, shape, index)
        live = self._live[id] = _Live(firing, index, Job(id, step.process, inputs))
        if step.computed:
            self._actions.append(Evaluate(live.job, scope.workflow.id, step.name))
        else:
            self._start(live)

    def _start(self, live: _Live) -> None:
        match live.firing.step.kind:
            case "command":
                self._actions.append(Demand(live.job))
            case "expression":
                self._actions.append(Express(live.job))
            case "workflow":
                del self._live[live.job.id]
                self._nested[live.job.id] = (live.firing, live.index)
                self._open_scope(live.job.id, self._program.workflows[live.job.process], live.job.inputs)
            case kind:
                assert_never(kind)

    def _fold(self, firing: _Firing, index: int, outputs: Inputs | None) -> None:
        """A job of the firing has ended: with outputs, or failed (None)."""
        firing.ended += 1
        if outputs is None:
            firing.failed = True
        else:
            for port, values in firing.results.items():
                values[index] = outputs.get(port)
        if firing.ended == firing.total:
            self._end_firing(firing)
        else:
            self._unfold(firing)

    def _end_firing(self, firing: _Firing) -> None:
        scope, step, shape = firing.scope, firing.step, firing.shape
        if firing.failed:
            self._give_up(scope, step)
            return
        scope.outputs[step.name] = {
            port: values[0] if shape is None else gather(step, values, shape) for port, values in firing.results.items()
        }
        scope.open.discard(step.name)
        for name in self._consumers[scope.workflow.id][step.name]:
            if name in scope.open and _ready(scope.workflow.steps[name], scope):
                self._agenda.append(partial(self._fire, scope, scope.workflow.steps[name]))
        self._close_if_done(scope)

    def _give_up(self, scope: _Scope, step: Step) -> None:
        """The step has failed: so have all that need it, the others of the scope go on."""
        scope.failed = True
        lost = deque([step.name])
        while lost:
            name = lost.popleft()
            if name in scope.open:
                scope.open.discard(name)
                lost.extend(self._consumers[scope.workflow.id][name])
        self._close_if_done(scope)

    def _close_if_done(self, scope: _Scope) -> None:
        if not scope.open:
            scope.open.add("")
            self._close_scope(scope)

    # -- jobs -----------------------------------------------------------------------------------------------------

    def _evaluated(self, event: Evaluated) -> None:
        live = self._live.get(event.job)
        if live is None or self._stopping:
            return
        if event.skipped:
            del self._live[event.job]
            self._fold(live.firing, live.index, {})
        else:
            live.job = Job(live.job.id, live.job.process, event.inputs)
            self._start(live)

    def _finished(self, event: Finished) -> None:
        live = self._release(event.job)
        if live is not None:
            self._fold(live.firing, live.index, event.outputs)

    def _failed(self, job: JobId, failure: Failure) -> None:
        live = self._release(job)
        if live is not None:
            self._failures.append((job, failure))
            self._fold(live.firing, live.index, None)

    def _release(self, job: JobId) -> _Live | None:
        live = self._live.pop(job, None)
        if live is not None and live.location is not None and live.held is not None:
            self._placement.release(job, live.location, live.held)
        return live

    def _submit_what_fits(self) -> None:
        if self._stopping:
            return
        for job, location, granted in self._placement.place():
            live = self._live[job]
            live.attempt += 1
            live.key = attempt_key(self._run, job, live.attempt)
            live.location, live.held = location, granted
            self._actions.append(Submit(live.job, live.key, location, granted))

    # -- stopping -------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Start nothing more, end what runs; the rest of the run is given up."""
        if not self._stopping:
            self._stopping = True
            self._placement.clear()
            self._live = {job: live for job, live in self._live.items() if live.key is not None}
            self._failures.append((ROOT, Failure(FailureClass.CANCELLED, "the run was stopped")))
        if keys := tuple(self.attempts):
            self._actions.append(Cancel(keys))

    def _conclude_if_stopped(self) -> None:
        if self._stopping and not self._live:
            self._conclude({})


def _child(scope: _Scope, step: Step) -> JobId:
    return JobId(f"{scope.id.step.rstrip('/')}/{step.name}", scope.id.tag)


def _read(source: Source, scope: _Scope) -> Value:
    return scope.inputs.get(source.port) if source.step is None else scope.outputs[source.step].get(source.port)


def _ready(step: Step, scope: _Scope) -> bool:
    return all(source.step is None or source.step in scope.outputs for link in step.inputs for source in link.sources)


def _consumers(workflow: Workflow) -> dict[str, list[str]]:
    """For each step, the steps that take something from it."""
    table: dict[str, list[str]] = {name: [] for name in workflow.steps}
    for step in workflow.steps.values():
        for name in {source.step for link in step.inputs for source in link.sources if source.step is not None}:
            table[name].append(step.name)
    return table
