"""From a run's record to the state that it was in: which of its events still count, what is kept of attempts without an end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hyflow.cwl.bind import Bound
from hyflow.engine.state import State
from hyflow.model.events import Event, Failed, Rerun, Submitting
from hyflow.model.tasks import Task
from hyflow.model.workflow import Program, Workflow


@dataclass(frozen=True, slots=True)
class Kept:
    """What must be known of an attempt to go on with it: its task with what is needed to understand what it leaves; the task as the site
    was given it, where that is another one (in a container); how its inputs looked when it was announced."""

    bound: Bound
    given: Task | None = None
    looks: Mapping[str, tuple[int, int, int, int]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What the site was, or is to be, given."""
        return self.bound.task if self.given is None else self.given


def replay(state: State, events: Iterable[tuple[int, Event]], reruns: Sequence[tuple[int, Rerun]], open_: Iterable[Submitting]) -> None:
    """Bring a fresh state to where the record ends. `events`: those of the kinds REPLAYED, in order, with their numbers; `open_`: the
    announcements of attempts without an end."""
    with state.replaying():
        for event in standing(events, reruns):
            state.handle(event)
    for announced in open_:
        state.handle(announced)


def standing(events: Iterable[tuple[int, Event]], reruns: Sequence[tuple[int, Rerun]]) -> Iterator[Event]:
    """The events that count, without those that later wishes to run something again have made void."""
    if not reruns:
        yield from (event for _, event in events)
        return
    for number, event in events:
        if not any(number < at and _voids(rerun, event) for at, rerun in reruns):
            yield event


def _voids(rerun: Rerun, event: Event) -> bool:
    step: str | None = getattr(getattr(event, "job", None), "step", None)
    return step is not None and (step in rerun.steps or (rerun.failed and isinstance(event, Failed)))


def downstream(program: Program, path: str) -> tuple[str, ...]:
    """The paths of a step, of all that take something from it, directly or not, and of all that any of them holds; in the program's order.

    Raises KeyError when there is no such step.
    """
    *outer, name = path.strip("/").split("/")
    found: set[str] = set()
    prefix, workflow = "", program.workflows[program.root]
    for part in outer:
        found |= _affected(program, workflow, prefix, {part}) - set(_whole(program, workflow, prefix, part))
        prefix, workflow = f"{prefix}/{part}", program.workflows[workflow.steps[part].process]
    found |= _affected(program, workflow, prefix, {name})
    return tuple(step for step in every(program) if step in found)


def every(program: Program) -> list[str]:
    """The paths of all steps at any depth, workflows before what they hold, in the program's order."""
    return _every(program, program.root, "")


def _affected(program: Program, workflow: Workflow, prefix: str, names: set[str]) -> set[str]:
    """All below these steps of a workflow and those that follow from them."""
    if unknown := names - workflow.steps.keys():
        raise KeyError(*unknown)
    grown = set(names)
    while True:
        more = {step.name for step in workflow.steps.values() for link in step.inputs for source in link.sources if source.step in grown}
        if more <= grown:
            return {path for name in grown for path in _whole(program, workflow, prefix, name)}
        grown |= more


def _whole(program: Program, workflow: Workflow, prefix: str, name: str) -> list[str]:
    step, path = workflow.steps[name], f"{prefix}/{name}"
    return [path, *(_every(program, step.process, path) if step.kind == "workflow" else [])]


def _every(program: Program, workflow: str, prefix: str) -> list[str]:
    here = program.workflows[workflow]
    return [path for name in here.steps for path in _whole(program, here, prefix, name)]
