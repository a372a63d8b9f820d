"""Random programs whose every tool is a pure function, and what they give: a simple evaluation by the rules of the standard.

Shares nothing with the engine: its links, scatters and scopes are written here once more, in the simplest way.
"""

from __future__ import annotations

import contextlib
import itertools
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from programs import program as programmed

from hyflow.model.jobs import JobId
from hyflow.model.values import Inputs
from hyflow.model.workflow import Link, Program, Source, Step, Workflow

INPUTS: Inputs = {"one": 1, "nothing": None, "none": [], "two": [2, 3], "three": [[4, 5, 6], None, [7, 8]], "five": [1, 2, 3, 4, 5]}
_LISTS = {"none", "two", "three", "five", "many"}
"""Inputs and tools that give arrays."""


def number(*values: Any) -> int:
    """One that follows from the values, the same in every process."""
    return zlib.crc32(repr(values).encode())


def work(process: str, inputs: Inputs) -> Inputs:
    """What the tool makes of its inputs: an array, nothing now and then, or a number."""
    result = number(process, inputs) % 1000
    match process:
        case "many":
            return {"out": [result + more for more in range(result % 4)]}
        case "maybe":
            return {"out": result if result % 2 else None}
    return {"out": result}


def computed(step: str, inputs: Inputs) -> Inputs | None:
    """What a step's expressions make of a job's inputs; None: it is skipped."""
    if number(step, inputs) % 4 == 0:
        return None
    return inputs | {"x": inputs["x"] + 1} if isinstance(inputs["x"], int) else inputs


# -- programs ---------------------------------------------------------------------------------------------------------

@st.composite
def programs(draw: Any) -> Program:
    """Up to five steps, some of them workflows of up to three steps, of which some are workflows again."""
    found: list[Workflow] = []
    _workflow(draw, "main", tuple(INPUTS), _LISTS & INPUTS.keys(), 5, found)
    return programmed(*reversed(found))


def _workflow(draw: Any, id: str, inputs: Sequence[str], lists: Collection[str], most: int, found: list[Workflow]) -> None:
    """Draw a workflow, and before it those that it holds. `lists`: the inputs that are likely to be arrays."""
    sources = [(Source(None, name), name in lists) for name in inputs]
    steps: dict[str, Step] = {}
    for n in range(draw(st.integers(1, most))):
        name = f"s{n}"
        step = steps[name] = _step(draw, name, id, sources, most, found)
        sources.append((Source(name, "out"), bool(step.scatter) or step.process in _LISTS))
    order = draw(st.permutations(list(steps)))
    ends = [Link(f"r{n}", *_flow(draw, sources[-3:])) for n in range(2)] if id == "main" else [Link("out", *_flow(draw, sources[-2:]))]
    found.append(Workflow(id, tuple(inputs), tuple(ends), {name: steps[name] for name in order}))


def _step(draw: Any, name: str, outer: str, sources: list[tuple[Source, bool]], most: int, found: list[Workflow]) -> Step:
    links, scatter = [], []
    for port in ("x", "y")[:draw(st.integers(1, 2))]:
        chosen = draw(st.sampled_from(sources))
        if chosen[1] and draw(st.booleans()):
            links.append(Link(port, (chosen[0],)))
            scatter.append(port)
        else:
            links.append(Link(port, *_flow(draw, sources)))
    kind = draw(st.sampled_from(["command", "command", "command", "expression", *(["workflow"] if most > 2 else [])]))
    process = draw(st.sampled_from(["number", "many", "maybe"]))
    if kind == "workflow":
        process = f"{outer}-{name}"
        _workflow(draw, process, [link.port for link in links], (), most - 2, found)
    method = draw(st.sampled_from(["dotproduct", "flat_crossproduct", "nested_crossproduct"])) if scatter else "dotproduct"
    return Step(name, process, kind, tuple(links), ("out",), tuple(scatter), method, draw(st.integers(0, 2)) == 0)


def _flow(draw: Any, sources: list[tuple[Source, bool]]) -> tuple[Any, ...]:
    """The fields of a link, without its port."""
    chosen = tuple(source for source, _ in draw(st.lists(st.sampled_from(sources), min_size=1, max_size=2)))
    if len(chosen) == 1:
        default = draw(st.booleans())
        return chosen, False, "merge_nested", None, default, 7 if default else None
    merge = draw(st.sampled_from(["merge_nested", "merge_flattened"]))
    pick = draw(st.sampled_from([None, None, "all_non_null", "first_non_null", "the_only_non_null"]))
    return chosen, True, merge, pick


def below(program: Program, workflow: str, prefix: str) -> list[str]:
    """The paths of all steps of the workflow, and of those that they hold."""
    steps = program.workflows[workflow].steps.values()
    return [path for step in steps for path in (f"{prefix}/{step.name}", *_held(program, step, f"{prefix}/{step.name}"))]


def _held(program: Program, step: Step, path: str) -> list[str]:
    return below(program, step.process, path) if step.kind == "workflow" else []


