"""From a loaded document to a `Program`: the graph as frozen values, every process as plain data.

A process is named by the path of the step that runs it, "/" for the root: short and unique. Beside the processes,
`Program.processes` holds under "start:/" what the run's own inputs must be, under "in:PATH" what a step
does to its inputs before it fires, and under "at:PATH" where the parts of a workflow stand. Knows cwltool's objects by their
attributes only; never evaluates anything.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urlsplit

from hyflow.cwl import normalize, proofreading, requirements
from hyflow.cwl.expressions import is_old
from hyflow.cwl.formats import extract
from hyflow.cwl.normalize import Plain, in_order, plain, short
from hyflow.cwl.places import Survey, Surveyor, file_of, place_of, where_of
from hyflow.cwl.tool import FORMATS
from hyflow.errors import UnsupportedRequirement, Where, WorkflowError
from hyflow.model.workflow import Link, Program, Source, Step, Workflow
from hyflow.nearest import nearest

ORIGINAL_VERSION = "http://commonwl.org/cwltool#original_cwlVersion"
_TOOL_FIELDS = ("baseCommand", "arguments", "stdin", "stdout", "stderr", "successCodes", "temporaryFailCodes", "permanentFailCodes")
_ARCHIVES = ("dockerLoad", "dockerImport")
_KINDS: Mapping[str, Literal["command", "expression", "workflow"]] = {
    "CommandLineTool": "command", "ExpressionTool": "expression", "Workflow": "workflow",
}


def program(root: Any, uri: str, texts: Mapping[str, str]) -> Program:
    """The program of a process that cwltool has loaded from `uri`; `texts` are the documents by address.

    Raises WorkflowError, UnsupportedRequirement.
    """
    made = _Program(Surveyor(texts))
    if root.tool["class"] == "Workflow":
        made.workflow(root, "/")
    else:
        made.single(root, uri)
    made.processes["start:/"] = {**made.signature(root), "namespaces": plain(root.metadata.get("$namespaces") or {})}
    made.processes[FORMATS] = extract(root.formatgraph) if root.formatgraph is not None else []
    if made.wrong:
        raise WorkflowError(proofreading.told(made.wrong))
    return Program(uri, "/", made.workflows, made.processes, tuple(dict.fromkeys(made.warnings)))


@dataclass(slots=True)
class _Program:
    """What has been compiled so far."""

    surveyor: Surveyor
    workflows: dict[str, Workflow] = field(default_factory=dict)
    processes: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    wrong: list[WorkflowError] = field(default_factory=list)
    read: set[tuple[Where, str]] = field(default_factory=set)

    def single(self, tool: Any, uri: str) -> None:
        """A tool that is run on its own: a workflow of one step, named for the tool."""
        name = _tool_name(uri)
        inputs, outputs = _names(tool.tool["inputs"]), _names(tool.tool["outputs"])
        kind = self.process(tool, f"/{name}")
        step = Step(name, f"/{name}", kind, tuple(Link(port, (Source(None, port),)) for port in inputs), outputs)
        self.workflows["/"] = Workflow("/", inputs, tuple(Link(port, (Source(name, port),)) for port in outputs), {name: step})

    def process(self, loaded: Any, path: str) -> Literal["command", "expression", "workflow"]:
        """Compile what a step at `path` runs; its kind."""
        kind = _KINDS.get(loaded.tool["class"])
        if kind is None:
            raise UnsupportedRequirement(f"an abstract {loaded.tool['class']} cannot run", where=where_of(loaded.tool),
                                         hint="replace it by a CommandLineTool, an ExpressionTool or a Workflow")
        if kind == "workflow":
            self.workflow(loaded, path)
        else:
            self.hints(loaded)
            survey, made = self.surveyor.process(loaded), _tool(loaded)
            self.processes[path] = {**made, "places": survey.found}
            self.proofread(survey, made)
        return kind

    def proofread(self, survey: Survey, document: Plain) -> None:
        """Read the expressions of a process or a step, each once however often it runs."""
        texts = [written for written in survey.written if (written.where, written.text) not in self.read]
        pieces = [written for written in survey.library if (written.where, written.text) not in self.read]
        self.read |= {(written.where, written.text) for written in [*texts, *pieces]}
        if texts or pieces:
            names = [item["name"] for item in document["inputs"]]
            language = proofreading.Language(document["javascript"], is_old(document["version"]), names)
            self.wrong += [*proofreading.library_errors(pieces), *proofreading.errors(texts, language)]
            self.warnings += proofreading.warnings(texts, language)

    def signature(self, loaded: Any) -> Plain:
        """What a workflow says of its inputs, and where."""
        places = self.surveyor.process(loaded).found
        return {**_signature(loaded), "places": {path: place for path, place in places.items() if path == "" or path.startswith("inputs.")}}

    def hints(self, loaded: Any) -> None:
        """Warn of hints that nobody knows; refuse requirements that cannot be given."""
        for entry in requirements.unsupported(loaded.requirements):
            raise UnsupportedRequirement(f"the requirement {requirements.called(entry)} is not supported",
                                         where=where_of(entry) or where_of(loaded.tool),
                                         hint="put it under hints if the workflow can do without")
        for entry in requirements.unknown_hints(loaded.tool.get("hints") or []):
            name = requirements.called(entry)
            near = nearest(name, requirements.SUPPORTED)
            secret = entry.get("class") == requirements.SECRETS
            what = "its inputs are told in logs and reports like others" if secret else "it is passed over"
            self.warn(entry, f"the hint {name} is not known, {what}" + (f" (did you mean {near}?)" if near else ""))

    def warn(self, item: Any, what: str) -> None:
        """Keep a warning with its place, as an absolute one: the program may be used from another directory."""
        self.warnings.append(f"{file_of(item)}:{':'.join(map(str, place_of(item) or [1, 1]))}: {what}")

    def workflow(self, loaded: Any, path: str) -> None:
        """Compile a workflow and all below it."""
        self.hints(loaded)
        tool = loaded.tool
        ports = _Ports(tool)
        base = _base(loaded)
        order = {str(step["id"]): at for at, step in enumerate(in_order(tool["steps"]))}
        steps: dict[str, Step] = {}
        for step in sorted(loaded.steps, key=lambda item: order[str(item.tool["id"])]):
            name = short(str(step.tool["id"]))
            if name in steps:
                raise WorkflowError(f"two steps are called {name}", where=where_of(step.tool))
            steps[name] = self.step(step, name, posixpath.join(path, name), ports, base)
        outputs = tuple(ports.link(item, short(str(item["id"])), "outputSource", base) for item in in_order(tool["outputs"]))
        self.processes[f"at:{path}"] = {"where": file_of(tool), "places": self.surveyor.workflow(loaded)}
        self.workflows[path] = Workflow(path, _names(tool["inputs"]), outputs, steps)

    def step(self, loaded: Any, name: str, path: str, ports: _Ports, base: str) -> Step:
        """One step, with what it does to its inputs under "in:PATH" where it does anything."""
        tool, runs = loaded.tool, loaded.embedded_tool
        for word in ("loop", "outputMethod"):
            if word in tool:
                raise UnsupportedRequirement("loops are not part of CWL v1.2", where=where_of(tool))
        kind = self.process(runs, path)
        links = [ports.link(item, short(str(item["id"])), "source", base) for item in tool["in"]]
        signature = self.signature(runs) if kind == "workflow" else None
        scatter = tuple(short(str(item)) for item in _listed(tool.get("scatter")))
        if signature is not None:
            links = _with_defaults(links, signature["inputs"], scatter)
        change = _change(loaded, signature)
        if change is not None:
            survey = self.surveyor.step(loaded)
            self.processes[f"in:{path}"] = {**change, "places": survey.found}
            self.proofread(survey, change)
        for item, what in [*_unused(tool, runs.tool), *_undeclared(loaded)]:
            self.warn(item, what)
        outputs = tuple(short(str(item if isinstance(item, str) else item["id"])) for item in tool["out"])
        method = tool.get("scatterMethod") or "dotproduct"
        return Step(name, path, kind, tuple(links), outputs, scatter, str(method), computed=change is not None)  # type: ignore[arg-type]  # the schema has checked it


def _unused(step: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """A warning for each input of a step that neither what it runs nor an expression of the step takes."""
    known = [short(str(item["id"])) for item in runs["inputs"]]
    read = str(step.get("when")) + "".join(str(item.get("valueFrom")) for item in step["in"])
    for item in step["in"]:
        name = short(str(item["id"]))
        near = nearest(name, known)  # without one it may be there for the order of the steps alone
        if near is not None and name not in known and name not in read and "inputs[" not in read:
            yield item, f"the step {short(str(step['id']))} gives {name}, which what it runs does not take (did you mean {near}?)"


def _undeclared(step: Any) -> Iterator[tuple[Any, str]]:
    """A warning for what the standard wants declared and hyflow does without."""
    declared = {str(entry.get("class")) for entry in [*step.requirements, *step.hints]}
    computed = [item for item in step.tool["in"] if "valueFrom" in item]
    if computed and "StepInputExpressionRequirement" not in declared:
        yield computed[0], "valueFrom in a step needs StepInputExpressionRequirement: {} under requirements; other programs refuse this"


class _Ports:
    """What the sources inside one workflow mean, by identifier."""

    def __init__(self, workflow: Mapping[str, Any]) -> None:
        self._known: dict[str, Source] = {str(item["id"]): Source(None, short(str(item["id"]))) for item in workflow["inputs"]}
        for step in workflow["steps"]:
            for output in step["out"]:
                identifier = str(output if isinstance(output, str) else output["id"])
                self._known[identifier] = Source(short(str(step["id"])), short(identifier))

    def link(self, item: Mapping[str, Any], port: str, word: str, base: str) -> Link:
        """What flows into `port`: `item` is a step's input or a workflow's output, `word` its field that names the sources."""
        sources = tuple(self._source(str(source), item) for source in _listed(item.get(word)))
        merge = item.get("linkMerge")
        # The schema has checked the words of linkMerge and pickValue, which the type checker cannot know.
        made = Link(port, sources, listed=len(sources) > 1 or merge is not None, merge=str(merge or "merge_nested"),  # type: ignore[arg-type]  # as below
                    pick=None if item.get("pickValue") is None else str(item["pickValue"]))  # type: ignore[arg-type]  # the schema has checked both
        if word == "source" and "default" in item:
            return replace(made, has_default=True, default=normalize.default_of(item, base))
        return made

    def _source(self, identifier: str, item: Mapping[str, Any]) -> Source:
        known = self._known.get(identifier)
        if known is None:
            raise WorkflowError(f"there is no source called {short(identifier)}", where=where_of(item))
        return known


def _names(parameters: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The short names of inputs or outputs, in the order of the document."""
    return tuple(short(str(item["id"])) for item in in_order(parameters))


