"""InitialWorkDirRequirement: what lies in the output directory before the command starts (CWL v1.2, CommandLineTool, section 5.9).

All its forms come down to items: data, a name, and whether the command may write to it. Names may lead into directories
below, never out of the output directory.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hyflow.cwl.addresses import split_name
from hyflow.cwl.expressions import Compiled
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.layout import literal, source_at
from hyflow.cwl.objects import described, well_formed
from hyflow.cwl.tool import Tool
from hyflow.errors import UnsupportedRequirement, WorkflowError
from hyflow.model.containers import Mount
from hyflow.model.places import Place
from hyflow.model.tasks import Stage, StageKind
from hyflow.model.values import Inputs, Value, is_data, walk_data

Data = dict[str, Any]
_LISTING = "requirements.InitialWorkDirRequirement.listing"


@dataclass(frozen=True, slots=True)
class Item:
    """Something to lay out as `name`, a path relative to the output directory."""

    data: Data
    name: str
    writable: bool


@dataclass(frozen=True, slots=True)
class _Dirent:
    entry: Compiled
    name: Compiled | None
    writable: bool


class WorkDir:
    """The requirement of one tool, compiled once. False where there is none."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self._requirement: Mapping[str, Any] | None = tool.requirements.get("InitialWorkDirRequirement")
        self._old = not tool.strict_contents

    def __bool__(self) -> bool:
        return self._requirement is not None

    @cached_property
    def _listing(self) -> Compiled | list[_Dirent | Compiled]:
        listing = (self._requirement or {}).get("listing") or []
        if isinstance(listing, str):
            return self._tool.compiled(listing, _LISTING)
        return [self._entry(item, f"{_LISTING}[{at}]") for at, item in enumerate(listing)]

    def _entry(self, item: Any, path: str) -> _Dirent | Compiled:
        if isinstance(item, dict) and "entry" in item:
            name = item.get("entryname")
            return _Dirent(self._tool.shaper.compiled(item["entry"], path + ".entry", strip=False),
                           None if name is None else self._tool.compiled(name, path + ".entryname"), bool(item.get("writable")))
        return self._tool.compiled(item, path)

    def items(self, inputs: Inputs, runtime: Mapping[str, Value]) -> list[Item]:
        """What to lay out for one job, in order. Raises WorkflowError."""
        try:
            return [self._checked(replace(item, data=_found(item.data, inputs))) for item in self._evaluated(inputs, runtime)]
        except WorkflowError as error:
            raise self._tool.within("InitialWorkDirRequirement", error, _LISTING) from error

    def _evaluated(self, inputs: Inputs, runtime: Mapping[str, Value]) -> Iterator[Item]:
        if isinstance(self._listing, Compiled):
            value = self._listing.evaluate(inputs, None, runtime)
            if not isinstance(value, list):
                raise WorkflowError(f"the listing must be a list, found {value!r:.200}")
            for entry in value:
                yield from self._result(entry, self._old)
            return
        for part in self._listing:
            if isinstance(part, _Dirent):
                yield from self._dirent(part, inputs, runtime)
            else:
                yield from self._result(part.evaluate(inputs, None, runtime), False)

    def _result(self, value: Value, whole: bool) -> Iterator[Item]:
        """The items of what an expression gave: data, a Dirent, nothing, or a list of these."""
        if value is None and not whole:
            return
        if isinstance(value, list) and not (whole and self._tool.version == "v1.0"):
            for item in value:
                yield from self._result(item, whole)
        elif is_data(value):
            yield Item(value, self._name_of(value), bool(value.get("writable")))
        elif isinstance(value, dict) and "entry" in value:
            yield from self._made(value["entry"], value.get("entryname"), bool(value.get("writable")))
        else:
            raise WorkflowError(f"expected a File, a Directory or a Dirent, found {value!r:.200}")

    def _dirent(self, dirent: _Dirent, inputs: Inputs, runtime: Mapping[str, Value]) -> Iterator[Item]:
        entry = dirent.entry.evaluate(inputs, None, runtime)
        if entry is None:
            return
        name = None if dirent.name is None else dirent.name.evaluate(inputs, None, runtime)
        if name is not None and not isinstance(name, str):
            raise WorkflowError(f"an entryname must be a string, found {name!r}")
        yield from self._made(entry, name, dirent.writable)

    def _made(self, entry: Value, name: str | None, writable: bool) -> Iterator[Item]:
        """The items of a Dirent whose fields were evaluated."""
        if isinstance(entry, list) and all(is_data(item) for item in entry) and (entry or name is None):
            if self._tool.version == "v1.0":
                raise WorkflowError("an entry cannot be a list in CWL v1.0")
            if name:
                raise WorkflowError("entryname cannot name several files")
            for item in entry:
                yield Item(item, self._name_of(item), writable)
        elif is_data(entry):
            yield Item(entry, name or self._name_of(entry), writable)
        elif not name:
            raise WorkflowError("an entry that is text needs an entryname")
        else:
            text = entry if isinstance(entry, str) else self._json(entry)
            yield Item({"class": "File", "contents": text}, name, writable)

    def _json(self, entry: Value) -> str:
        if self._old:
            raise WorkflowError(f"an entry must be text, a File or a Directory in CWL {self._tool.version}, found {entry!r:.200}",
                                hint="since v1.2 other values are written as JSON")
        return json.dumps(entry, sort_keys=True)

    def _name_of(self, data: Data) -> str:
        """The name that an object brings along; what is staged may be called a/b."""
        return str(data["basename"]) if data.get("basename") else described(data)["basename"]

    def _checked(self, item: Item) -> Item:
        name = posixpath.normpath(item.name)
        if name.startswith("/"):
            self._check_absolute(name)
        elif name.split("/")[0] in ("..", ".") or "\0" in name:
            raise WorkflowError(f"the name {item.name!r} leads out of the output directory")
        return replace(item, name=name)

    def _check_absolute(self, name: str) -> None:
        docker = self._tool.requirements.get("DockerRequirement")
        if self._old:
            raise WorkflowError(f"the name {name!r} must be relative in CWL {self._tool.version}")
        if docker is None or not docker["required"]:
            raise WorkflowError(f"the name {name!r} must be relative: only in a container that is required may it start with /")


