"""What makes two jobs the same: the tool, all inputs by content, and what the command runs in.

Pure. An identity consists of named parts, so that a difference can be told in words. Knows neither how digests come about nor where
results are kept. What cannot be known (a digest that nobody has) makes no identity: in doubt two jobs are not the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from hyflow.model.values import Inputs, Value, is_data

FORMAT = 1
"""Of identities. Raised whenever the same job would be given another one, or would be run in another way."""

Digests: TypeAlias = Mapping[str, str]
"""SHA-256 in hex, by address: of a file its contents, of a directory the whole tree."""

_ADDRESSES = frozenset({"location", "path", "dirname", "checksum"})
"""What says where a copy lies, or what somebody says it holds: that proves nothing."""
_NAMED = frozenset({"class", "basename", "nameroot", "nameext"})
"""What is told in its own way, or follows from the name."""
_INPUT = "input "
_encoder = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_WORDS = {
    "tool": "the tool", "image": "the container image", "container": "whether it runs in a container",
    "options": "the options of its container", "site": "the site", "binding": "the options of its binding",
    "modules": "the environment modules", "path": "the PATH", "executable": "the executable", "runtime": "the resources that it reads",
}


@dataclass(frozen=True)
class Nature:
    """A tool as jobs are told apart by it; all jobs of a tool share one.

    `document`: all of it that bears on results, as plain data. `defaults`: what stands in for an input that is null or missing.
    `looks`: which of the words "location" and "checksum" its expressions look at in files; they count then as well.
    """

    document: Value
    defaults: Mapping[str, Value] = field(default_factory=dict)
    looks: frozenset[str] = frozenset()

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The addresses that the document itself names."""
        return tuple(dict.fromkeys(_sources(self.document)))

    def digest(self, digests: Digests) -> str:
        """Raises KeyError for one of `sources` without a digest."""
        return _digest(_plain(self.document, digests, self.looks)) if self.sources else self._fixed

    @cached_property
    def _fixed(self) -> str:
        return _digest(_plain(self.document, {}, self.looks))


@dataclass(frozen=True)
class Contained:
    """The command runs in a container of the image with this digest; `options`: what a deployment adds to how it is started."""

    image: str
    options: tuple[str, ...] = ()

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """Of the identities of all jobs that run so."""
        options = {"options": _digest(list(self.options))} if self.options else {}
        return {"image": _digest(self.image), **options}


@dataclass(frozen=True)
class Bare:
    """The command runs with what a site has: `site` says which one and how its jobs are started, `modules` which environment modules
    are loaded, `path` where commands are looked for, `executable` the fingerprint of what is started, `options` what the deployment says of
    the job in the words of the site (the machines of two partitions may differ). Plain values."""

    site: Value
    modules: Value
    path: str
    executable: str
    options: Mapping[str, Value] = field(default_factory=dict)

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """Of the identities of all jobs that run so."""
        named = {"site": self.site, "modules": self.modules, "path": self.path, "executable": self.executable}
        said = {"binding": dict(self.options)} if self.options else {}
        return {name: _digest(value) for name, value in {**named, **said}.items()}


@dataclass(frozen=True)
class Identity:
    """Two jobs with the same key are the same. `parts`: SHA-256 in hex, by name: "tool", "input NAME", "image" ..."""

    parts: Mapping[str, str]

    @cached_property
    def key(self) -> str:
        """SHA-256 in hex."""
        return _digest([FORMAT, self.parts])


def wanted(nature: Nature, inputs: Inputs) -> tuple[str, ...]:
    """The addresses whose digests `identity` needs."""
    found = list(nature.sources)
    for value in _given(nature, inputs).values():
        _collect(value, found)
    return tuple(dict.fromkeys(found))


def identity(
    nature: Nature, inputs: Inputs, digests: Digests, within: Contained | Bare, runtime: Mapping[str, Value] | None = None
) -> Identity:
    """The identity of a job. `inputs` as they are prepared for its expressions, with names, sizes and secondary files; `runtime`: the
    amounts that `runtime` will show, where the tool looks at them. Raises KeyError for an address without a digest."""
    parts = {"tool": nature.digest(digests)}
    for name, value in _given(nature, inputs).items():
        parts[_INPUT + name] = _digest(_plain(value, digests, nature.looks))
    parts.update(within.parts)
    if runtime is not None:
        parts["runtime"] = _digest(dict(runtime))
    return Identity(parts)