def _with_defaults(links: list[Link], inputs: Iterable[Plain], scatter: tuple[str, ...]) -> list[Link]:
    """The links into a nested workflow, with the defaults of its inputs where the step gives none of its own."""
    defaults = {item["name"]: item["default"] for item in inputs if "default" in item}
    made = [replace(link, has_default=True, default=defaults[link.port])
            if link.port in defaults and not link.has_default and link.port not in scatter else link for link in links]
    fed = {link.port for link in links}
    return made + [Link(port, has_default=True, default=value) for port, value in defaults.items() if port not in fed]


def _change(loaded: Any, signature: Plain | None) -> Plain | None:
    """What a step does to its inputs before it fires, or None where they pass as they are.

    {"inputs": [{name, valueFrom?, loadContents?, loadListing?}], "when"?, "keep": names that the process takes,
    "target": the inputs of a nested workflow where they need more than passing on}.
    """
    tool = loaded.tool
    words = ("valueFrom", "loadContents", "loadListing")
    inputs = [{"name": short(str(item["id"])), **{word: plain(item[word]) for word in words if item.get(word) is not None}}
              for item in tool["in"]]
    target = signature if signature is not None and _demanding(signature["inputs"], tool) else None
    if target is None and "when" not in tool and not any(len(item) > 1 for item in inputs):
        return None
    made: Plain = {**_language(loaded), "class": "Step", "inputs": inputs, "target": target, "where": file_of(tool),
                   "keep": [short(str(item["id"])) for item in loaded.embedded_tool.tool["inputs"]]}
    if tool.get("when") is not None:
        made["when"] = plain(tool["when"])
    return made


