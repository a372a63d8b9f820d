"""Input objects: job files, and the defaults of documents in the same form (CWL v1.2, Command Line Tool, section 2.1, "Input object").

Reads job files; whether what they name is there, and what the workflow makes of it, is the business of others (`start`, `given`).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as LocalPath
from urllib.parse import urljoin

from hyflow.cwl import yaml12
from hyflow.cwl.flags import from_flags
from hyflow.cwl.marks import Path, Text, marks
from hyflow.cwl.placing import Misplaced, Placing, file_uri
from hyflow.errors import HyflowError, InputError, UsageError, Where, WorkflowError
from hyflow.model.places import redacted, replica_of
from hyflow.model.values import Inputs, Value, map_data
from hyflow.nearest import nearest_beside

_CWL = "https://w3id.org/cwl/cwl#"
_LARGEST = 256 << 20
_PATIENCE = 30.0

__all__ = ["JobDocument", "expand_formats", "from_flags", "merge", "place_defaults", "read_job"]


@dataclass(frozen=True, slots=True)
class JobDocument:
    """A job file. `inputs` with placed files; `requirements` as a list of objects with a class (`cwl:requirements`), `tool` the
    absolute address of the process to run (`cwl:tool`) or None; `namespaces` are its `$namespaces`. `texts`: what was read, by where
    in the job it stands (the file itself at ()); `wrong`: files and directories that cannot be, which are left as they were written.
    """

    inputs: Inputs
    requirements: tuple[Mapping[str, Value], ...] = ()
    tool: str | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[Path, Text] = field(default_factory=dict, compare=False, repr=False)
    wrong: tuple[Misplaced, ...] = field(default=(), compare=False, repr=False)


def read_job(path_or_uri: str) -> JobDocument:
    """Read a job file (a path, or a file: or http(s): address).

    `$import` and `$include` are carried out, relative addresses are meant from the file they stand in. Whether files are there is not
    looked at. Raises UsageError when the file cannot be read, InputError, with the line, for what is no YAML and no object.
    """
    uri = path_or_uri if path_or_uri.startswith(("file:", "http:", "https:")) else file_uri(path_or_uri)
    reader = _Reader()
    try:
        value = reader.read(uri)
    except _Unreadable as error:
        raise UsageError(f"the job file cannot be read: {error.what}", where=_readable(uri), hint=error.hint) from error
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise InputError("a job file must hold an object of inputs by name", where=_readable(uri), hint="as in `threads: 4`, one in a line")
    return _document(value, uri, reader)


def merge(*parts: Inputs) -> Inputs:
    """One input object of several; where two name the same input, the later one counts."""
    return {name: value for part in parts for name, value in part.items()}


def place_defaults(value: Value, base_uri: str) -> Value:
    """`value`, a default in the document at `base_uri`, with its files placed; they need not be there. Raises WorkflowError."""
    try:
        return Placing(base_uri).place(value)
    except Misplaced as error:
        raise WorkflowError(f"a default cannot be used: {error.what}", where=_readable(base_uri), hint=error.hint) from error


def expand_formats(value: Value, namespaces: Mapping[str, str]) -> Value:
    """`value` with every `format` of a File written out by the prefixes in `namespaces` (edam:format_1929)."""
    return map_data(value, lambda data: _expanded(data, namespaces)) if namespaces else value


def _document(value: dict[str, Value], uri: str, reader: _Reader) -> JobDocument:
    """Take apart what is said beside the inputs."""
    inputs = {name: item for name, item in value.items() if not name.startswith("$") and name not in _special("tool", "requirements")}
    namespaces = value.get("$namespaces") or {}
    if not isinstance(namespaces, dict) or not all(isinstance(prefix, str) for prefix in namespaces.values()):
        raise InputError("$namespaces must be an object of addresses by prefix", where=_readable(uri))
    tool = _said(value, "tool")
    if tool is not None and not isinstance(tool, str):
        raise InputError("cwl:tool must be the address of a process", where=_readable(uri))
    return JobDocument(expand_formats(inputs, namespaces), _requirements(_said(value, "requirements"), uri),
                       None if tool is None else urljoin(uri, tool), namespaces, reader.texts, tuple(reader.wrong.values()))


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
    """Reads a job file and whatever it imports. `texts` and `wrong` as in `JobDocument`, by path."""

    def __init__(self) -> None:
        self.texts: dict[Path, Text] = {}
        self.wrong: dict[Path, Misplaced] = {}
        self._open: list[str] = []

    def read(self, uri: str, path: Path = ()) -> Value:
        """The document at `uri`, which stands at `path` of the job, complete and placed."""
        if uri in self._open:
            raise InputError("this file imports itself", where=_place(self.texts, path))
        self._open.append(uri)
        text = self.texts[path] = Text(_readable(uri), _fetch(uri))
        value = self._imported(yaml12.parse(text.data, text.file), uri, path)
        self._open.pop()
        return Placing(uri, self.wrong).place(value, path)

    def _imported(self, value: Value, base: str, path: Path) -> Value:
        if isinstance(value, list):
            if all(isinstance(item, str) for item in value):
                return value
            return [self._imported(item, base, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and "$import" in value:
            return self._part(value["$import"], base, path)
        if len(value) == 1 and "$include" in value:
            return self._bytes(value["$include"], base, path).decode("utf-8", "surrogateescape")
        made = {name: self._imported(item, base, (*path, name)) for name, item in value.items() if name != "$mixin"}
        if "$mixin" in value:
            mixed = self._part(value["$mixin"], base, (*path, "$mixin"))
            if not isinstance(mixed, dict):
                raise InputError(f"{value['$mixin']} holds no object to mix in", where=_place(self.texts, (*path, "$mixin")))
            return {**mixed, **made}
        return made

    def _part(self, reference: Value, base: str, path: Path) -> Value:
        target = self._target(reference, base, path)
        try:
            return self.read(target, path)
        except _Unreadable as error:
            raise self._missing(target, error, path) from error

    def _bytes(self, reference: Value, base: str, path: Path) -> bytes:
        target = self._target(reference, base, path)
        try:
            return _fetch(target)
        except _Unreadable as error:
            raise self._missing(target, error, path) from error

    def _missing(self, target: str, error: _Unreadable, path: Path) -> InputError:
        return InputError(f"{_readable(target)} cannot be read: {error.what}", where=_place(self.texts, path), hint=error.hint)

    def _target(self, reference: Value, base: str, path: Path) -> str:
        if not isinstance(reference, str):
            raise InputError("an import needs an address", where=_place(self.texts, path))
        target = urljoin(base, reference)
        if target.startswith("file:") and not base.startswith("file:"):
            raise InputError(f"a remote document may not name the local file {_readable(target)}", where=_place(self.texts, path))
        return target


def _place(texts: Mapping[Path, Text], path: Path) -> Where:
    """Where what lies at `path` of the job stands."""
    outer = max((known for known in texts if path[: len(known)] == known), key=len)
    inner = path[len(outer):]
    return marks(texts[outer], [inner]).value(inner)


class _Unreadable(HyflowError):
    """A document cannot be had; told by whoever knows who asked for it."""


def _fetch(uri: str) -> bytes:
    """The bytes at `uri`. Raises _Unreadable."""
    if uri.startswith("file:"):
        return _local("/" + getattr(replica_of(uri), "path", ""))
    if uri.startswith(("http:", "https:")):
        return _download(uri)
    raise _Unreadable("only files and http(s) addresses can be read")


def _local(path: str) -> bytes:
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise _Unreadable("it is a directory", hint="name a file in it")
        with LocalPath(path).open("rb") as file:
            return _bounded(file.read(_LARGEST + 1))
    except FileNotFoundError as error:
        near = nearest_beside(path, directories=False)
        raise _Unreadable("there is no such file", hint=f"did you mean {_readable(file_uri(near))}?" if near else None) from error
    except PermissionError as error:
        raise _Unreadable("you may not read it", hint="its owner can allow it (chmod +r)") from error
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        raise _Unreadable(_WORDS.get(code or 0) or (os.strerror(code).lower() if code else "it has no possible name")) from error


_WORDS = {
    errno.ENOTDIR: "a part of its path is a file and no directory", errno.ELOOP: "it is a link that leads in a circle",
    errno.ENAMETOOLONG: "its name is longer than a name can be", errno.ENXIO: "it is a socket",
}  # fmt: skip


def _download(uri: str) -> bytes:
    """By what fetches every document from the web, in the same words."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        with urlopen(uri, timeout=_PATIENCE) as answer:  # noqa: S310  # the scheme was checked
            data: bytes = answer.read(_LARGEST + 1)
    except HTTPError as error:
        error.close()
        raise _Unreadable(f"the server answers {error.code} {error.reason}".splitlines()[0]) from error
    except TimeoutError as error:
        raise _Unreadable(f"the server sends nothing for {_PATIENCE:.0f} seconds") from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        words = getattr(reason, "verify_message", None) or getattr(reason, "strerror", None) or "what the server answers is not HTTP"
        raise _Unreadable(f"it cannot be fetched: {words.lower()}") from error
    return _bounded(data)


def _bounded(data: bytes) -> bytes:
    if len(data) > _LARGEST:
        raise _Unreadable(f"it is larger than {_LARGEST >> 20} MiB")
    return data


def _readable(uri: str) -> str:
    """How an address is called in messages: files of this machine by their path, relative where they lie below here."""
    replica = replica_of(uri) if uri.startswith("file:") else None
    if replica is None:
        return redacted(uri)
    path = "/" + replica.path
    here = os.getcwd().rstrip("/") + "/"
    return posixpath.relpath(path, here) if path.startswith(here) else path