def differences(ours: Identity, theirs: Identity) -> tuple[str, ...]:
    """What is not the same, in words: "the tool", "the input reads", ... Empty for identities with one key."""
    one, other = ours.parts, theirs.parts
    names = [*one, *other]
    if ("image" in one) != ("image" in other):  # what only one of the two ways to run has is no difference of its own
        names = ["container", *(name for name in names if name.startswith(_INPUT) or (name in one and name in other))]
        one, other = ({**parts, "container": str("image" in parts)} for parts in (one, other))
    return tuple(_told(name) for name in dict.fromkeys(names) if one.get(name) != other.get(name))


def canonical(value: Value) -> bytes:
    """The text of a JSON value: one for each value, whatever the order of its keys. Lone surrogates stay what they are."""
    return _encoder.encode(value).encode("utf-8", "surrogatepass")


def _digest(value: Value) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _told(name: str) -> str:
    return f"the input {name.removeprefix(_INPUT)}" if name.startswith(_INPUT) else _WORDS[name]


def _given(nature: Nature, inputs: Inputs) -> Inputs:
    """The inputs with the defaults of those that are null or missing."""
    lacking = {name: value for name, value in nature.defaults.items() if inputs.get(name) is None}
    return {**inputs, **lacking} if lacking else inputs


# -- addresses --------------------------------------------------------------------------------------------------------


def _sources(value: Value) -> list[str]:
    found: list[str] = []
    _collect(value, found)
    return found


def _collect(value: Value, found: list[str]) -> None:
    """The address of every file and directory in `value`; what lies inside of a directory goes with it."""
    if isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        location = value.get("location") if is_data(value) else None
        if isinstance(location, str):
            found.append(location)
        for word, item in value.items():
            if word == "listing" and isinstance(location, str) and isinstance(item, list):
                _collect_outside(item, location, found)
            else:
                _collect(item, found)


def _collect_outside(listing: list[Value], directory: str, found: list[str]) -> None:
    """The addresses in the listing of a directory that lie elsewhere."""
    for item in listing:
        if is_data(item) and _below(item, directory) is not None:
            _collect([other for word, other in item.items() if word != "listing"], found)
            inner = item.get("listing")
            _collect_outside(inner if isinstance(inner, list) else [], directory, found)
        else:
            _collect(item, found)


def _below(data: dict[str, Value], directory: str) -> str | None:
    """Where in the tree of the directory's address the data lies, None when it lies elsewhere."""
    location, above = data.get("location"), directory.rstrip("/") + "/"
    if not isinstance(location, str) or not location.startswith(above):
        return None
    inner = location[len(above):]
    return None if b".." in unquote_to_bytes(inner).split(b"/") else inner


# -- values without addresses -----------------------------------------------------------------------------------------


def _plain(value: Value, digests: Digests, looks: frozenset[str]) -> Value:
    """`value` with all data by its contents. Raises KeyError for an address without a digest."""
    if isinstance(value, dict):
        if is_data(value):
            return _data(value, digests, looks)
        return {name: _plain(item, digests, looks) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, digests, looks) for item in value]
    return value


def _data(data: dict[str, Value], digests: Digests, looks: frozenset[str], inside: str | None = None) -> Value:
    """One File or Directory. `inside`: the address of the directory in whose tree it may lie."""
    location = data.get("location")
    at = None if inside is None else _below(data, inside)
    made: dict[str, Value] = {"class": data["class"], "name": data.get("basename") or _name(location)}
    if at is not None:
        made["at"] = at
    elif isinstance(location, str):
        made["sha256"] = digests[location]
    others = {word: _plain(item, digests, looks) for word, item in data.items()
              if word not in _NAMED and word != "listing" and not (word in _ADDRESSES and isinstance(item, str) and word not in looks)}
    if "listing" in data:
        above, listed = inside if at is not None else location, data["listing"]
        others["listing"] = [_data(item, digests, looks, above) if is_data(item) else _plain(item, digests, looks)
                             for item in listed] if isinstance(listed, list) else _plain(listed, digests, looks)
    if others:
        made["with"] = others
    return made


def _name(location: Value) -> str:
    """The name that an address gives to what has none of its own."""
    return os.fsdecode(unquote_to_bytes(posixpath.basename(location.rstrip("/")))) if isinstance(location, str) else ""
