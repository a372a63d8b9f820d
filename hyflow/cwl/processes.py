"""The processes of a program at work: everything that the driver asks of the CWL side.

All methods are pure. What they lack they return as `Ask`; the caller finds it out and calls again with the answers. Safe to call
from several threads.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hyflow.cwl import judge, places, rehearsal, sameness, software, start, steps
from hyflow.cwl.bind import Binder, Bound
from hyflow.cwl.collect import OutputError, collect
from hyflow.cwl.contained import Asked, named
from hyflow.cwl.demand import Demand, Demands
from hyflow.cwl.knowledge import answer
from hyflow.cwl.runtime import runtime_resources
from hyflow.cwl.sameness import Essence
from hyflow.cwl.steps import StepInputs
from hyflow.cwl.tool import FORMATS, Signature, Tool
from hyflow.cwl.types import Type, fits
from hyflow.errors import Where
from hyflow.model.facts import Ask, Facts
from hyflow.model.jobs import Failure, Job, Key
from hyflow.model.places import Place
from hyflow.model.resources import MIB, Resources
from hyflow.model.software import Package
from hyflow.model.tasks import Manifest, Outcome, Task
from hyflow.model.values import Inputs, Value
from hyflow.model.workflow import Program

__all__ = ["Asked", "Bound", "ContainerNeed", "Demand", "Essence", "InputType", "OutputError", "Processes", "SoftwareNeed"]

_HERE = Resources(1.0, 256 * MIB, 1024 * MIB, 1024 * MIB)
"""What `runtime` says where nothing runs: the standard's defaults."""


_MANY = 1000
"""Items of an input from which on a job is worked on beside the loop."""


def _is_large(value: Value) -> bool:
    """Whether a value may be a lot: a long list, or a directory, which may be listed."""
    return len(value) > _MANY if type(value) is list else type(value) is dict and value.get("class") == "Directory"


@dataclass(frozen=True, slots=True)
class ContainerNeed:
    """A tool that asks for a container. `label` is the path of its step; `required`: under requirements, not hints."""

    process: str
    label: str
    image: str
    required: bool


