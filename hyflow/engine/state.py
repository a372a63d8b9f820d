"""The state machine of a run: events in, actions out. No await, no clock, no disk, and no order but that of the events.

A workflow that fires opens a *scope* (its inputs, and the outputs of its steps so far); a step that fires in a scope opens a
*firing*, which unfolds into one job, or lazily into the jobs of a scatter. A job of a nested workflow opens a scope
of its own. What has ended is folded into its parent and forgotten, so that memory follows what is in flight.

The same events in the same order give the same actions, which is what replaying a journal rests on. For that it is enough to handle
those events that say how a job ended (REPLAYED), in their order, then the announcements of attempts that have no end, and to do nothing
of what follows: `Resumed` asks for all of it again, as far as it is still to be done.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import assert_never

from hyflow.engine.links import LinkError, flow
from hyflow.engine.placement import Placement
from hyflow.engine.scatter import ScatterError, element, gather, index_of, shape_of, tag_of
from hyflow.engine.scopes import Firing, Live, Scope, child, consumers, read, ready
from hyflow.model.actions import Action, Adopt, Cancel, Conclude, Demand, Evaluate, Express, LetGo, Submit
from hyflow.model.events import (
    Awaiting,
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
from hyflow.model.values import Inputs
from hyflow.model.workflow import Program, Step, Workflow

WINDOW = 1000
"""How many jobs of one scatter are unfolded at a time: enough to fill a site, too few to fill the memory. A site that queues by itself may
take more at a time, to have many with one request."""

ROOT = JobId("/")
REPLAYED: tuple[type[Event], ...] = (Started, Evaluated, Finished, Failed, Reused, Stopping, Rerun, Resumed)
_OF_JOBS = (Evaluated, Submitting, Finished, Reused, Failed)
"""Events that may tell of a job which is not in flight, as this state has not come to it."""
_ENDING_ALL = ("cancel", "clean")
"""Reasons to stop for which everything is ended, wherever it runs."""


class State:
    """`handle` is the only door. Whatever it is told must already be in the journal."""

    def __init__(self, program: Program, run: str, locations: Mapping[str, Location], window: int | None = None) -> None:
        self._program, self._run = program, run
        self._window = window or max([WINDOW, *(place.ahead for place in locations.values() if place.capacity is None)])
        self._locations, self._placement = locations, Placement.over(locations)
        self._live: dict[JobId, Live] = {}
        self._nested: dict[JobId, tuple[Firing, int]] = {}
        self._scattered: dict[JobId, Firing] = {}
        self._failures: list[tuple[JobId, Failure]] = []
        self._inputs: Inputs = {}
        self._generation = 0
        self._stopping = self._mute = False
        self._concluded = False
        self._let_go: dict[Key, None] = {}
        self._outputs: Inputs | None = None
        self._actions: list[Action] = []
        # What follows from what: worked off in a loop, since a chain of empty scatters may be longer than the stack is deep.
        self._agenda: deque[Callable[[], None]] = deque()
        self._consumers = {workflow.id: consumers(workflow) for workflow in program.workflows.values()}

    @contextlib.contextmanager
    def replaying(self) -> Iterator[None]:
        """While this lasts, what would begin something is not even said: it is asked for again later."""
        self._mute = True
        try:
            yield
        finally:
            self._mute = False

    def handle(self, event: Event) -> list[Action]:
        """What follows from the event. An event about a job that has ended already changes nothing."""
        self._actions = []
        if isinstance(event, _OF_JOBS) and event.job not in self._live:
            self._reach(event.job)
        match event:
            case Started():
                self._inputs = event.inputs
                self._open_scope(ROOT, self._program.workflows[self._program.root], event.inputs)
            case Evaluated():
                self._evaluated(event)
            case Demanded():
                if event.job in self._live and not self._stopping:
                    self._placement.enqueue(event.job, event.request, event.locations)
            case Submitting():
                self._sent(event)
            case Finished() | Reused():
                self._finished(event)
            case Failed():
                self._failed(event)
            case Stopping():
                self._stop(event.reason)
            case Rerun():
                self._generation += 1
            case Resumed():
                self._resume()
            case Submitted() | Running() | Delivered() | Awaiting():
                pass
            case _:
                assert_never(event)
        self._work_off()
        self._conclude_if_over()
        self._submit_what_fits()
        return self._actions

    @property
    def attempts(self) -> dict[Key, JobId]:
        """The attempts that are at a location, or on their way there."""
        return {live.key: job for job, live in self._live.items() if live.key is not None}

    @property
    def inputs(self) -> Inputs:
        """Those that the run began with."""
        return self._inputs

    def before(self, job: JobId) -> Mapping[FailureClass, int]:
        """How often the job, which is in flight, has failed so far, by class."""
        return self._live[job].before if job in self._live else {}

    def _work_off(self) -> None:
        while self._agenda:
            self._agenda.popleft()()

    def _ask(self, action: Action) -> None:
        """Nothing is begun while the run is being stopped: it is asked for again when somebody takes it up."""
        if not self._stopping:
            self._actions.append(action)

    # -- scopes ---------------------------------------------------------------------------------------------------

    def _open_scope(self, id: JobId, workflow: Workflow, inputs: Inputs) -> None:
        scope = Scope(id, workflow, inputs, open=set(workflow.steps))
        if not workflow.steps:
            self._close_scope(scope)
            return
        for step in workflow.steps.values():
            if ready(step, scope):
                self._agenda.append(partial(self._fire, scope, step))

    def _close_scope(self, scope: Scope) -> None:
        """Nothing in the scope can give anything more: its outputs, or its failure, flow to whoever opened it."""
        outputs: Inputs = {}
        if not scope.failed:
            try:
                outputs = {link.port: flow(link, lambda source: read(source, scope)) for link in scope.workflow.outputs}
            except LinkError as error:
                scope.failed = True
                self._failures.append((scope.id, Failure(FailureClass.EVALUATION, str(error))))
        if scope.id == ROOT:
            self._outputs = outputs
        else:
            firing, index = self._nested.pop(scope.id)
            self._agenda.append(partial(self._fold, firing, index, None if scope.failed else outputs))

    def _conclude_if_over(self) -> None:
        """Nothing more is to be done, or nothing more that is waited for."""
        stopped = self._outputs is None and self._stopping and self.attempts.keys() <= self._let_go.keys()
        if self._concluded or (self._outputs is None and not stopped):
            return
        self._concluded = True
        failures = [*self._failures, *([(ROOT, Failure(FailureClass.CANCELLED, "the run was stopped"))] if stopped else [])]
        self._actions.append(Conclude(self._outputs or {}, tuple(failures), self._inputs, tuple(self._let_go)))

    # -- steps ----------------------------------------------------------------------------------------------------

    def _fire(self, scope: Scope, step: Step) -> None:
        try:
            inputs = {link.port: flow(link, lambda source: read(source, scope)) for link in step.inputs}
            shape = shape_of(step, inputs) if step.scatter else None
        except (LinkError, ScatterError) as error:
            self._failures.append((child(scope, step), Failure(FailureClass.EVALUATION, str(error))))
            self._give_up(scope, step)
            return
        total = 1 if shape is None else prod(shape)
        firing = Firing(scope, step, inputs, shape, total, {port: [None] * total for port in step.outputs})
        if shape is not None:
            self._scattered[child(scope, step)] = firing
        if total == 0:
            self._end_firing(firing)
        else:
            self._unfold(firing)

    def _unfold(self, firing: Firing) -> None:
        while firing.unfolded < firing.total and firing.unfolded - firing.ended < self._window:
            self._begin(firing)

    def _reach(self, job: JobId) -> None:
        """Unfold what lies above a job that is not in flight, whatever the window. The record may have more than one window of jobs that
        were to run again, and tell of a job behind them: what is known of it counts."""
        names = job.step.split("/")
        for depth in range(2, len(names) + 1):
            for outer in range(len(job.tag)):
                firing = self._scattered.get(JobId("/".join(names[:depth]), job.tag[:outer]))
                while firing is not None and firing.unfolded <= index_of(firing.step, firing.shape or (), job.tag[outer:]):
                    self._begin(firing)
            self._work_off()

    def _begin(self, firing: Firing) -> None:
        """The next of its jobs."""
        step, scope, shape, index = firing.step, firing.scope, firing.shape, firing.unfolded
        firing.unfolded += 1
        id = child(scope, step)
        inputs = firing.inputs
        if shape is not None:
            id = JobId(id.step, scope.id.tag + tag_of(step, shape, index))
            inputs = element(step, firing.inputs, shape, index)
        live = self._live[id] = Live(firing, index, Job(id, step.process, inputs), evaluated=not step.computed)
        self._start(live)

    def _start(self, live: Live, after: float = 0.0) -> None:
        """What the job needs next, whether it begins or begins anew."""
        step = live.firing.step
        if self._mute and (step.kind != "workflow" or not live.evaluated):
            return
        if not live.evaluated:
            self._ask(Evaluate(live.job, live.firing.scope.workflow.id, step.name))
            return
        match step.kind:
            case "command":
                self._ask(Demand(live.job, after, dict(live.before)))
            case "expression":
                self._ask(Express(live.job))
            case "workflow":
                del self._live[live.job.id]
                self._nested[live.job.id] = (live.firing, live.index)
                self._open_scope(live.job.id, self._program.workflows[live.job.process], live.job.inputs)
            case kind:
                assert_never(kind)

    def _fold(self, firing: Firing, index: int, outputs: Inputs | None) -> None:
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

    def _end_firing(self, firing: Firing) -> None:
        scope, step, shape = firing.scope, firing.step, firing.shape
        self._scattered.pop(child(scope, step), None)
        if firing.failed:
            self._give_up(scope, step)
            return
        scope.outputs[step.name] = {
            port: values[0] if shape is None else gather(step, values, shape) for port, values in firing.results.items()
        }
        scope.open.discard(step.name)
        for name in self._consumers[scope.workflow.id][step.name]:
            if name in scope.open and ready(scope.workflow.steps[name], scope):
                self._agenda.append(partial(self._fire, scope, scope.workflow.steps[name]))
        self._close_if_done(scope)

    def _give_up(self, scope: Scope, step: Step) -> None:
        """The step has failed: so have all that need it, the others of the scope go on."""
        scope.failed = True
        lost = deque([step.name])
        while lost:
            name = lost.popleft()
            if name in scope.open:
                scope.open.discard(name)
                lost.extend(self._consumers[scope.workflow.id][name])
        self._close_if_done(scope)

    def _close_if_done(self, scope: Scope) -> None:
        if not scope.open:
            scope.open.add("")
            self._close_scope(scope)

    # -- jobs -----------------------------------------------------------------------------------------------------

    def _evaluated(self, event: Evaluated) -> None:
        live = self._live.get(event.job)
        if live is None or live.evaluated:
            return
        if event.skipped:
            del self._live[event.job]
            self._fold(live.firing, live.index, {})
        else:
            live.job, live.evaluated = Job(live.job.id, live.job.process, event.inputs), True
            self._start(live)

    def _sent(self, event: Submitting) -> None:
        """The attempt is announced: by us, or by an earlier driver, if nothing has been heard of its end."""
        live = self._live.get(event.job)
        if live is not None and live.has(event.key):
            live.key, live.location, live.sent = event.key, event.location, True
            if live.held is None and event.location in self._locations:
                live.held = event.resources

    def _finished(self, event: Finished | Reused) -> None:
        live = self._release(event.job, event.key if isinstance(event, Finished) else None)
        if live is not None:
            self._fold(live.firing, live.index, event.outputs)

    def _failed(self, event: Failed) -> None:
        live, kind = self._release(event.job, event.key), event.failure.kind
        if live is None:
            return
        # What hyflow itself has ended, for whatever reason, has not failed: whoever takes the run up wants it to be done.
        if event.again is None and kind is not FailureClass.CANCELLED:
            self._failures.append((event.job, event.failure))
            self._fold(live.firing, live.index, None)
            return
        live.tries += event.key is not None
        if event.again is not None:
            live.before[kind] = live.before.get(kind, 0) + 1
        live.key = live.location = live.held = None
        live.sent = False
        self._live[event.job] = live
        self._start(live, event.again or 0.0)

    def _release(self, job: JobId, key: Key | None) -> Live | None:
        """The job, which has ended with this attempt, or without one; None where that is none of its own."""
        live = self._live.get(job)
        if live is None or not (key is None or live.has(key)):
            return None
        del self._live[job]
        if live.key is not None:
            self._let_go.pop(live.key, None)
            if live.location is not None and live.held is not None:
                self._placement.release(job, live.location, live.held)
        return live

    def _next_key(self, live: Live) -> Key:
        return attempt_key(self._run, live.job.id, live.tries + 1, self._generation)

    def _submit_what_fits(self) -> None:
        if self._stopping:
            return
        for job, location, granted in self._placement.place():
            live = self._live[job]
            live.key, live.location, live.held = self._next_key(live), location, granted
            self._actions.append(Submit(live.job, live.key, location, granted))

    # -- stopping and going on --------------------------------------------------------------------------------------

    def _stop(self, reason: str) -> None:
        """Start nothing more. What cannot go on without hyflow is ended, and everything if that is the wish; the rest is let go. A
        further wish may be that this is ended as well."""
        if self._stopping:
            if reason in _ENDING_ALL and self._let_go:
                self._actions.append(Cancel(tuple(self._let_go)))
                self._let_go.clear()
                self._concluded = False  # a conclusion without them that nobody has drawn yet
            return
        self._stopping = True
        self._placement.clear()
        ends = [live.key for live in self._live.values() if live.key is not None and self._must_end(live, reason)]
        goes_on = [key for key in self.attempts if key not in ends]
        self._let_go = dict.fromkeys(goes_on)
        if ends:
            self._actions.append(Cancel(tuple(ends)))
        if goes_on:
            self._actions.append(LetGo(tuple(goes_on)))

    def _must_end(self, live: Live, reason: str) -> bool:
        if reason in _ENDING_ALL or not live.sent:
            return True
        place = None if live.location is None else self._locations.get(live.location)
        return reason != "hangup" and place is not None and place.fleeting

    def _resume(self) -> None:
        """Ask again for all that is still to be done."""
        self._stopping = self._concluded = False
        self._let_go.clear()
        for live in list(self._live.values()):
            if live.key is not None and live.location is not None:
                if live.held is not None:
                    self._placement.adopt(live.job.id, live.location, live.held)
                self._actions.append(Adopt(live.job, live.key, live.location))
            else:
                self._start(live)
