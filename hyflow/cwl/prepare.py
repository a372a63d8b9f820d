"""Inputs as expressions and commands shall see them: defaults, names, sizes, contents, listings, formats, types.

What it cannot know it asks for (`Knowledge`); several questions go together. Paths are given later, when a place is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyflow.cwl import types
from hyflow.cwl.addresses import basename_of, shown, sibling
from hyflow.cwl.formats import formats_match
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.objects import data_at, described, loaded, with_listing
from hyflow.cwl.secondary import needed, wanted_names
from hyflow.cwl.shapes import NONE, Details, Pattern, Port, Shape
from hyflow.cwl.tool import Signature
from hyflow.errors import Where, WorkflowError
from hyflow.model.facts import Contents, Found, Stat
from hyflow.model.values import Inputs, Value, is_data

Data = dict[str, Any]


def prepare(signature: Signature, inputs: Inputs, know: Knowledge) -> Inputs:
    """The inputs of one job, complete and checked; of what is given, only what the process takes. Raises WorkflowError, Lacking."""
    return Preparation(signature, know).all(inputs)


class Unfit(WorkflowError):
    """Something about one file, at `location`, is not as it must be."""

    def __init__(self, what: str, *, where: Where | str | None = None, hint: str | None = None, location: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.location = location


class Preparation:
    """Prepares values for one process. `search`: look for secondary files that are not listed (inputs of the whole run)."""

    def __init__(self, signature: Signature, know: Knowledge, *, search: bool = False, load: bool = True) -> None:
        self._signature, self._know, self._search, self._load = signature, know, search, load
        self._inputs: Inputs = {}

    def all(self, inputs: Inputs) -> Inputs:
        """Every input by name."""
        self._inputs = {port.name: self._given(port, inputs) for port in self._signature.inputs}
        busy = [port for port in self._signature.inputs if port.shape.busy and self._inputs[port.name] is not None]
        if not busy:
            return self._inputs
        # first names and sizes, so that expressions of secondary files and formats see all inputs; then the rest
        described = self._know.each(lambda port: self._described(self._inputs[port.name]), busy)
        self._inputs = {**self._inputs, **{port.name: value for port, value in zip(busy, described, strict=True)}}
        values = self._know.each(lambda port: self._named(port, self._inputs[port.name], inputs.get(port.name) is None), busy)
        return {**self._inputs, **{port.name: value for port, value in zip(busy, values, strict=True)}}

    def _given(self, port: Port, inputs: Inputs) -> Value:
        value = inputs.get(port.name)
        if value is None and port.has_default:
            value = port.default
        if not types.fits(value, port.shape.type):
            if value is None and port.has_default:
                return value
            if port.name not in inputs:
                raise self._signature.error(f"the input {port.name} is missing (expected {types.describe(port.shape.type)})",
                                            path=f"inputs.{port.name}")
            raise self._signature.error(f"the input {port.name} does not fit: {types.problem(value, port.shape.type)}",
                                        path=f"inputs.{port.name}")
        return value

    def mistakes(self, inputs: Inputs) -> Iterator[tuple[str, WorkflowError]]:
        """What is wrong with the files of each of `inputs`, which are of their types, by name. Raises Lacking."""
        ports = [port for port in self._signature.inputs if port.shape.busy and inputs.get(port.name) is not None]
        self._inputs = {port.name: inputs.get(port.name) for port in self._signature.inputs}
        described = self._know.each(lambda port: self._described(inputs[port.name]), ports)
        self._inputs |= {port.name: value for port, value in zip(ports, described, strict=True)}
        for error in self._know.each(lambda port: self._mistake(port, self._inputs[port.name]), ports):
            if error is not None:
                yield error

    def _mistake(self, port: Port, value: Value) -> tuple[str, WorkflowError] | None:
        try:
            self._value(value, port.shape)
        except WorkflowError as error:
            return port.name, error
        return None

    def _named(self, port: Port, value: Value, default: bool) -> Value:
        """What the shape asks for. The secondary files of a default are looked for, as nobody else could have listed them."""
        before, self._search = self._search, self._search or default
        try:
            return self._value(value, port.shape)
        except WorkflowError as error:
            raise self._signature.within(f"the input {port.name}", error, f"inputs.{port.name}") from error
        finally:
            self._search = before

    def loose(self, value: Value, details: Details) -> Value:
        """A value of no particular type, with what `details` ask for of its files."""
        return self._loose(self._described(value), details)

    def _loose(self, value: Value, details: Details) -> Value:
        if isinstance(value, list):
            return self._know.each(lambda item: self._loose(item, details), value)
        return self._any(value, details)

    # -- names and sizes ------------------------------------------------------------------------------------------

    def _described(self, value: Value) -> Value:
        """`value` with the names and sizes of all files inside."""
        if isinstance(value, dict):
            if is_data(value):
                return self.describe(value)
            return {name: self._described(item) for name, item in value.items()}
        if isinstance(value, list):
            return self._know.each(self._described, value)
        return value

    def describe(self, data: Data) -> Data:
        """A File or Directory object with its names and size, and those of what belongs to it."""
        made = described(data)
        if made["class"] == "File":
            if "size" not in made:
                made["size"] = self._size(made)
            if made.get("secondaryFiles"):
                made["secondaryFiles"] = self._know.each(self.describe, made["secondaryFiles"])
        elif made.get("listing"):
            made["listing"] = self._know.each(self.describe, made["listing"])
        return made

    def _size(self, data: Data) -> int:
        if "location" not in data:
            return len(str(data["contents"]).encode("utf-8", "surrogateescape"))
        found: Found | None = self._know.ask(Stat(data["location"]))
        if found is None:
            raise self._signature.error(f"there is no file at {shown(data['location'])}")
        return found.size

    # -- what the shape asks for ----------------------------------------------------------------------------------

    def _value(self, value: Value, shape: Shape) -> Value:
        if value is None or not shape.busy:
            return value
        chosen = shape.chosen(value)
        if chosen is None or not chosen.busy:
            return value
        if chosen.items is not None and isinstance(value, list):
            items = chosen.items
            return self._know.each(lambda item: self._value(item, items), value)
        if chosen.fields and isinstance(value, dict):
            return {**value, **{port.name: self._value(value.get(port.name), port.shape) for port in chosen.fields}}
        return self._any(value, chosen.details)

    def _any(self, value: Value, details: Details) -> Value:
        """A value whose type says no more than that it may hold data."""
        if isinstance(value, dict):
            match value.get("class"):
                case "File":
                    return self._file(value, details)
                case "Directory":
                    return self._directory(value, details)
            return {name: self._any(item, NONE) for name, item in value.items()}
        if isinstance(value, list):
            return self._know.each(lambda item: self._any(item, NONE), value)
        return value

    def _file(self, file: Data, details: Details) -> Data:
        if details.contents and self._load and "contents" not in file:
            file = {**file, "contents": self.contents(file["location"])}
        if details.secondary:
            file = self._with_secondary(file, details.secondary)
        if details.format is not None:
            self._check_format(file, details.format.evaluate(self._inputs, file, None))
        listed = [self._any(item, NONE) for item in file["secondaryFiles"]] if file.get("secondaryFiles") and self._listing(NONE) else None
        return file if listed is None else {**file, "secondaryFiles": listed}

    def contents(self, uri: str) -> str:
        """The text of the file at `uri`: 64 KiB at most; more is an error since v1.2 and was cut off before."""
        return loaded(self._know.ask(Contents(uri)), self._signature.strict_contents, uri)

    def _listing(self, details: Details) -> str | None:
        wanted = details.listing or self._signature.listing
        return wanted if self._load and wanted != "no_listing" else None

    def _directory(self, directory: Data, details: Details) -> Data:
        wanted = self._listing(details)
        if wanted is None:
            return directory
        return self.listed(directory, wanted == "deep_listing")

    def listed(self, directory: Data, deep: bool) -> Data:
        """The directory with its `listing`; `deep`: and that of every directory below."""
        return with_listing(directory, deep, self._know)

    def _check_format(self, file: Data, allowed: Value) -> None:
        entries = allowed if isinstance(allowed, list) else [allowed]
        if not entries or not all(isinstance(entry, str) for entry in entries):
            raise WorkflowError(f"its format must be an address or a list of them, found {types.found(allowed)}")
        actual = file.get("format")
        if actual is None:
            raise Unfit(f"the file {file['basename']} says no format; one of these is needed: {', '.join(entries)}",
                        hint=f"say it beside the path, as in format: {entries[0]}", location=file.get("location"))
        if not formats_match(actual, entries, self._signature.ontology):
            raise Unfit(f"the file {file['basename']} has the format {actual}; one of these is needed: {', '.join(entries)}",
                        location=file.get("location"))

    # -- secondary files ------------------------------------------------------------------------------------------

    def _with_secondary(self, file: Data, patterns: tuple[Pattern, ...]) -> Data:
        """The file with the secondary files that its parameter asks for. What a step before gave is trusted to be complete."""
        if "location" not in file or ("secondaryFiles" in file and not self._search):
            return file
        listed = list(file.get("secondaryFiles") or [])
        found = self._know.each(lambda pattern: self._matching(file, pattern, listed), patterns)
        for item in (item for items in found for item in items):  # two patterns may name one file
            if not any(known["basename"] == item["basename"] for known in listed):
                listed.append(item)
        return {**file, "secondaryFiles": listed}

    def _matching(self, file: Data, pattern: Pattern, listed: list[Data]) -> list[Data]:
        """What one pattern finds beyond what is listed."""
        required = needed(pattern, True, self._inputs, file)
        made: list[Data] = []
        for wanted in wanted_names(pattern, self._inputs, file):
            name = wanted if isinstance(wanted, str) else basename_of(wanted)
            if any(item["basename"] == name for item in listed):
                continue
            if isinstance(wanted, dict):
                made.append(self.describe(wanted))
                continue
            uri = sibling(file["location"], name)
            found: Found | None = self._know.ask(Stat(uri)) if self._search else None
            if found is not None:
                made.append(described(data_at(uri, found)))
            elif required:
                raise Unfit(f"the secondary file {name} of {shown(file['location'])} is missing",
                            hint="it must lie beside it, or be listed in its secondaryFiles", location=file["location"])
        return made
