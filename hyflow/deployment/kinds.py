"""Tells the files of a command line apart by their content: deployment, job, or CWL document."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, assert_never

import yaml

from hyflow.deployment.document import MOST_BYTES
from hyflow.errors import InputError, UsageError, Where
from hyflow.misread import Misread, explained, undecodable
from hyflow.nearest import nearest_beside

Kind: TypeAlias = Literal["deployment", "job", "workflow", "unclear"]

PARTS = {"version", "sites", "bind", "retry", "profiles"}
PROCESSES = {"CommandLineTool", "ExpressionTool", "Workflow", "Operation"}
PROCESS_PARTS = {"class", "inputs", "outputs", "steps", "baseCommand", "arguments", "requirements", "hints", "expression", "sites"}
_LARGEST = 256 << 20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Look:
    """What a file seems to be, and the keys at its top (none where it is no mapping)."""

    kind: Kind
    keys: frozenset[str]

    @property
    def sign(self) -> str:
        """Why it is taken for that."""
        match self.kind:
            case "workflow":
                signs = [key for key in ("cwlVersion", "$graph", "class") if key in self.keys]
                return f"it has {signs[0]}"
            case "deployment":
                return "it has sites"
            case "job":
                return "it has none of cwlVersion, $graph and sites" if self.keys else "it is empty"
            case "unclear":
                return "it looks like none that there is"
        assert_never(self.kind)


def kind_of(path: Path | str) -> Kind:
    """What the file is: see `look`."""
    return look(path).kind


def look(path: Path | str) -> Look:
    """What the file is. "unclear": it has `sites` but does not look like a deployment otherwise, or it is no mapping.

    Raises UsageError when it cannot be read, InputError with the line when it is neither YAML nor JSON.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise unreadable(str(path), error) from error
    if len(data) > _LARGEST:
        raise UsageError(f"larger than {_LARGEST >> 20} MiB: neither a deployment nor a job file", where=str(path))
    top = _top(data, str(path))
    return Look("unclear", frozenset()) if top is None else Look(_kind(top, len(data)), frozenset(top))


def unreadable(path: str, error: OSError) -> UsageError:
    """A file that was named cannot be read; one whose name is near may have been meant."""
    if os.path.islink(path) and isinstance(error, FileNotFoundError):
        return UsageError(f"this link leads to nothing: there is no {os.readlink(path)}", where=path)
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return UsageError("there is no such file", where=path, hint=_neighbour(path))
        case IsADirectoryError():
            return UsageError("this is a directory, and a file is needed", where=path)
    return UsageError(f"cannot be read: {error.strerror}", where=path)


def _neighbour(path: str) -> str | None:
    """What may have been meant by a name that is not there."""
    if path == "-":
        return "to read standard input, name /dev/stdin"
    folder = os.path.dirname(path)
    if not os.path.isdir(folder or "."):
        return f"there is no directory {folder} either"
    near = nearest_beside(path, directories=False)
    return f"did you mean {near}?" if near else None


def _kind(top: dict[str, Any], size: int) -> Kind:
    if "$graph" in top or (isinstance(top.get("class"), str) and top["class"] in PROCESSES):
        return "workflow"
    if "cwlVersion" in top and (len(top) == 1 or PROCESS_PARTS & top.keys()):  # a job file may say it, too
        return "workflow"
    if "sites" not in top:
        return "unclear" if {"version", "bind"} <= top.keys() else "job"
    signs = ["version" in top, top.keys() <= PARTS, top["sites"] is _SITES]
    return "deployment" if sum(signs) >= 2 and size <= MOST_BYTES else "unclear"  # one with a mistake in it is still one


_SITES = object()
"""Stands for a mapping of names to mappings that have a `type`."""


def _top(data: bytes, file: str) -> dict[str, Any] | None:
    """The top-level keys with their values (text as it is, sites as `_SITES`, None for all else); None for what is no mapping.

    A document with nothing in it counts as an empty mapping.
    """
    if (wrong := undecodable(data)) is not None:
        raise _misread(wrong, file)
    if data.lstrip()[:1] == b"{":
        try:
            return {str(key): _summary(value) for key, value in json.loads(data).items()}
        except (ValueError, RecursionError):
            pass  # it may be YAML in flow style
    try:
        return _from_yaml(data)
    except yaml.YAMLError as error:
        raise _misread(explained(error, data.decode("utf-8-sig")), file) from error


def _misread(wrong: Misread, file: str) -> InputError:
    return InputError(wrong.what, where=Where(file, wrong.line, wrong.column), hint=wrong.hint)


def _summary(value: Any) -> Any:
    if isinstance(value, dict) and value and all(isinstance(site, dict) and "type" in site for site in value.values()):
        return _SITES
    return value if isinstance(value, str) else None


def _from_yaml(data: bytes) -> dict[str, Any] | None:
    """Walks the parser's events, so that neither depth nor size of the document matter; aliases are not followed."""
    top: dict[str, Any] = {}
    shape: list[_Level] = []
    for event in yaml.parse(data, Loader=_Loader):
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if not shape and not isinstance(event, yaml.MappingStartEvent):
                    return None
                shape.append(_Level(isinstance(event, yaml.MappingStartEvent)))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                ended = shape.pop()
                if shape:
                    shape[-1].take(_SITES if ended.is_sites() else _TYPED if ended.typed else None)
                else:
                    top = ended.values
            case yaml.ScalarEvent():
                if not shape:
                    return None
                shape[-1].take(event.value)
            case yaml.AliasEvent():
                shape[-1].take(_TYPED)
    return top


_TYPED = object()
"""Stands for a mapping that has a `type`."""


class _Level:
    """A collection whose events go by: what its keys hold, in short."""

    def __init__(self, mapping: bool) -> None:
        self.mapping, self.values, self._key = mapping, dict[str, Any](), _NO_KEY

    @property
    def typed(self) -> bool:
        return "type" in self.values

    def is_sites(self) -> bool:
        return bool(self.values) and all(value is _TYPED for value in self.values.values())

    def take(self, value: Any) -> None:
        if not self.mapping:
            return
        if self._key is _NO_KEY:
            self._key = value
        else:
            self.values[str(self._key)], self._key = value, _NO_KEY


_NO_KEY = object()
