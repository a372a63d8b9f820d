"""Whether what a workflow links is there: sources, scattered inputs, what the tools of its steps take and give.

Works on documents as they were written. Does not compare types, and leaves alone what it cannot see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hyflow.cwl.requirements import SUPPORTED
from hyflow.cwl.written import Document, Node, elements, fields, is_list, is_map, items, key_of, kind_of, named, text_of
from hyflow.errors import WorkflowError
from hyflow.nearest import nearest, suggestion


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it is written in a document."""

    document: Document
    node: Node


Runs = Callable[[Document, Node], Process | None]
"""What the `run` of a step means; None where that cannot be seen."""


def problems(process: Process, runs: Runs, inherited: frozenset[str] = frozenset()) -> Iterator[WorkflowError]:
    """What is wrong with the links of a workflow; nothing for other processes. `inherited`: requirements from around it."""
    said = fields(process.node)
    yield from _twice(process.document, said)
    if text_of(said.get("class")) == "Workflow":
        yield from _Wiring(process, runs, inherited).problems()


def required(node: Node) -> frozenset[str]:
    """The classes under `requirements` and `hints`: either says that a feature is meant."""
    said = fields(node)
    # one that is misspelt is told as such, and not as one that is missing
    return frozenset(
        nearest(short(name), SUPPORTED) or short(name)
        for word in ("requirements", "hints")
        for name, _, _ in named(said.get(word), "class", None)
    )


def short(name: str) -> str:
    """The last part of an identifier as it is written: x of #main/x."""
    return name.rpartition("#")[2].rpartition("/")[2]