def _found(data: Data, inputs: Inputs) -> Data:
    """The object with its address, where an expression gave only the path that an input has."""
    well_formed(data)
    if "path" in data and "location" not in data and "contents" not in data and "listing" not in data:
        known = next((item for item in walk_data(inputs) if item.get("path") == data["path"]), None)
        if known is None:
            raise WorkflowError(f"{data['path']} is the path of no input")
        return {**known, **data}
    return {**data, "listing": [_found(item, inputs) for item in data["listing"]]} if data.get("listing") else data


class WorkTree:
    """The output directory of one attempt as the items make it."""

    def __init__(self, place: Place, know: Knowledge, *, inplace: bool) -> None:
        self._place, self._know, self._inplace = place, know, inplace
        self._taken: dict[str, tuple[str | None, Stage]] = {}
        self._absolute: dict[str, str] = {}
        self.mounts: list[Mount] = []
        """What is to be seen in the container at absolute names."""
        self.moved: dict[str, str] = {}
        """Where what was at a path of the input tree, or at an address, is now for the command."""

    def lay(self, items: list[Item]) -> tuple[Stage, ...]:
        """What to stage, in order. Raises WorkflowError, Lacking."""
        self._know.each(lambda item: self._item(item.data, item.name, item.writable), items)
        return tuple(self._opened())

    def _item(self, data: Data, name: str, writable: bool) -> None:
        """One item with its secondary files beside it."""
        if name.startswith("/") and not self._place.contained:
            raise UnsupportedRequirement(f"{name!r} cannot be laid out: a name that starts with / needs a container")
        name = name.removeprefix(self._place.outdir + "/")
        self._put(data, name, writable)
        for other in data.get("secondaryFiles") or ():
            self._item(other, posixpath.join(posixpath.dirname(name), described(other)["basename"]), writable)

    def _put(self, data: Data, name: str, writable: bool) -> None:
        location = data.get("location")
        name = self._free(name, location)
        path = posixpath.join(self._place.outdir, name)
        for known in (data.get("path"), location):
            if known is not None:
                self.moved[known] = path
        if name in self._taken:
            return
        self._taken[name] = (location, self._stage(data, location, self._target(name, writable), writable))
        if location is None:
            for item in data.get("listing") or ():
                inner = item if "basename" in item else described(item)
                self._item(inner, f"{name}/{_single(inner['basename'])}", bool(item.get("writable", writable)))

    def _target(self, name: str, writable: bool) -> str:
        """Where something is staged: in the output directory, or for an absolute name among the inputs, from where it is mounted."""
        if not name.startswith("/"):
            return f"out/{name}"
        above = next((parent for parent in _parents(name) if parent in self._absolute), None)
        if above is not None:
            return f"{self._absolute[above]}{name[len(above):]}"
        target = self._absolute[name] = f"in/absolute/{len(self._absolute)}/{posixpath.basename(name)}"
        self.mounts.append(Mount(f"{self._place.dir}/{target}", name, writable))
        return target

    def _free(self, name: str, location: str | None) -> str:
        """`name`, or the first of name_2, name_3 ... that nothing else has."""
        free, number = name, 1
        while free in self._taken and (location is None or self._taken[free][0] != location):
            number += 1
            free = f"{name}_{number}"
        return free

    def _stage(self, data: Data, location: str | None, target: str, writable: bool) -> Stage:
        if location is None:
            return literal(data, target)
        kind = StageKind.COPY if writable and not self._inplace else StageKind.LINK
        return Stage(kind, target, source_at(location, self._place, self._know), directory=data["class"] == "Directory", writable=writable)

    def _opened(self) -> Iterator[Stage]:
        """The stages; a linked directory into which something else is laid is copied instead, so that its source stays as it is."""
        entered = {parent for name in self._taken for parent in _parents(name)}
        for name, (_, stage) in self._taken.items():
            yield replace(stage, kind=StageKind.COPY) if stage.kind is StageKind.LINK and name in entered else stage


