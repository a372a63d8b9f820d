"""Input objects: job files, and the defaults of documents in the same form (CWL v1.2, Command Line Tool, section 2.1, "Input object").

Reads job files and looks whether local files are there; what the workflow makes of the values is the business of others.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from hyflow.cwl import yaml12
from hyflow.cwl.flags import from_flags
from hyflow.cwl.placing import Misplaced, Placing, file_uri, is_there, nothing_wrong
from hyflow.errors import InputError, Where, WorkflowError
from hyflow.model.places import replica_of
from hyflow.model.values import Inputs, Value, map_data

_CWL = "https://w3id.org/cwl/cwl#"
_LARGEST = 256 << 20
_PATIENCE = 30.0

__all__ = ["JobDocument", "expand_formats", "from_flags", "is_there", "merge", "place_defaults", "read_job"]


@dataclass(frozen=True, slots=True)
class JobDocument:
    """A job file. `inputs` with placed files; `requirements` as a list of objects with a class (`cwl:requirements`), `tool` the
    absolute address of the process to run (`cwl:tool`) or None; `namespaces` are its `$namespaces`."""

    inputs: Inputs
    requirements: tuple[Mapping[str, Value], ...] = ()
    tool: str | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)


def read_job(path_or_uri: str) -> JobDocument:
    """Read a job file (a path, or a file: or http(s): address).

    `$import` and `$include` are carried out, relative addresses are meant from the file they stand in. Raises InputError, with
    the line, for what is no YAML, no object, no possible File or Directory, and for local files that are not there.
    """
    uri = path_or_uri if path_or_uri.startswith(("file:", "http:", "https:")) else file_uri(path_or_uri)
    value = _Reader().read(uri)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise InputError("a job file must hold an object of inputs by name", where=_readable(uri))
    return _document(value, uri)


def merge(*parts: Inputs) -> Inputs:
    """One input object of several; where two name the same input, the later one counts."""
    return {name: value for part in parts for name, value in part.items()}


def place_defaults(value: Value, base_uri: str) -> Value:
    """`value`, a default in the document at `base_uri`, with its files placed; they need not be there. Raises WorkflowError."""
    try:
        return Placing(base_uri, nothing_wrong).place(value)
    except Misplaced as error:
        raise WorkflowError(f"a default cannot be used: {error.what}", where=_readable(base_uri)) from error


def expand_formats(value: Value, namespaces: Mapping[str, str]) -> Value:
    """`value` with every `format` of a File written out by the prefixes in `namespaces` (edam:format_1929)."""
    return map_data(value, lambda data: _expanded(data, namespaces)) if namespaces else value


def _document(value: dict[str, Value], uri: str) -> JobDocument:
    """Take apart what is said beside the inputs."""
    inputs = {name: item for name, item in value.items() if not name.startswith("$") and name not in _special("tool", "requirements")}
    namespaces = value.get("$namespaces") or {}
    if not isinstance(namespaces, dict) or not all(isinstance(prefix, str) for prefix in namespaces.values()):
        raise InputError("$namespaces must be an object of addresses by prefix", where=_readable(uri))
    tool = _said(value, "tool")
    if tool is not None and not isinstance(tool, str):
        raise InputError("cwl:tool must be the address of a process", where=_readable(uri))
    return JobDocument(expand_formats(inputs, namespaces), _requirements(_said(value, "requirements"), uri),
                       None if tool is None else urljoin(uri, tool), namespaces)


def _special(*names: str) -> list[str]:
    return [prefix + name for name in names for prefix in ("cwl:", _CWL)]


def _said(value: Mapping[str, Value], name: str) -> Value:
    return next((value[each] for each in _special(name) if each in value), None)


def _requirements(said: Value, uri: str) -> tuple[Mapping[str, Value], ...]:
    """A list of requirements, or an object of them by class, as a tuple of objects that name their class."""
    listed = [{"class": name, **(item or {})} for name, item in said.items()] if isinstance(said, dict) else said or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) and isinstance(item.get("class"), str) for item in listed):
        raise InputError("cwl:requirements must be a list of objects with a class", where=_readable(uri))
    return tuple(listed)


def _expanded(data: Mapping[str, Value], namespaces: Mapping[str, str]) -> dict[str, Value]:
    made = dict(data)
    prefix, colon, rest = str(data.get("format", "")).partition(":")
    if colon and prefix in namespaces:
        made["format"] = namespaces[prefix] + rest
    for part in ("secondaryFiles", "listing"):
        if part in made:
            made[part] = expand_formats(made[part], namespaces)
    return made


class _Reader:
    """Reads a job file and whatever it imports."""

    def __init__(self) -> None:
        self._open: list[str] = []

    def read(self, uri: str) -> Value:
        """The document at `uri`, complete and placed."""
        if uri in self._open:
            raise InputError("this file imports itself", where=_readable(uri))
        self._open.append(uri)
        data = _fetch(uri)
        value = self._imported(yaml12.parse(data, _readable(uri)), uri)
        self._open.pop()
        try:
            return Placing(uri, is_there).place(value)
        except Misplaced as error:
            line = yaml12.line_of(data, error.path)
            named = f"{error.path[0]}: " if error.path else ""
            raise InputError(named + error.what, where=Where(_readable(uri), line)) from error

    def _imported(self, value: Value, base: str) -> Value:
        if isinstance(value, list):
            return value if all(isinstance(item, str) for item in value) else [self._imported(item, base) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and "$import" in value:
            return self.read(self._target(value["$import"], base))
        if len(value) == 1 and "$include" in value:
            return _fetch(self._target(value["$include"], base)).decode("utf-8", "surrogateescape")
        made = {name: self._imported(item, base) for name, item in value.items() if name != "$mixin"}
        if "$mixin" in value:
            mixed = self.read(self._target(value["$mixin"], base))
            if not isinstance(mixed, dict):
                raise InputError(f"{value['$mixin']} holds no object to mix in", where=_readable(base))
            return {**mixed, **made}
        return made

    def _target(self, reference: Value, base: str) -> str:
        if not isinstance(reference, str):
            raise InputError("an import needs an address", where=_readable(base))
        target = urljoin(base, reference)
        if target.startswith("file:") and not base.startswith("file:"):
            raise InputError(f"a remote document may not name the local file {_readable(target)}", where=_readable(base))
        return target


def _fetch(uri: str) -> bytes:
    """The bytes at `uri`. Raises InputError."""
    try:
        if uri.startswith("file:"):
            replica: Any = replica_of(uri)
            with Path("/" + replica.path).open("rb") as file:
                return _bounded(file.read(_LARGEST + 1))
        return _bounded(_download(uri))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", where=_readable(uri)) from error


def _download(uri: str) -> bytes:
    from urllib.request import urlopen

    if not uri.startswith(("http:", "https:")):
        raise ValueError("only file:, http: and https: addresses can be read")
    with urlopen(uri, timeout=_PATIENCE) as answer:  # noqa: S310  # the scheme was checked
        data: bytes = answer.read(_LARGEST + 1)
    return data


def _bounded(data: bytes) -> bytes:
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    return data


def _readable(uri: str) -> str:
    """How an address is called in messages: files of this machine by their path, relative where they lie below here."""
    replica = replica_of(uri) if uri.startswith("file:") else None
    if replica is None:
        return uri
    path = "/" + replica.path
    here = os.getcwd().rstrip("/") + "/"
    return posixpath.relpath(path, here) if path.startswith(here) else path