def _demanding(inputs: Iterable[Plain], step: Mapping[str, Any]) -> bool:
    """Whether a nested workflow's inputs need something done to them that no link can do."""
    scattered = {short(str(item)) for item in _listed(step.get("scatter"))}
    computed = {short(str(item["id"])) for item in step["in"] if "valueFrom" in item}  # of a type that nobody knows before
    return any(item.get("loadContents") or item.get("loadListing") or item["name"] in computed
               or ("default" in item and item["name"] in scattered) for item in inputs)


def _tool(loaded: Any) -> Plain:
    """A CommandLineTool or ExpressionTool as plain data."""
    tool, base = loaded.tool, _base(loaded)
    made = _signature(loaded)
    names: dict[str, Any] = {}
    normalize.definitions(requirements.schema_definitions(loaded.requirements, loaded.hints), names)
    made["outputs"] = normalize.parameters(tool["outputs"], base, names)
    for item in made["inputs"]:
        normalize.type_of(item["type"], names)
    used: dict[str, Any] = {}
    for item in [*made["inputs"], *made["outputs"]]:
        normalize.mentioned(item["type"], names, used)
    made["names"] = used
    made["requirements"] = {name: _requirement(name, entry, base) for name, entry in made["requirements"].items()}
    made.update({key: plain(tool[key]) for key in _TOOL_FIELDS if tool.get(key) is not None})
    if "expression" in tool:
        made["expression"] = plain(tool["expression"])
    return made