def _parents(name: str) -> Iterator[str]:
    while (name := posixpath.dirname(name)) not in ("", "/"):
        yield name


def _single(name: Any) -> str:
    if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
        raise WorkflowError(f"{name!r} cannot be the name of a file in a directory")
    return name


def relocated(inputs: Inputs, moved: Mapping[str, str]) -> Inputs:
    """The inputs with the paths that staging into the output directory gave them."""
    return {name: _relocated(value, moved) for name, value in inputs.items()}


def _relocated(value: Value, moved: Mapping[str, str]) -> Value:
    if isinstance(value, list):
        return [_relocated(item, moved) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_data(value):
        return {name: _relocated(item, moved) for name, item in value.items()}
    path = moved.get(value["path"]) or moved.get(value.get("location", ""))
    made = value if path is None else at_path(value, path)
    for part in ("secondaryFiles", "listing"):
        if made.get(part):
            made = {**made, part: [_relocated(item, moved) for item in made[part]]}
    return made


def at_path(data: Data, path: str) -> Data:
    """A File or Directory object that lies at `path` now; what a directory holds moves with it."""
    directory, _, name = path.rpartition("/")
    made = {**data, "basename": name, "path": path}
    if made["class"] == "File":
        made["dirname"] = directory
        made["nameroot"], made["nameext"] = split_name(name)
    if data.get("listing"):
        made["listing"] = [at_path(item, f"{path}/{item['basename']}") for item in data["listing"]]
    return made