@dataclass(frozen=True, slots=True)
class SoftwareNeed:
    """A tool that asks for software. `label` is the path of its step; `required`: under requirements, not hints."""

    process: str
    label: str
    packages: tuple[Package, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class InputType:
    """An input of the whole program, as the command line and messages need to know it."""

    name: str
    type: Type
    required: bool
    doc: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """A tool with all that its jobs share."""

    tool: Tool
    demands: Demands
    binder: Binder


class Processes:
    """Every process of a program, each compiled when it is first needed."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ontology: Sequence[Sequence[str]] = program.processes.get(FORMATS) or []
        self._tools: dict[str, Tool] = {}
        self._ready: dict[str, _Ready] = {}
        self._steps: dict[str, StepInputs] = {}
        self._essences: dict[str, Essence] = {}

    # -- what the program is like ---------------------------------------------------------------------------------

    def containers(self) -> tuple[ContainerNeed, ...]:
        """The tools with a DockerRequirement, in the order of the document. `image` says how the image comes where it has no name, and is
        empty where there is none."""
        return tuple(
            ContainerNeed(name, name, named(need), bool(need["required"]))
            for name, document in self._commands() if (need := document["requirements"].get("DockerRequirement")) is not None
        )

    def software(self) -> tuple[SoftwareNeed, ...]:
        """The tools that ask for software, in the order of the document."""
        return tuple(
            SoftwareNeed(name, name, packages, bool(document["requirements"]["SoftwareRequirement"]["required"]))
            for name, document in self._commands() if (packages := software.packages(document["requirements"]))
        )

    def step_paths(self) -> tuple[str, ...]:
        """The paths of all steps, as "/train/fit", those of nested workflows after the step that runs them."""
        return tuple(path for path, _ in self._nodes(self._program.root, "/"))

    def evaluated_paths(self) -> tuple[str, ...]:
        """Those of them that run no command: expressions, which are evaluated where hyflow is."""
        return tuple(path for path, kind in self._nodes(self._program.root, "/") if kind == "expression")

    def input_types(self) -> tuple[InputType, ...]:
        """The inputs of the program, in the order of the document."""
        return tuple(InputType(port.name, port.shape.type, not port.has_default and not fits(None, port.shape.type),
                               str(port.document.get("doc") or port.document.get("label") or "")) for port in self._signature.inputs)

    def container(self, process: str) -> Asked | None:
        """The container that the process asks for. Raises WorkflowError."""
        return self._tool(process).container

    def packages(self, process: str) -> tuple[Package, ...]:
        """The software that the process asks for: a list in the document's order, a mapping by name."""
        return self._tool(process).packages

    def scripted(self, process: str) -> bool:
        """Whether the process may run JavaScript."""
        return self._tool(process).scripted

    def inplace(self, process: str) -> bool:
        """Whether its command may change what it is given (InplaceUpdateRequirement)."""
        return self._tool(process).inplace

    def identity(self, process: str) -> Essence:
        """What jobs of the process are told apart by, when results of other runs are looked for."""
        found = self._essences.get(process)
        if found is None:
            found = self._essences[process] = sameness.essence(self._tool(process))
        return found

    def forbids_reuse(self, process: str, *, contained: bool, argv: Sequence[str]) -> str:
        """Why no result of another run may stand in for a job of the process with this command, in words; "" where one may. What
        `Demand.reuse` says goes before."""
        return sameness.forbids(self._tool(process), contained, argv)

    def amounts(self, resources: Resources) -> dict[str, Any]:
        """What `runtime` shows of the resources that a job is given."""
        return runtime_resources(resources)

    def aside(self, process: str, inputs: Inputs) -> bool:
        """Whether a job's work is better done beside the loop: it may run JavaScript, or what goes in is a lot."""
        return any(map(_is_large, inputs.values())) or self.scripted(process)

    def scripted_step(self, workflow: str, step: str) -> bool:
        """Whether what a step does to its inputs may run JavaScript."""
        return self._step(workflow, step).scripted

    def where(self, process: str, field: str = "") -> Where | str | None:
        """Where a field of a process or a workflow stands in the document (`cwl.places` says how fields are called), for messages."""
        document = self._program.processes.get(process) or self._program.processes.get(f"at:{process}") or {}
        return places.where(document.get("where", ""), document.get("places") or {}, field)

    # -- a run ----------------------------------------------------------------------------------------------------

    def start(self, inputs: Inputs, facts: Facts) -> Inputs | Ask:
        """The inputs of the run as tokens: with defaults, checked against their types, every file found with what belongs to it.

        Files and directories are given by `location` (an address), an absolute `path` of this machine, or as literals. Raises InputError.
        """
        return answer(lambda know: start.start(self._signature, inputs, know), facts)

    def evaluate(self, workflow: str, step: str, inputs: Inputs, facts: Facts) -> tuple[Inputs, bool] | Ask:
        """The inputs of a step's process after the step's own expressions, and whether `when` skips it. Raises WorkflowError."""
        return answer(lambda know: self._step(workflow, step).evaluate(inputs, know), facts)

    def express(self, process: str, inputs: Inputs, facts: Facts) -> Inputs | Ask:
        """The outputs of an ExpressionTool. Raises WorkflowError."""
        return answer(lambda know: steps.express(self._tool(process), inputs, know, runtime_resources(_HERE)), facts)

    def demand(self, process: str, inputs: Inputs, facts: Facts) -> Demand | Ask:
        """What a job needs: resources, data, limits. Raises WorkflowError."""
        return answer(lambda know: self._prepared(process).demands.demand(inputs, know), facts)

    def bind(self, job: Job, key: Key, place: Place, demand: Demand, facts: Facts) -> Bound | Ask:
        """The task of one attempt at `place`. Data that is not in `place.sources` is asked for with `Localize`. Raises WorkflowError."""
        return answer(lambda know: self._prepared(job.process).binder.bind(job, key, str(job.id), place, demand, know), facts)

    def rehearse(self, job: Job, demand: Demand, resources: Resources, facts: Facts) -> Task | Ask:
        """What the job's command would be outside of a container, before its data is anywhere: what lies below `rehearsal.DIRECTORY` are
        its own directories and inputs. Raises WorkflowError."""
        return rehearsal.rehearse(self._prepared(job.process).binder, job, demand, resources, facts)

    def judge(self, process: str, outcome: Outcome, command: str = "") -> Failure | None:
        """Why an attempt at `command` (its name) failed; None when it succeeded."""
        return judge.judge(self._tool(process), outcome, command)

    def collect(self, job: Job, bound: Bound, manifest: Manifest, outcome: Outcome, facts: Facts) -> Inputs | Ask:
        """The outputs that a successful attempt left, as tokens. Raises OutputError, WorkflowError."""
        return answer(lambda know: collect(self._tool(job.process), bound, manifest, outcome, know), facts)

    # -- compiled once --------------------------------------------------------------------------------------------

    @cached_property
    def _signature(self) -> Signature:
        return Signature(self._program.processes["start:/"], self._ontology)

    def _tool(self, process: str) -> Tool:
        tool = self._tools.get(process)
        if tool is None:
            tool = self._tools[process] = Tool(self._program.processes[process], self._ontology)
        return tool

    def _prepared(self, process: str) -> _Ready:
        ready = self._ready.get(process)
        if ready is None:
            tool = self._tool(process)
            ready = self._ready[process] = _Ready(tool, Demands(tool), Binder(tool))
        return ready

    def _step(self, workflow: str, step: str) -> StepInputs:
        path = posixpath.join(workflow, step)
        found = self._steps.get(path)
        if found is None:
            found = self._steps[path] = StepInputs(self._program.processes[f"in:{path}"], self._ontology)
        return found

    def _commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(name, document) for name, document in self._program.processes.items()
                if name.startswith("/") and document["class"] == "CommandLineTool"]

    def _nodes(self, workflow: str, path: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for step in self._program.workflows[workflow].steps.values():
            inner = posixpath.join(path, step.name)
            found.append((inner, step.kind))
            if step.kind == "workflow":
                found += self._nodes(step.process, inner)
        return found

