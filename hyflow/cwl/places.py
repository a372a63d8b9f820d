"""Where the fields of a process stand in its document, kept beside the compiled process for whoever has to tell a mistake.

A field has a path: "stdout", "arguments[1]", "inputs.reads.valueFrom", "outputs.plot.glob[0]", "requirements.ToolTimeLimit.timelimit",
"in.text.valueFrom", "when". The fields of bindings stand directly below their parameter, the items of an array below `items`, the
fields of a record by their name, steps as "steps.NAME"; "" is the process itself. A place is [line, column] from 1, with the file as a
third where it is another than that of the process. Where an expression begins inside its text is looked up in the document.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hyflow.cwl.addresses import file_uri, shown
from hyflow.cwl.proofreading import Written
from hyflow.cwl.requirements import OLD_NAMES
from hyflow.errors import Where

Place: TypeAlias = list[Any]
Places: TypeAlias = dict[str, Place]
_SILENT = frozenset({
    "class", "cwlVersion", "doc", "hints", "id", "in", "inputs", "label", "name", "out", "outputs", "requirements", "run", "steps",
})
"""What is noted in ways of its own, or never in a message."""
_EXPRESSIVE = frozenset({
    "arguments", "coresMax", "coresMin", "cudaDeviceCountMin", "enableReuse", "entry", "entryname", "envValue", "expression", "format",
    "glob",
    "listing", "networkAccess", "outdirMax", "outdirMin", "outputEval", "pattern", "position", "ramMax", "ramMin", "required", "stderr",
    "stdin", "stdout", "timelimit", "tmpdirMax", "tmpdirMin", "valueFrom", "when",
})
"""The fields that are evaluated."""
_ITEM = re.compile(r"(\[\d+\])+$")
_EXPRESSION = re.compile(r"\$[({]")
_INSIDE = re.compile(r"(?:\.[^.\[]*|\[\d+\])$")


def where(file: str, places: Mapping[str, Place], path: str = "") -> Where | str | None:
    """Where the field at `path` stands, or else the nearest part around it; `file` is the document's address or absolute path."""
    while True:
        if (place := places.get(path)) is not None:
            line, column, *other = place
            return Where(shown(other[0] if other else file), line, column)
        if not path:
            return shown(file) if file else None
        path = _around(path)


def where_of(item: Any) -> Where | str | None:
    """Where a part of a loaded document stands, as far as it is known."""
    place = place_of(item)
    return where(file_of(item), {} if place is None else {"": place})


def file_of(item: Any) -> str:
    """The absolute path, or the address, of the document that a part of it stands in; empty where it is not known."""
    name = str(getattr(getattr(item, "lc", None), "filename", None) or "")
    if not name:
        return ""
    return name if "://" in name else _absolute(name, os.getcwd())  # schema-salad gives paths relative to here


@lru_cache(maxsize=1024)
def _absolute(name: str, here: str) -> str:
    return os.path.normpath(os.path.join(here, name))


def place_of(item: Any) -> Place | None:
    """[line, column] of a part of a document: of its name where it has one."""
    mark = getattr(item, "lc", None)
    data = getattr(mark, "data", None) or {}
    for word in ("id", "name", "class", "envName"):  # what stands as a key in a map by name
        if word in data and isinstance(item, Mapping) and mark is not None and (mark.line is None or data[word][0] <= mark.line):
            return [data[word][0] + 1, data[word][1] + 1]
    line, column = getattr(mark, "line", None), getattr(mark, "col", None)
    return [line + 1, column + 1] if isinstance(line, int) and isinstance(column, int) else None


class Surveyor:
    """Finds the places of processes. `texts`: the documents by address."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, Sequence[str]] = {}

    def process(self, loaded: Any) -> Survey:
        """The places of a process that cwltool has loaded, with those of the requirements that hold for it from around it."""
        tool = loaded.tool
        survey = Survey(self, file_of(tool), own=[*(tool.get("requirements") or ()), *(tool.get("hints") or ())])
        survey.note("", tool)
        for word in ("inputs", "outputs"):
            survey.parameters(word, tool[word])
        survey.fields("", tool)
        for entry in [*loaded.hints, *loaded.requirements]:
            survey.requirement(entry)
        return survey

    def step(self, loaded: Any) -> Survey:
        """The places of what a step itself says."""
        survey = Survey(self, file_of(loaded.tool))
        survey.step("", loaded.tool)
        for entry in [*loaded.hints, *loaded.requirements]:
            survey.requirement(entry)
        return survey

    def workflow(self, loaded: Any) -> Places:
        """The places of a workflow's steps ("steps.NAME", "steps.NAME.scatter", "steps.NAME.in.PORT") and outputs."""
        tool = loaded.tool
        survey = Survey(self, file_of(tool))
        survey.note("", tool)
        survey.parameters("outputs", tool["outputs"])
        for step in tool["steps"]:
            survey.step(f"steps.{_short(step['id'])}", step)
        return survey.found

    def knows(self, file: str) -> bool:
        """Whether a file is one of the documents."""
        return file in self._texts or file_uri(file) in self._texts

    def expression(self, file: str, place: Place) -> Place:
        """Where the first expression begins of the value at `place`; the place itself where there is none to be seen."""
        lines = self.lines(file)
        line, column = place[0], place[1]
        for number in range(line, min(len(lines), line + 1000) + 1):
            text = lines[number - 1]
            start = column - 1 if number == line else 0
            if number == line and text[start:start + 1] == "*":
                break  # an alias: the text stands elsewhere
            if (found := _EXPRESSION.search(text, start)) is not None:
                return [number, found.start() + 1]
        return place

    def lines(self, file: str) -> Sequence[str]:
        """The lines of a document."""
        lines = self._lines.get(file)
        if lines is None:
            text = self._texts.get(file) or self._texts.get(file_uri(file)) or ""
            lines = self._lines[file] = text.split("\n")
        return lines