def following(program: Program, path: str) -> set[str]:
    """The paths of the step, of all that it holds, and of all that comes after it, inside the workflows around it and outside."""
    workflow, prefix, found = program.workflows[program.root], "", {path}
    for name in path.strip("/").split("/"):
        after = {name}
        for _ in workflow.steps:  # as often as the longest chain is long
            links = ((step.name, source.step) for step in workflow.steps.values() for link in step.inputs for source in link.sources)
            after |= {name for name, needed in links if needed in after}
        for other in after - {name}:
            found |= {f"{prefix}/{other}", *_held(program, workflow.steps[other], f"{prefix}/{other}")}
        prefix = f"{prefix}/{name}"
        if prefix == path:
            found.update(_held(program, workflow.steps[name], path))
        elif workflow.steps[name].kind == "workflow":
            workflow = program.workflows[workflow.steps[name].process]
    return found


# -- evaluation -------------------------------------------------------------------------------------------------------

class _Broken(Exception):
    """Something that was needed has failed."""


@dataclass
class Evaluation:
    """What the program gives when the jobs `failing` fail. `outputs` None: it fails, and `failures` says where; `jobs`: the inputs of
    every job that is neither skipped nor a workflow. `known`: only these jobs are done, and only these expressions evaluated; what
    needs others cannot be said yet, and fails."""

    program: Program
    failing: Collection[JobId]
    known: tuple[Collection[JobId], Collection[JobId]] | None = None
    outputs: Inputs | None = None
    failures: set[JobId] = field(default_factory=set)
    jobs: dict[JobId, Inputs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with contextlib.suppress(_Broken):
            self.outputs = self._workflow(self.program.workflows[self.program.root], INPUTS, JobId("/"))

    def _workflow(self, workflow: Workflow, inputs: Inputs, id: JobId) -> Inputs:
        values: dict[str, Inputs | None] = {}

        def value(name: str) -> Inputs | None:
            if name not in values:
                try:
                    values[name] = self._step(workflow.steps[name], JobId(f"{id.step.rstrip('/')}/{name}", id.tag), read)
                except _Broken:
                    values[name] = None
            return values[name]

        def read(source: Source) -> Any:
            if source.step is None:
                return inputs[source.port]
            outputs = value(source.step)
            if outputs is None:
                raise _Broken
            return outputs[source.port]

        if None in [value(name) for name in workflow.steps]:
            raise _Broken
        return {link.port: self._arrives(link, read, id) for link in workflow.outputs}

    def _arrives(self, link: Link, read: Any, id: JobId) -> Any:
        values = [read(source) for source in link.sources]
        if not link.listed:
            return link.default if link.has_default and values[0] is None else values[0]
        if link.merge == "merge_flattened":
            values = list(itertools.chain(*(value if isinstance(value, list) else [value] for value in values)))
        if link.pick is None:
            return values
        present = [value for value in values if value is not None]
        if link.pick == "all_non_null":
            return present
        if not present or (link.pick == "the_only_non_null" and len(present) > 1):
            self._fails(id)
        return present[0]

    def _fails(self, id: JobId) -> None:
        self.failures.add(id)
        raise _Broken

    def _step(self, step: Step, id: JobId, read: Any) -> Inputs:
        for link in step.inputs:
            for source in link.sources:
                read(source)  # all that it needs must be there before anything is said of it
        inputs = {link.port: self._arrives(link, read, id) for link in step.inputs}
        if not step.scatter:
            return self._job(step, id, inputs)
        arrays = [inputs[port] for port in step.scatter]
        if not all(isinstance(array, list) for array in arrays):
            self._fails(id)
        if step.method == "dotproduct":
            if len({len(array) for array in arrays}) > 1:
                self._fails(id)
            return {"out": self._all(step, id, inputs, [((n,), each) for n, each in enumerate(zip(*arrays, strict=True))])}
        places = list(itertools.product(*(range(len(array)) for array in arrays)))
        chosen = [tuple(array[n] for array, n in zip(arrays, place, strict=True)) for place in places]
        if step.method == "flat_crossproduct":
            return {"out": self._all(step, id, inputs, [((n,), each) for n, each in enumerate(chosen)])}
        results = dict(zip(places, self._all(step, id, inputs, list(zip(places, chosen, strict=True))), strict=True))
        return {"out": _nested(results, (), [len(array) for array in arrays])}

    def _all(self, step: Step, id: JobId, inputs: Inputs, elements: list[tuple[tuple[int, ...], tuple[Any, ...]]]) -> list[Any]:
        """The output of every job of a scatter: the end of its tag, and its own values."""
        results: list[Any] = []
        broken = False
        for tag, values in elements:
            try:
                job = JobId(id.step, id.tag + tag)
                results.append(self._job(step, job, {**inputs, **dict(zip(step.scatter, values, strict=True))})["out"])
            except _Broken:
                broken = True
        if broken:
            raise _Broken
        return results

    def _job(self, step: Step, id: JobId, inputs: Inputs) -> Inputs:
        if id in self.failing:
            self._fails(id)
        if self.known is not None and step.computed and id not in self.known[1]:
            raise _Broken
        given = computed(step.name, inputs) if step.computed else inputs
        if given is None:
            return {"out": None}
        if step.kind == "workflow":
            return self._workflow(self.program.workflows[step.process], given, id)
        self.jobs[id] = given
        if self.known is not None and id not in self.known[0]:
            raise _Broken
        return work(step.process, given)


def _nested(results: dict[tuple[int, ...], Any], place: tuple[int, ...], lengths: list[int]) -> Any:
    if not lengths:
        return results[place]
    return [_nested(results, (*place, n), lengths[1:]) for n in range(lengths[0])]
