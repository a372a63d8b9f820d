"""Small programs for the engine's tests, and a loop that answers the engine's actions at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from hyflow.engine.state import State
from hyflow.model.actions import Action, Cancel, Conclude, Demand, Evaluate, Express, Submit
from hyflow.model.events import Demanded, Evaluated, Event, Failed, Finished, Started
from hyflow.model.jobs import Failure, FailureClass, Job
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Request, Resources, Usage
from hyflow.model.workflow import Link, Program, Source, Step, Workflow

GIB = 1 << 30
ONE = Request(Resources(1, GIB), Resources(1, GIB))


def box(cores: float | None = 2, name: str = "box") -> dict[str, Location]:
    """One location with so many cores, or one that queues by itself."""
    room = None if cores is None else Resources(cores, 64 * GIB)
    return {name: Location(name, "", HERE, "/work", {HERE: "/"}, room, room)}


def link(text: str, **more: Any) -> Link:
    """"x=a" (workflow input a), "x=step.out", "x=a,step.out" (merged), "x" (nothing flows in)."""
    port, _, sources = text.partition("=")
    parts = tuple(_source(part) for part in sources.split(",") if part)
    return Link(port, parts, **({"listed": len(parts) > 1} | more))


def _source(text: str) -> Source:
    step, dot, port = text.rpartition(".")
    return Source(step if dot else None, port)


def step(name: str, *inputs: str | Link, kind: Any = "command", process: str = "tool", outputs: str = "out", **more: Any) -> Step:
    links = tuple(link(text) if isinstance(text, str) else text for text in inputs)
    return Step(name, process, kind, links, tuple(outputs.split()), **more)


def workflow(inputs: str, outputs: list[str | Link], *steps: Step, id: str = "main") -> Workflow:
    links = tuple(link(text) if isinstance(text, str) else text for text in outputs)
    return Workflow(id, tuple(inputs.split()), links, {each.name: each for each in steps})


def program(*workflows: Workflow) -> Program:
    """The first is the one to run."""
    return Program("test", workflows[0].id, {each.id: each for each in workflows}, {})


def out(value: Any) -> Callable[[Job], dict[str, Any]]:
    return lambda job: {"out": value}


class Bench:
    """Runs a State to its end. `work` gives a job's outputs, or raises to fail it; `order` is every job that ran."""

    def __init__(self, program: Program, work: Callable[[Job], dict[str, Any]], locations: Mapping[str, Location] | None = None,
                 request: Callable[[Job], Request] = lambda job: ONE, when: Callable[[Job], bool] = lambda job: True, **more: Any) -> None:
        self.locations = locations or box()
        self.state = State(program, "run", self.locations, **more)
        self.work, self.request, self.when = work, request, when
        self.order: list[str] = []
        self.most_in_flight = 0
        self.most_running = 0
        self.events: list[Event] = []

    def run(self, **inputs: Any) -> Conclude:
        events: deque[Event] = deque([Started(inputs)])
        running: deque[Submit] = deque()
        while True:
            while events:
                self.events.append(events[0])
                for action in self.state.handle(events.popleft()):
                    if isinstance(action, Conclude):
                        return action
                    self._answer(action, events, running)
            self.most_in_flight = max(self.most_in_flight, len(self.state._live))
            self.most_running = max(self.most_running, len(running))
            events.append(self._end(running.popleft()))

    def _answer(self, action: Action, events: deque[Event], running: deque[Submit]) -> None:
        match action:
            case Evaluate(job):
                events.append(Evaluated(job.id, job.inputs, skipped=not self.when(job)))
            case Demand(job):
                events.append(Demanded(job.id, self.request(job), tuple(self.locations)))
            case Express(job):
                events.append(Finished(job.id, None, self.work(job), Usage(), 0.0))
            case Submit():
                self.order.append(str(action.job.id))
                running.append(action)
            case Cancel() | Conclude():
                raise AssertionError(action)

    def _end(self, action: Submit) -> Event:
        try:
            return Finished(action.job.id, action.key, self.work(action.job), Usage(), 0.0)
        except ArithmeticError as error:
            return Failed(action.job.id, action.key, Failure(FailureClass.TOOL, str(error), code=1), 0.0)