class _Wiring:
    def __init__(self, process: Process, runs: Runs, inherited: frozenset[str]) -> None:
        self._document, self._runs = process.document, runs
        said = fields(process.node)
        self._inputs = {short(name) for name, _, _ in named(said.get("inputs"), "id", "type")}
        self._steps = named(said.get("steps"), "id", None)
        self._outputs = named(said.get("outputs"), "id", "type")
        self._features = inherited | required(process.node)
        self._seen = not any(_hidden(said.get(word)) for word in ("inputs", "outputs", "steps"))
        self._ports = {f"{short(name)}/{port}" for name, _, step in self._steps for port in _out(step)}

    def problems(self) -> Iterator[WorkflowError]:
        if not self._seen:
            return
        for name, _, output in self._outputs:
            source = fields(output).get("outputSource")
            yield from self._sources(source, f"the output {short(name)}")
        for name, key, step in self._steps:
            if is_map(step):
                yield from self._step(short(name), key, step)
        yield from self._cycles()

    # -- sources --------------------------------------------------------------------------------------------------

    def _sources(self, node: Node | None, whose: str) -> Iterator[WorkflowError]:
        for item in elements(node):
            name = text_of(item)
            if name is None:
                continue
            path = name.rpartition("#")[2].split("/")
            if path[-1] in self._inputs or "/".join(path[-2:]) in self._ports:
                continue
            yield self._unknown(item, path, whose)
        if len(elements(node)) > 1 and "MultipleInputFeatureRequirement" not in self._features and not whose.startswith("the output"):
            yield self._document.error(node, f"{whose} has several sources", _declare("MultipleInputFeatureRequirement"))

    def _unknown(self, node: Node, path: list[str], whose: str) -> WorkflowError:
        wanted = "/".join(path[-2:])
        steps = {short(name): step for name, _, step in self._steps}
        what = f"{whose} comes from {wanted}, which is not there"
        if len(path) > 1 and path[-2] in steps:
            outputs = [f"{path[-2]}/{port}" for port in _out(steps[path[-2]])]
            return self._document.error(
                node,
                f"{whose} comes from {wanted}, but the step {path[-2]} has no output {path[-1]} under `out`",
                suggestion(wanted, outputs, "its outputs"),
            )
        if len(path) == 1 and path[0] in steps:
            outputs = [f"{path[0]}/{port}" for port in _out(steps[path[0]])]
            return self._document.error(
                node,
                f"{whose} comes from {wanted}, which is a step and not an output",
                f"say which output: {', '.join(outputs) or 'the step has none'}",
            )
        return self._document.error(node, what, suggestion(wanted, sorted(self._inputs | self._ports), "the sources"))

    def _cycles(self) -> Iterator[WorkflowError]:
        """Steps that wait for each other, each circle once."""
        links = {short(name): dict(self._needs(step)) for name, _, step in self._steps}
        done: set[str] = set()
        for start in links:
            path = [] if start in done else _circle(start, links, done)
            if path:
                places = [self._document.where(links[one][before]) for one, before in zip(path, [*path[1:], path[0]], strict=True)]
                what = "the step {0} waits for itself" if len(path) == 1 else "the steps {0} wait for each other: {1}"
                told = what.format(" and ".join(filter(None, [", ".join(path[:-1]), path[-1]])), " needs ".join([*path, path[0]]))
                yield WorkflowError(told, where=places[0], hint=f"one of these links must go: {', '.join(map(str, places))}")

    def _needs(self, step: Node) -> Iterator[tuple[str, Node]]:
        """The steps that a step takes something from, with the link that says so."""
        for _, _, value in named(fields(step).get("in"), "id", "source"):
            for item in elements(fields(value).get("source") if is_map(value) else value):
                parts = (text_of(item) or "").rpartition("#")[2].split("/")
                if len(parts) > 1 and f"{parts[-2]}/{parts[-1]}" in self._ports and parts[-1] not in self._inputs:
                    yield parts[-2], item

    # -- steps ----------------------------------------------------------------------------------------------------

    def _step(self, name: str, key: Node, step: Node) -> Iterator[WorkflowError]:
        said = fields(step)
        features = self._features | required(step)
        ports = named(said.get("in"), "id", "source")
        for port, _, value in ports:
            source = fields(value).get("source") if is_map(value) else value
            yield from self._sources(source, f"the input {short(port)} of the step {name}")
            if is_map(value) and "valueFrom" in fields(value) and "StepInputExpressionRequirement" not in features:
                yield self._document.error(
                    key_of(value, "valueFrom"),
                    f"the step {name} computes its input {short(port)}",
                    _declare("StepInputExpressionRequirement"),
                )
        yield from self._scatter(name, said, step, [short(port) for port, _, _ in ports], features)
        if "run" in said:
            yield from self._target(name, key, said, [short(port) for port, _, _ in ports], features)

    def _scatter(self, name: str, said: dict[str, Node], step: Node, ports: list[str], features: frozenset[str]) -> Iterator[WorkflowError]:
        scattered = elements(said.get("scatter"))
        for item in scattered:
            port = short(text_of(item) or "")
            if port not in ports:
                yield self._document.error(
                    item,
                    f"the step {name} is scattered over {port}, which is none of its inputs under `in`",
                    suggestion(port, ports, "its inputs"),
                )
        if "scatter" in said and not scattered:
            yield self._document.error(said["scatter"], f"the step {name} is scattered over nothing", suggestion("", ports, "its inputs"))
        if scattered and "ScatterFeatureRequirement" not in features:
            yield self._document.error(key_of(step, "scatter"), f"the step {name} is scattered", _declare("ScatterFeatureRequirement"))
        if len(scattered) > 1 and "scatterMethod" not in said:
            yield self._document.error(
                key_of(step, "scatter"),
                f"the step {name} is scattered over several inputs and does not say how",
                "scatterMethod: dotproduct takes them in pairs, flat_crossproduct and nested_crossproduct each with each",
            )

    def _target(self, name: str, key: Node, said: dict[str, Node], ports: list[str], features: frozenset[str]) -> Iterator[WorkflowError]:
        """What a step runs: its inputs, its outputs, and whether a step may run that."""
        process = self._runs(self._document, said["run"])
        if process is None:
            return
        target = fields(process.node)
        if text_of(target.get("class")) == "Workflow" and "SubworkflowFeatureRequirement" not in features:
            yield self._document.error(
                said["run"] if kind_of(said["run"]) == "string" else key,
                f"the step {name} runs a workflow",
                _declare("SubworkflowFeatureRequirement"),
            )
        if _hidden(target.get("inputs")) or _hidden(target.get("outputs")) or "inputs" not in target or "outputs" not in target:
            return
        inputs = {short(port): value for port, _, value in named(target["inputs"], "id", "type")}
        missing = [port for port, value in inputs.items() if port not in ports and not _optional(value)]
        extra = [port for port in ports if port not in inputs]
        for port in missing:
            near = nearest(port, extra)
            at = next((where for each, where, _ in named(said.get("in"), "id", "source") if near is not None and short(each) == near), key)
            what = f"the step {name} gives nothing for the input {port} of what it runs" + (
                f", but {near}, which that does not take" if near else ""
            )
            yield self._document.error(at, what, f"did you mean {port}?" if near else f"add it under `in`, as in {port}: SOURCE")
        outputs = [short(port) for port, _, _ in named(target["outputs"], "id", "type")]
        for item in elements(said.get("out")):
            named_here = text_of(item) if kind_of(item) == "string" else text_of(fields(item).get("id"))
            port = short(named_here or "")
            if port and port not in outputs:
                yield self._document.error(
                    item, f"the step {name} passes on {port}, which what it runs does not give", suggestion(port, outputs, "its outputs")
                )


