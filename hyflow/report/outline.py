"""The steps of a program in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hyflow.journal.tally import StepTally
from hyflow.model.workflow import Program, Step, Workflow


@dataclass(frozen=True, slots=True)
class Line:
    """A step that has jobs, by its path. `single`: it can fire once at most, since nothing around it is scattered."""

    path: str
    single: bool


def outline(program: Program) -> list[Line]:
    """Every step at any depth that is not itself a workflow, in the order of the document."""
    return list(_below(program, program.root, "", True))


def in_order(lines: Iterable[Line], steps: Iterable[StepTally]) -> list[StepTally]:
    """The figures of every step in the lines' order, those that nothing was heard of too, and after them any others with jobs:
    steps that are workflows have some where they were skipped or failed as a whole."""
    known = {step.path: step for step in steps}
    listed = [known.pop(line.path) if line.path in known else StepTally(line.path) for line in lines]
    return [*listed, *(step for step in known.values() if step.total)]


def over_before(program: Program) -> dict[str, frozenset[str]]:
    """For every path in the outline: the paths of which no job can follow once a job of it has begun, since it takes what they give.

    Only direct sources count, and only where nothing around them is scattered: there a step that has begun may begin again.
    """
    return dict(_feeding(program, program.workflows[program.root], "", frozenset()))


def _feeding(program: Program, workflow: Workflow, prefix: str, around: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for step in workflow.steps.values():
        names = {source.step for link in step.inputs for source in link.sources if source.step is not None}
        over = around.union(*(_leaves(program, workflow.steps[name], prefix) for name in names))
        if step.kind != "workflow":
            yield f"{prefix}/{step.name}", over
        elif step.scatter:
            yield from ((line, over) for line in _leaves(program, step, prefix))
        else:
            yield from _feeding(program, program.workflows[step.process], f"{prefix}/{step.name}", over)


def _leaves(program: Program, step: Step, prefix: str) -> list[str]:
    path = f"{prefix}/{step.name}"
    return [path] if step.kind != "workflow" else [line.path for line in _below(program, step.process, path, True)]


def _below(program: Program, workflow: str, prefix: str, single: bool) -> Iterator[Line]:
    for step in program.workflows[workflow].steps.values():
        path, once = f"{prefix}/{step.name}", single and not step.scatter
        if step.kind == "workflow":
            yield from _below(program, step.process, path, once)
        else:
            yield Line(path, once)
