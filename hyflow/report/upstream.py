"""From which steps a step takes its inputs, and how those stand: read from the program's links and the figures of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hyflow.journal import Phase, StepTally
from hyflow.journal.tally import IN_FLIGHT
from hyflow.model.workflow import Program, Step, Workflow
from hyflow.report.outline import outline


class Progressed(StrEnum):
    """How far a step, or a workflow that is one, seems to be."""

    UNKNOWN = "not begun"
    UNDER_WAY = "under way"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Feeder:
    """A step that gives inputs, by its path, which may be that of a workflow; `failed`: those of its steps that have jobs which failed."""

    step: str
    stands: Progressed
    failed: tuple[str, ...] = ()


def feeders(program: Program, path: str, figures: Mapping[str, StepTally]) -> list[Feeder]:
    """The steps from which the step takes inputs, or a workflow around it does. `figures`: of the steps that were heard of, by path."""
    return [_feeder(program, source, figures) for source in sources(program, path)]


def failed_before(program: Program, path: str, figures: Mapping[str, StepTally]) -> list[str]:
    """All steps with jobs that failed on whose outputs the step depends, however far away, the farthest last."""
    known, found, agenda = set[str](), dict[str, None](), [path]
    while agenda:
        for feeder in feeders(program, agenda.pop(0), figures):
            found.update(dict.fromkeys(feeder.failed))
            if feeder.step not in known:
                known.add(feeder.step)
                agenda += leaves(program, feeder.step)
    return list(found)


def around(path: str) -> list[str]:
    """The paths of the steps around the step, which are workflows, outermost first."""
    parts = path.split("/")[1:]
    return ["/" + "/".join(parts[:number]) for number in range(1, len(parts))]


def leaves(program: Program, path: str) -> list[str]:
    """The steps that have jobs: the step itself, or those below it."""
    return [line.path for line in outline(program) if line.path == path or line.path.startswith(f"{path}/")]


def sources(program: Program, path: str) -> list[str]:
    """The paths of the steps from which the step takes inputs, or a workflow around it does; outermost first."""
    found = dict[str, None]()
    for prefix, step in _way(program, path):
        names = [source.step for link in step.inputs for source in link.sources if source.step is not None]
        found.update(dict.fromkeys(f"{prefix}/{name}" for name in names))
    return list(found)


def _way(program: Program, path: str) -> Iterator[tuple[str, Step]]:
    """The steps on the way down to the path, each with the path of the workflow that it is in."""
    workflow: Workflow | None = program.workflows[program.root]
    prefix = ""
    while workflow is not None:
        step = next((one for one in workflow.steps.values() if f"{path}/".startswith(f"{prefix}/{one.name}/")), None)
        if step is None:
            return
        yield prefix, step
        prefix = f"{prefix}/{step.name}"
        workflow = program.workflows[step.process] if step.kind == "workflow" else None


def _feeder(program: Program, path: str, figures: Mapping[str, StepTally]) -> Feeder:
    below = leaves(program, path)
    known = [figures[one] for one in dict.fromkeys([path, *below]) if one in figures]
    failed = tuple(step.path for step in known if step[Phase.FAILED])
    return Feeder(path, _stands(known, below), failed)


def _stands(known: Sequence[StepTally], below: Sequence[str]) -> Progressed:
    if any(step[phase] for step in known for phase in IN_FLIGHT):
        return Progressed.UNDER_WAY
    if any(step[Phase.FAILED] for step in known):
        return Progressed.FAILED
    if any(step[Phase.CANCELLED] for step in known):
        return Progressed.CANCELLED
    heard = {step.path for step in known if step.total}
    if not heard:
        return Progressed.UNKNOWN
    return Progressed.DONE if heard.issuperset(below) or not heard & set(below) else Progressed.UNDER_WAY