def _circle(start: str, links: Mapping[str, Mapping[str, Node]], done: set[str]) -> list[str]:
    """The first circle that is met on the way from a step to what it needs; `done` gets all that need not be looked at again."""
    path: list[str] = []
    ahead = [iter((start,))]
    while ahead:
        following = next(ahead[-1], None)
        if following is None:
            ahead.pop()
            if path:
                done.add(path.pop())
        elif following in path:
            done.update(path)
            return path[path.index(following) :]
        elif following not in done:
            path.append(following)
            ahead.append(iter(links[following]))
    return []


def _declare(name: str) -> str:
    return f"declare it under requirements: {name}: {{}}"


def _hidden(node: Node | None) -> bool:
    """Whether a part stands, wholly or partly, in another file."""
    if is_map(node):
        return any(text_of(key) in ("$import", "$include", "$mixin") for key, _ in items(node))
    return is_list(node) and any(_hidden(item) for item in elements(node))


def _out(step: Node) -> list[str]:
    """The names under `out`."""
    listed = elements(fields(step).get("out"))
    return [short(text_of(item) or text_of(fields(item).get("id")) or "") for item in listed]


def _optional(value: Node) -> bool:
    """Whether an input may be left out."""
    if is_map(value):
        said = fields(value)
        if "default" in said or "$import" in said:
            return True
        value = said.get("type")
    words = [text_of(item) or "null" for item in elements(value)]
    return (
        not words
        or any(word == "null" or word.endswith("?") or word == "Any?" for word in words)
        or any(is_map(item) for item in elements(value) if "$import" in fields(item))
    )


def _twice(document: Document, said: dict[str, Node]) -> Iterator[WorkflowError]:
    """Names that are given twice in a list."""
    for word, what in (("inputs", "inputs are"), ("outputs", "outputs are"), ("steps", "steps are")):
        known: dict[str, Node] = {}
        listed: Iterable[tuple[str, Node, Node]] = named(said.get(word), "id", "type") if is_list(said.get(word)) else ()
        for name, at, _ in listed:
            if name in known and name:
                yield document.error(
                    at,
                    f"two {what} called {short(name)} (the first in line {known[name].start_mark.line + 1})",
                    "give one of them another name",
                )
            known.setdefault(name, at)
