"""Tells the files of a command line apart by their content: deployment, job, or CWL document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from hyflow.deployment.document import MOST_BYTES
from hyflow.errors import InputError, UsageError, Where

Kind: TypeAlias = Literal["deployment", "job", "workflow", "unclear"]

PARTS = {"version", "sites", "bind", "profiles"}
PROCESSES = {"CommandLineTool", "ExpressionTool", "Workflow", "Operation"}
_LARGEST = 256 << 20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def kind_of(path: Path | str) -> Kind:
    """What the file is. "unclear": it has `sites` but does not look like a deployment otherwise, or it is no mapping.

    Raises UsageError when it cannot be read, InputError with the line when it is neither YAML nor JSON.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise UsageError(f"larger than {_LARGEST >> 20} MiB: neither a deployment nor a job file", where=str(path))
    top = _top(data, str(path))
    if top is None:
        return "unclear"
    if {"cwlVersion", "$graph"} & top.keys() or (isinstance(top.get("class"), str) and top["class"] in PROCESSES):
        return "workflow"
    if "sites" not in top:
        return "unclear" if {"version", "bind"} <= top.keys() else "job"
    signs = ["version" in top, top.keys() <= PARTS, top["sites"] is _SITES]
    return "deployment" if sum(signs) >= 2 and len(data) <= MOST_BYTES else "unclear"  # one with a mistake in it is still one


_SITES = object()
"""Stands for a mapping of names to mappings that have a `type`."""


def _top(data: bytes, file: str) -> dict[str, Any] | None:
    """The top-level keys with their values (text as it is, sites as `_SITES`, None for all else); None for what is no mapping.

    A document with nothing in it counts as an empty mapping.
    """
    if data.lstrip()[:1] == b"{":
        try:
            return {str(key): _summary(value) for key, value in json.loads(data).items()}
        except (ValueError, RecursionError):
            pass  # it may be YAML in flow style
    try:
        return _from_yaml(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        raise InputError(f"this is not YAML: {error.problem or error.context}", where=where) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"this is not YAML: {str(error).splitlines()[0]}", where=Where(file)) from error


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
