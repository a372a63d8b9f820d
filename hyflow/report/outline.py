"""The steps of a program in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hyflow.journal.tally import StepTally
from hyflow.model.workflow import Program


@dataclass(frozen=True, slots=True)
class Line:
    """A step that has jobs, by its path. `single`: it can fire once at most, since nothing around it is scattered."""

    path: str
    single: bool


def outline(program: Program) -> list[Line]:
    """Every step at any depth that is not itself a workflow, in the order of the document."""
    return list(_below(program, program.root, "", True))


def in_order(lines: Iterable[Line], steps: Iterable[StepTally]) -> list[StepTally]:
    """The figures of every step in the lines' order, those that nothing was heard of too, and after them any others."""
    known = {step.path: step for step in steps}
    listed = [known.pop(line.path) if line.path in known else StepTally(line.path) for line in lines]
    return [*listed, *known.values()]


def _below(program: Program, workflow: str, prefix: str, single: bool) -> Iterator[Line]:
    for step in program.workflows[workflow].steps.values():
        path, once = f"{prefix}/{step.name}", single and not step.scatter
        if step.kind == "workflow":
            yield from _below(program, step.process, path, once)
        else:
            yield Line(path, once)
