"""Where a job's inputs are laid out: each File and Directory in a directory of its own below `in`, with what belongs to it; of a
list of very many those that have different names together in one.

Makes the list of what to stage and gives every object the path that the command will see. Knows no disk: where a source lies
at the place comes from `Place.sources`, and what is not there is asked for.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from hyflow.cwl.addresses import checked_name, unquoted
from hyflow.cwl.knowledge import Knowledge, Lacking
from hyflow.errors import WorkflowError
from hyflow.model.facts import Fact, Localize
from hyflow.model.places import Place
from hyflow.model.tasks import Stage, StageKind
from hyflow.model.values import Inputs, Value, is_data

Data = dict[str, Any]

_MANY = 1000
"""From how many files in a list on they share a directory."""


class Layout:
    """The input tree of one attempt. After `inputs`, `stages` says what to lay out."""

    def __init__(self, place: Place, know: Knowledge) -> None:
        self._place, self._know = place, know
        self._count = 0
        self._lacking: set[Fact] = set()
        self.stages: list[Stage] = []

    def inputs(self, inputs: Inputs) -> Inputs:
        """The inputs with `path` and `dirname` in every file and directory. Raises WorkflowError, Lacking."""
        made = {name: self._value(value) for name, value in inputs.items()}
        if self._lacking:
            raise Lacking(frozenset(self._lacking))
        return made

    def _value(self, value: Value) -> Value:
        if isinstance(value, dict):
            if is_data(value):
                self._count += 1
                return self._rooted(value)
            return {name: self._value(item) for name, item in value.items()}
        if isinstance(value, list):
            return self._many(value) if len(value) > _MANY else [self._value(item) for item in value]
        return value

    def _many(self, items: list[Value]) -> list[Value]:
        """A long list, whose files share one directory where their names allow it: a directory for each costs more than all else."""
        self._count += 1
        directory, taken = str(self._count), dict[str, str | None]()
        return [self._laid(item, directory, taken) if is_data(item) and not item.get("secondaryFiles") and item["basename"] not in taken
                else self._value(item) for item in items]

    def _rooted(self, data: Data) -> Data:
        """One object with its secondary files, in a directory of their own."""
        directory = str(self._count)
        taken: dict[str, str | None] = {}
        made = self._laid(data, directory, taken)
        if data.get("secondaryFiles"):
            made["secondaryFiles"] = [self._laid(item, directory, taken) for item in data["secondaryFiles"]]
        return made

    def _laid(self, data: Data, directory: str, taken: dict[str, str | None]) -> Data:
        """One object in `directory` (relative to `in`); `taken` are the names there, with the source of each."""
        name = checked_name(data["basename"])
        location = data.get("location")
        target = f"{directory}/{name}"
        if name not in taken:
            self._stage(data, location, f"in/{target}")
        elif location is None or taken[name] != location:
            raise WorkflowError(f"two files called {name} belong into one directory", hint="give one of them another basename")
        taken[name] = location
        path = f"{self._place.indir}/{target}"
        made = {**data, "path": path, "dirname": posixpath.dirname(path)} if data["class"] == "File" else {**data, "path": path}
        if data.get("listing"):
            made["listing"] = below(data["listing"], path) if location is not None else self._children(data["listing"], target)
        if data.get("secondaryFiles") and directory.count("/"):  # of a file inside a literal directory
            made["secondaryFiles"] = [self._laid(item, directory, taken) for item in data["secondaryFiles"]]
        return made

    def _children(self, listing: Iterable[Data], directory: str) -> list[Data]:
        taken: dict[str, str | None] = {}
        return [self._laid(item, directory, taken) for item in listing]

    def _stage(self, data: Data, location: str | None, target: str) -> None:
        if location is None:
            self.stages.append(literal(data, target))
            return
        try:
            source = source_at(location, self._place, self._know)
            self.stages.append(Stage(StageKind.LINK, target, source, directory=data["class"] == "Directory"))
        except Lacking as lack:
            self._lacking |= lack.facts


def literal(data: Data, target: str) -> Stage:
    """How a literal comes to be."""
    if data["class"] == "Directory":
        return Stage(StageKind.MKDIR, target)
    return Stage(StageKind.WRITE, target, text=str(data.get("contents", "")))


def below(listing: Iterable[Data], directory: str) -> list[Data]:
    """The objects of a listing with their paths inside `directory`, which is there as a whole."""
    made = []
    for item in listing:
        path = f"{directory}/{item['basename']}"
        data = {**item, "path": path, "dirname": directory} if item["class"] == "File" else {**item, "path": path}
        if item.get("listing"):
            data["listing"] = below(item["listing"], path)
        if item.get("secondaryFiles"):
            data["secondaryFiles"] = below(item["secondaryFiles"], directory)
        made.append(data)
    return made


def source_at(location: str, place: Place, know: Knowledge) -> str:
    """The absolute path at the place of the data at an address: staged itself, or inside something that is. Raises Lacking."""
    path = place.sources.get(location)
    if path is not None:
        return path
    outer = location
    while (at := outer.rfind("/")) > outer.find("://") + 2:
        outer = outer[:at]
        path = place.sources.get(outer) or place.sources.get(outer + "/")
        if path is not None and ".." not in (inner := unquoted(location[at + 1:])).split("/"):
            return posixpath.join(path, inner)
    return str(know.ask(Localize(location)))
