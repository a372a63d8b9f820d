"""The output directory as the command saw it, and what its paths are called outside.

Plain entries have the attempt's own address; what a link leads to is what it was staged from. A link that leads anywhere else is
refused: nobody could find again what it shows.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from hyflow.cwl.addresses import path_uri, split_name, unquoted
from hyflow.errors import WorkflowError
from hyflow.model.places import Place
from hyflow.model.tasks import Entry, EntryKind, Manifest
from hyflow.model.values import Inputs, walk_data

Data = dict[str, Any]


class OutputError(WorkflowError):
    """An output is missing, ambiguous, or not where it may be."""


class View:
    """What one attempt left, by the paths that the command used."""

    def __init__(self, place: Place, manifest: Manifest, inputs: Inputs) -> None:
        self._place, self._manifest, self._inputs = place, manifest, inputs

    def has(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`, relative to the output directory."""
        return self._entry(path) is not None

    def at(self, path: str) -> Data:
        """The object at `path`, relative to the output directory, as expressions see it. Raises OutputError."""
        path = posixpath.normpath(path)
        entry = self._entry(path)
        if entry is None:
            raise OutputError(f"there is no {path} in the output directory")
        seen = self._place.outdir if path == "." else f"{self._place.outdir}/{path}"
        name = posixpath.basename(seen)
        location = self._address(entry)
        if entry.kind is EntryKind.DIRECTORY:
            return {"class": "Directory", "location": location, "path": seen, "basename": name}
        root, extension = split_name(name)
        made: Data = {"class": "File", "location": location, "path": seen, "dirname": posixpath.dirname(seen), "basename": name,
                      "nameroot": root, "nameext": extension, "size": entry.size}
        if entry.sha1 is not None:
            made["checksum"] = f"sha1${entry.sha1}"
        return made

    def contents(self, path: str) -> bytes | None:
        """The first bytes of a file, where they were collected."""
        entry = self._entry(path)
        return None if entry is None else entry.contents

    def listing(self, path: str, deep: bool) -> list[Data]:
        """What the directory at `path` holds, with what lies below where `deep`."""
        prefix = "" if path == "." else path + "/"
        made = []
        for name in self._below.get(path, ()):
            data = self.at(prefix + name)
            if deep and data["class"] == "Directory":
                data["listing"] = self.listing(prefix + name, True)
            made.append(data)
        return made

    def find(self, address: str) -> tuple[str | None, Data | None]:
        """What a path or an address that the command or an expression gave means.

        Either a path relative to the output directory, or an input (or what lies inside one). Raises OutputError for any other
        place of the machine; (None, None) for an address of another kind, which stands for itself.
        """
        if "://" in address and (inside := self._own(address)) is not None:
            return inside, None
        path = unquoted(urlsplit(address).path) if address.startswith("file://") else address
        if "://" in path:
            return None, None
        outdir = self._place.outdir
        whole = posixpath.normpath(posixpath.join(outdir, path))
        if whole == outdir or whole.startswith(outdir + "/"):
            return whole[len(outdir) + 1:] or ".", None
        known = self._input(whole)
        if known is not None:
            return None, known
        if self._staged(address):
            return None, None
        raise OutputError(f"{address} lies neither in the output directory nor among the inputs")

    def _staged(self, address: str) -> bool:
        """Whether an address is that of an input, or lies inside one."""
        if "/../" in unquoted(address) + "/":
            return False
        while "/" in address:
            if address in self._place.sources or address in self._addresses:
                return True
            address = address.rpartition("/")[0]
        return False

    def _own(self, address: str) -> str | None:
        """The path below the output directory that an address of this attempt means."""
        base = self._place.uri + "/out"
        if address == base:
            return "."
        return unquoted(address[len(base) + 1:]) if address.startswith(base + "/") else None

    def _entry(self, path: str) -> Entry | None:
        if path == ".":
            return Entry(".", EntryKind.DIRECTORY)
        entry = self._manifest.entries.get(path)
        return entry if entry is not None and entry.kind in (EntryKind.FILE, EntryKind.DIRECTORY) else None

    def _address(self, entry: Entry) -> str:
        if entry.real is None:
            return path_uri(self._place.uri + "/out", entry.path)
        inner = ""
        path = entry.real
        while path != "/":
            uri = self._place.uri if path == self._place.dir else self._origins.get(path)
            if uri is not None:
                return path_uri(uri, inner) if inner else uri
            path, _, name = path.rpartition("/")
            path, inner = path or "/", f"{name}/{inner}" if inner else name
        raise OutputError(f"{entry.path} is a link that leads outside, to {entry.real}", hint="copy what it shows, or stage it as an input")

    @cached_property
    def _origins(self) -> Mapping[str, str]:
        """The address of each staged source, by its path."""
        return {path: uri for uri, path in self._place.sources.items()}

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(str(data["location"]) for data in walk_data(self._inputs) if "location" in data)

    @cached_property
    def _paths(self) -> Mapping[str, Data]:
        return {data["path"]: data for data in walk_data(self._inputs) if "path" in data}

    def _input(self, path: str) -> Data | None:
        """The input at a path of the command's view, or what lies inside an input directory."""
        inner, outer = "", path
        while outer not in ("/", ""):
            data = self._paths.get(outer)
            if data is not None:
                if not inner:
                    return data
                return {"location": path_uri(data["location"], inner), "basename": posixpath.basename(path)} if "location" in data else None
            outer, _, name = outer.rpartition("/")
            inner = f"{name}/{inner}" if inner else name
        return None

    @cached_property
    def _below(self) -> Mapping[str, Iterable[str]]:
        """The names in each directory, in order."""
        names: dict[str, list[str]] = {}
        for path in sorted(self._manifest.entries):
            if self.has(path):
                parent, _, name = path.rpartition("/")
                names.setdefault(parent or ".", []).append(name)
        return names