class Survey:
    """The places found so far in one process, which stands in `file`; `written` is what it says in expressions.

    `own` are the requirements that stand in the process itself: those from around it are read where they stand.
    """

    def __init__(self, surveyor: Surveyor, file: str, own: Sequence[Any] = ()) -> None:
        self.found: Places = {}
        self.written: list[Written] = []
        self.library: list[Written] = []
        self._surveyor, self._file, self._own = surveyor, file, {id(entry) for entry in own}
        self._foreign = False

    def note(self, path: str, item: Any) -> None:
        """The place of a part that is an object or a list."""
        place = place_of(item)
        if place is not None:
            self._put(path, place, file_of(item))

    def parameters(self, path: str, listed: Any) -> None:
        for item in listed:
            if isinstance(item, Mapping):
                self._parameter(f"{path}.{_short(item.get('id') or item.get('name'))}", item)

    def step(self, path: str, step: Mapping[str, Any]) -> None:
        """What a step itself says, below `path`."""
        prefix = f"{path}." if path else ""
        self.note(path, step)
        self.parameters(f"{prefix}in", step["in"])
        self.fields(prefix, step)

    def requirement(self, entry: Any) -> None:
        """Those of the innermost instance stay: they come last."""
        path = f"requirements.{_short(OLD_NAMES.get(str(entry['class']), entry['class']))}"
        for known in [each for each in self.found if each == path or each.startswith((path + ".", path + "["))]:
            del self.found[known]
        self.note(path, entry)
        self._foreign = id(entry) not in self._own
        self.fields(path + ".", entry)
        self._foreign = False

    def fields(self, prefix: str, item: Mapping[str, Any]) -> None:
        """All that an object says beside what has a name of its own."""
        for key, value in item.items():
            if key not in _SILENT and "://" not in key and not key.startswith("$") and key != "types":
                self._value(prefix + key, value, item, key)

    def _parameter(self, path: str, item: Mapping[str, Any]) -> None:
        """A parameter or a record's field, with its bindings and its type."""
        self.note(path, item)
        self._details(path, item)

    def _details(self, path: str, item: Mapping[str, Any]) -> None:
        for key, value in item.items():
            match key:
                case "inputBinding" | "outputBinding":
                    if isinstance(value, Mapping):
                        self.fields(path + ".", value)
                case "type" | "items":
                    inner = path if key == "type" else f"{path}.items"
                    self._value(f"{path}.{key}", value, item, key, deep=False)
                    self._type(inner, value)
                case "fields":
                    self.parameters(path, value if isinstance(value, list) else ())
                case _ if key not in _SILENT and key != "symbols":
                    self._value(f"{path}.{key}", value, item, key, deep=key != "default")

    def _type(self, path: str, value: Any) -> None:
        if isinstance(value, Mapping):
            self._details(path, value)
        for option in value if isinstance(value, list) else ():
            self._type(path, option)

    def _value(self, path: str, value: Any, around: Any, key: Any, deep: bool = True) -> None:
        """A field, and what is in it."""
        data = (getattr(getattr(around, "lc", None), "data", None) or {}).get(key)
        if data is not None:
            place = [number + 1 for number in data[-2:]]
            exactly = self._exactly(value, place, around)
            self._put(path, exactly, file_of(around))
            if isinstance(value, str) and not self._foreign:
                self._read(path, value, exactly, file_of(around) or self._file)
        if deep and isinstance(value, Mapping):
            for name, part in value.items():
                self._value(f"{path}.{name}", part, value, name)
        elif deep and isinstance(value, list):
            for at, part in enumerate(value):
                named = isinstance(part, Mapping) and part.get("envName")
                self._value(f"{path}.{named}" if named else f"{path}[{at}]", part, value, at)

    def _read(self, path: str, text: str, place: Place, file: str) -> None:
        """Keep what is an expression, or a part of an expressionLib."""
        name = _ITEM.sub("", path).rpartition(".")[2]
        kept = self.library if name == "expressionLib" else self.written if name in _EXPRESSIVE and ("$(" in text or "${" in text) else None
        if kept is not None and self._surveyor.knows(file):
            kept.append(Written(str(text), Where(file, place[0], place[1]), self._surveyor.lines(file)))

    def _exactly(self, value: Any, place: Place, around: Any) -> Place:
        if isinstance(value, str) and ("$(" in value or "${" in value):
            return self._surveyor.expression(file_of(around) or self._file, place)
        return place

    def _put(self, path: str, place: Place, file: str) -> None:
        """What cwltool made stands nowhere; what stands where the part around it does need not be said."""
        if file and file != self._file:
            if not self._surveyor.knows(file):
                return
            place = [*place, file]
        if not path or self.found.get(_around(path)) != place:
            self.found[path] = place


def _around(path: str) -> str:
    """The path of the part around a field; of what has none, the process."""
    return _INSIDE.sub("", path) if _INSIDE.search(path) else ""


def _short(identifier: Any) -> str:
    return str(identifier or "").rpartition("#")[2].rpartition("/")[2]

