"""A process of a program, ready for use: shapes and expressions compiled once, when the first job asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hyflow.cwl import interpolation, places, references, software
from hyflow.cwl.contained import Asked, asked
from hyflow.cwl.expressions import Compiled, Expressions
from hyflow.cwl.shapes import Binding, Port, Shaper
from hyflow.errors import Where, WorkflowError
from hyflow.model.software import Package
from hyflow.model.values import Value

FORMATS = "formats"
"""Under this name `Program.processes` holds the ontology of file formats."""

OLDER = ("v1.0", "v1.1")


class Signature:
    """What any process says of its inputs.

    `listing` is what LoadListingRequirement says, or what holds without one (a workflow's own inputs have theirs when an expression
    looks); `strict_contents`: more than 64 KiB to load is an error and not cut off (since v1.2).
    """

    def __init__(self, document: Mapping[str, Any], ontology: Sequence[Sequence[str]]) -> None:
        self.document, self.ontology = document, ontology
        self.version: str = document["version"]
        self.requirements: Mapping[str, Any] = document.get("requirements") or {}
        listed = self.version == "v1.0" and document["class"] != "Workflow"
        self.listing: str = document.get("listing") or ("deep_listing" if listed else "no_listing")
        self.strict_contents = self.version not in OLDER
        self.expressions = Expressions(document["javascript"], document["library"], self.version)
        self.shaper = Shaper(self.expressions, document.get("names") or {}, self.at)
        self.inputs: tuple[Port, ...] = tuple(self.shaper.port(item, "inputs") for item in document["inputs"])

    @cached_property
    def scripted(self) -> bool:
        """Whether some expression is more than a parameter reference, so that JavaScript runs."""
        return bool(self.document["javascript"]) and any_script(self.document)

    def at(self, path: str = "") -> Where | str | None:
        """Where the field at `path` stands in the document, or the nearest part around it (`places` says what paths are)."""
        return places.where(self.document.get("where", ""), self.document.get("places") or {}, path)

    def compiled(self, value: Value, path: str) -> Compiled:
        """A value of the document, the field at `path`, with its expressions."""
        return self.shaper.compiled(value, path)

    def within(self, part: str, error: WorkflowError, path: str = "") -> WorkflowError:
        """The error with the part of the process that it is about, of the same class; `path` is where, if the error does not know."""
        return type(error)(f"{part}: {error.what}", where=error.where or self.at(path), hint=error.hint)

    def error(self, what: str, hint: str | None = None, *, path: str = "") -> WorkflowError:
        """An error that says where the field at `path` stands."""
        return WorkflowError(what, where=self.at(path), hint=hint)


class Tool(Signature):
    """A CommandLineTool or an ExpressionTool."""

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(self.shaper.port(item, "outputs") for item in self.document["outputs"])

    @cached_property
    def expression(self) -> Compiled:
        """What an ExpressionTool evaluates."""
        return self.compiled(self.document["expression"], "expression")

    @cached_property
    def stdin(self) -> Compiled | None:
        return self._optional("stdin")

    @cached_property
    def stdout(self) -> Compiled | None:
        return self._optional("stdout")

    @cached_property
    def stderr(self) -> Compiled | None:
        return self._optional("stderr")

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """The fixed parts of the command line, in document order: baseCommand, then arguments."""
        base = self.document.get("baseCommand") or []
        words = [base] if isinstance(base, str) else base
        made = [Argument((-1_000_000, at), Binding(), text=str(word)) for at, word in enumerate(words)]
        return tuple(made + [self._argument(at, entry) for at, entry in enumerate(self.document.get("arguments") or [])])

    @cached_property
    def environment(self) -> tuple[tuple[str, Compiled], ...]:
        """What EnvVarRequirement sets."""
        entries = self.requirements.get("EnvVarRequirement", {}).get("envDef") or []
        pairs = entries.items() if isinstance(entries, dict) else [(entry["envName"], entry["envValue"]) for entry in entries]
        return tuple((str(name), self.compiled(value, f"requirements.EnvVarRequirement.envDef.{name}")) for name, value in pairs)

    @cached_property
    def container(self) -> Asked | None:
        """What DockerRequirement asks."""
        requirement = self.requirements.get("DockerRequirement")
        return None if requirement is None else asked(requirement, self.at("requirements.DockerRequirement"))

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """What SoftwareRequirement asks."""
        return software.packages(self.requirements)

    @cached_property
    def shell(self) -> bool:
        """Whether ShellCommandRequirement is in force."""
        return "ShellCommandRequirement" in self.requirements

    @cached_property
    def inplace(self) -> bool:
        """Whether writable inputs are changed where they lie."""
        return bool(self.requirements.get("InplaceUpdateRequirement", {}).get("inplaceUpdate"))

    @cached_property
    def success_codes(self) -> frozenset[int]:
        return frozenset(self.document.get("successCodes") or (0,))

    @cached_property
    def temporary_codes(self) -> frozenset[int]:
        return frozenset(self.document.get("temporaryFailCodes") or ())

    @cached_property
    def permanent_codes(self) -> frozenset[int]:
        return frozenset(self.document.get("permanentFailCodes") or ())

    def required(self, name: str, field: str) -> Compiled | None:
        """The value of a requirement's field, or None where there is none."""
        value = self.requirements.get(name, {}).get(field)
        return None if value is None else self.compiled(value, f"requirements.{name.rpartition('#')[2]}.{field}")

    def _optional(self, word: str) -> Compiled | None:
        value = self.document.get(word)
        return None if value is None else self.compiled(value, word)

    def _argument(self, at: int, entry: Any) -> Argument:
        if isinstance(entry, dict):
            binding = self.shaper.binding(entry, f"arguments[{at}]")
            return Argument((binding.position, at), binding)
        compiled = self.compiled(entry, f"arguments[{at}]")
        if compiled.constant:
            return Argument((0, at), Binding(), text=str(compiled.value))
        return Argument((0, at), Binding(value_from=compiled))


_SILENT = frozenset({"doc", "label", "library", "places", "where"})
"""Fields of a process that are never evaluated."""


def any_script(value: Value) -> bool:
    """Whether an expression anywhere in `value`, a part of a process, is more than a parameter reference."""
    return any(map(_is_script, _strings(value)))


def _strings(value: Value) -> Iterator[str]:
    """Every string in a process that may hold an expression."""
    if isinstance(value, str):
        if interpolation.may_hold_expression(value):
            yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _SILENT:
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _is_script(text: str) -> bool:
    """Whether an expression in `text` is no parameter reference; in doubt it is."""
    try:
        parts = interpolation.split(text, old_escapes=False)
    except WorkflowError:
        return True
    return any(part.body or references.parse(part.text) is None for part in parts if isinstance(part, interpolation.Fragment))


@dataclass(frozen=True, slots=True)
class Argument:
    """A fixed part of the command line: `text`, or what `binding.value_from` gives; sorts at `key`."""

    key: tuple[int | Compiled, int]
    binding: Binding
    text: str | None = None
