"""File and Directory objects as users write them, brought into the form that tokens have (see `model.values`).

`location` becomes an absolute address, `path` a location, `basename` is filled in; what can be derived (`nameroot`,
`dirname`...) is dropped. Knows addresses and names; looks at no disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from hyflow.cwl.marks import Path
from hyflow.model.places import HERE, Replica, redacted
from hyflow.model.values import Value, is_data

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOTHING = "file:///dev/null"
_DERIVED = ("path", "dirname", "nameroot", "nameext")


class Misplaced(Exception):
    """A File or Directory object that cannot be: what is wrong, the path to it, what to do. Translated by whoever knows the document."""

    def __init__(self, what: str, path: Path, hint: str | None = None) -> None:
        super().__init__(what)
        self.what, self.path, self.hint = what, path, hint


@dataclass(frozen=True, slots=True)
class Placing:
    """Places objects of the document at address `base` (relative locations are meant from there).

    Where `wrong` is a mapping, what cannot be is noted there by its path and left as it is; otherwise the first is raised.
    """

    base: str
    wrong: dict[Path, Misplaced] | None = None

    def place(self, value: Value, path: Path = ()) -> Value:
        """`value` with every File and Directory inside placed; what holds none is shared. Raises Misplaced."""
        if isinstance(value, dict):
            if is_data(value):
                return self._noted(value, path)
            return {name: self.place(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            if all(isinstance(item, str) for item in value):
                return value
            return [self.place(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _noted(self, value: dict[str, Value], path: Path) -> dict[str, Value]:
        try:
            return self._data(value, path)
        except Misplaced as error:
            if self.wrong is None:
                raise
            self.wrong.setdefault(error.path, error)
            return value

    def _data(self, value: dict[str, Value], path: Path) -> dict[str, Value]:
        made = {name: item for name, item in value.items() if name not in _DERIVED and item is not None}
        location = self._location(value, path)
        try:
            urlsplit(location or "")
        except ValueError as error:
            raise Misplaced(f"{redacted(location or '')!r} is no address", _written(value, path)) from error
        made.pop("location", None)
        if location == _NOTHING and value["class"] == "File":  # an empty file by its other name; elsewhere it would not be one
            location, made["contents"] = None, ""
            made.setdefault("basename", "null")
        if location is not None:
            made["location"] = location
        for part in ("secondaryFiles", "listing"):
            if part in made:
                made[part] = self._parts(made[part], (*path, part))
        made["basename"] = _basename(made, path)
        return made

    def _parts(self, parts: Value, path: Path) -> Value:
        if not isinstance(parts, list) or not all(is_data(part) for part in parts):
            raise Misplaced(f"{path[-1]} must be a list of File and Directory objects", path, "as in [{class: File, path: FILE}]")
        return [self._noted(part, (*path, index)) for index, part in enumerate(parts)]

    def _location(self, value: dict[str, Value], path: Path) -> str | None:
        """The absolute address of an object, or None for a literal."""
        word = "location" if value.get("location") is not None else "path"
        written = value.get(word) or ""
        if not isinstance(written, str):
            raise Misplaced(f"{word} must be a string", (*path, word))
        literal = "contents" if value["class"] == "File" else "listing"
        if not written or written.startswith("_:"):
            if value.get(literal) is None:
                raise Misplaced(f"a {value['class']} needs a location, a path or (as a literal) {literal}", path,
                                f"as in {{class: {value['class']}, path: {value['class'].upper()}}}")
            if literal == "contents" and not isinstance(value[literal], str):
                raise Misplaced("contents must be a string", (*path, "contents"), "put it in quotes")
            return None
        if "\0" in written or (word == "location" and "%00" in written):
            raise Misplaced(f"{word} holds a NUL character, which no name can hold", (*path, word))
        place = self._absolute(written, word == "path", (*path, word))
        if place.endswith("/") and value["class"] == "File":
            raise Misplaced(f"the location {written} of a File ends in a slash", (*path, word), "a directory has class: Directory")
        return place.rstrip("/") or place

    def _absolute(self, written: str, plain: bool, path: Path) -> str:
        """`written` as an absolute address; `plain`: it is a path and not an address, percent signs mean themselves."""
        remote = self.base.startswith(("http:", "https:"))
        if written.startswith("file:") and (not plain or _SCHEME.match(written)):
            parts = urlsplit(written)
            if remote:
                raise Misplaced(f"a remote document may not name the local file {written}", path)
            if parts.netloc not in ("", "localhost"):
                raise Misplaced(f"{written} lies on another machine ({parts.netloc})", path, "a file of this machine is file:///PATH")
            return _local("/", unquote_to_bytes(_after_authority(written)))
        if _SCHEME.match(written):
            return written
        if remote:
            return urljoin(self.base, quote(os.fsencode(written)) if plain else written)
        folder = os.fsdecode(unquote_to_bytes(posixpath.dirname(_after_authority(self.base))))
        return _local(folder, os.fsencode(written) if plain else unquote_to_bytes(written.encode("utf-8", "surrogateescape")))


def _written(value: dict[str, Value], path: Path) -> Path:
    return (*path, "location" if value.get("location") is not None else "path")


def file_uri(path: str) -> str:
    """The address of a file of this machine, by its path (relative: to the working directory)."""
    return _local(os.getcwd(), os.fsencode(path))


def _local(folder: str, path: bytes) -> str:
    """The address of a path of this machine, `..` and `//` resolved by the text alone; a slash at the end stays."""
    whole = os.fsdecode(path) if path.startswith(b"/") else posixpath.join(folder, os.fsdecode(path))
    slash = "/" if whole.endswith("/") else ""
    return Replica(HERE, posixpath.normpath(whole).lstrip("/")).uri + slash


def _after_authority(uri: str) -> str:
    """All of a file: address after file: or file://HOST. Question marks and number signs belong to the name."""
    rest = uri.removeprefix("file:")
    return "/" + rest[2:].partition("/")[2] if rest.startswith("//") else rest


def _basename(value: dict[str, Value], path: Path) -> str:
    name = value.get("basename")
    if name is None or name == "":
        own = _own_name(value)
        if _is_no_name(own):
            raise Misplaced(f"{redacted(value['location'])} gives no name that a file can have", path, "say a basename beside it")
        return own
    if not isinstance(name, str) or _is_no_name(name):
        shown = repr(name) if isinstance(name, str) else "this"
        raise Misplaced(f"{shown} cannot be a basename", (*path, "basename"), "it must be text without slashes, and neither . nor ..")
    return name


def _is_no_name(name: str) -> bool:
    return "/" in name or "\0" in name or name in (".", "..")


def _own_name(value: dict[str, Value]) -> str:
    """The name that a location says; for a literal one that its contents say, so that it is the same in every run."""
    location = value.get("location")
    if location is None:
        content = json.dumps(value.get("contents", value.get("listing")), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]
    path = location if location.startswith(("file:", "site:")) else urlsplit(location).path
    return os.fsdecode(unquote_to_bytes(posixpath.basename(path))) or "root"