def _requirement(name: str, entry: Mapping[str, Any], base: str) -> Mapping[str, Any]:
    """A requirement without what has been taken from it already, and with the archives of images by their addresses."""
    if name == "DockerRequirement":
        return {key: normalize.address(str(value), base) if key in _ARCHIVES and value else value for key, value in entry.items()}
    return {key: value for key, value in entry.items() if not (name == "SchemaDefRequirement" and key == "types")}


def _signature(loaded: Any) -> Plain:
    """What any process says of its inputs, and the language of its expressions."""
    names: dict[str, Any] = {}
    normalize.definitions(requirements.schema_definitions(loaded.requirements, loaded.hints), names)
    inputs = normalize.parameters(loaded.tool["inputs"], _base(loaded), names)
    used: dict[str, Any] = {}
    for item in inputs:
        normalize.mentioned(item["type"], names, used)
    return {**_language(loaded), "class": str(loaded.tool["class"]), "where": file_of(loaded.tool), "inputs": inputs, "names": used}


def _language(loaded: Any) -> Plain:
    """The version of the document, and how its expressions are to be read."""
    found: Plain = plain(requirements.merged(loaded.requirements, loaded.hints))
    script = found.get("InlineJavascriptRequirement")
    listing = found.get("LoadListingRequirement", {}).get("loadListing")
    return {
        "version": str(loaded.metadata.get(ORIGINAL_VERSION) or loaded.metadata.get("cwlVersion") or "v1.2"),
        "javascript": script is not None,
        "library": plain((script or {}).get("expressionLib") or []),
        "listing": None if listing is None else str(listing),
        "requirements": found,
    }


def _base(loaded: Any) -> str:
    """The address of the document that a process stands in."""
    identifier = str(loaded.tool.get("id") or "")
    if identifier and not identifier.startswith("_:"):
        return urldefrag(identifier)[0]
    file = file_of(loaded.tool)  # one that stands in a step and has no name
    return Path(file).as_uri() if file.startswith("/") else file


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _tool_name(uri: str) -> str:
    """A name for the one step that runs a tool: what its identifier says, or the file's name without its extension."""
    parts = urlsplit(uri)
    stem = posixpath.splitext(posixpath.basename(unquote(parts.path)))[0]
    named = short(parts.fragment) if parts.fragment not in ("", "main") else stem
    return re.sub(r"[^\w.+-]+", "_", named) or "tool"

