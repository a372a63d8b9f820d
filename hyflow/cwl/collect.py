"""From what an attempt left to the outputs of the job (CWL v1.2, CommandLineTool, section 4.2 "Output binding").

Pure: checksums and contents that the manifest does not hold are asked for.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from hyflow.cwl import leavings, types
from hyflow.cwl.bind import Bound
from hyflow.cwl.expressions import Compiled
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.objects import loaded, well_formed
from hyflow.cwl.secondary import needed, wanted_names
from hyflow.cwl.shapes import Output, Port
from hyflow.cwl.tokens import token
from hyflow.cwl.tool import Tool
from hyflow.cwl.view import OutputError, View
from hyflow.errors import WorkflowError
from hyflow.model.facts import Checksum, Contents
from hyflow.model.tasks import Manifest, Outcome
from hyflow.model.values import Inputs, Value, is_data, map_data

Data = dict[str, Any]
_KNOWN = frozenset({"location", "path", "dirname", "nameroot", "nameext", "size", "checksum"})

_JSON = "It is the command that writes it: an object with a value for each output, files as {\"class\": \"File\", \"path\": ...}."
_CONTENTS = "Without loadContents the file itself is the output, of any size: the next step may read it."

__all__ = ["OutputError", "collect"]


def collect(tool: Tool, bound: Bound, manifest: Manifest, outcome: Outcome, know: Knowledge) -> Inputs:
    """The outputs by name. Raises WorkflowError (OutputError where something is missing or ambiguous), Lacking."""
    return _Collection(tool, bound, manifest, outcome, know).outputs()


class _Collection:
    """The outputs of one attempt."""

    def __init__(self, tool: Tool, bound: Bound, manifest: Manifest, outcome: Outcome, know: Knowledge) -> None:
        self._tool, self._bound, self._manifest, self._know = tool, bound, manifest, know
        self._view = View(bound.place, manifest, bound.inputs)
        self._runtime: Mapping[str, Value] = bound.runtime if tool.version == "v1.0" else {**bound.runtime, "exitCode": outcome.code}

    def outputs(self) -> Inputs:
        if self._manifest.output_json is not None:
            given = self._declared(self._manifest.output_json)
            return {port.name: self._declared_one(port, given) for port in self._tool.outputs}
        values = self._know.each(self._named, self._tool.outputs)
        return {port.name: self._checked(port, value) for port, value in zip(self._tool.outputs, values, strict=True)}

    def _named(self, port: Port) -> Value:
        try:
            value = self._final(self._output(port, port.name))
        except WorkflowError as error:
            raise self._tool.within(f"the output {port.name}", error, f"outputs.{port.name}.glob") from error
        listed = port.output is not None and port.output.listing is not None
        return value if listed else map_data(value, _unlisted)

    def _declared(self, text: bytes) -> Mapping[str, Value]:
        """What cwl.output.json says."""
        try:
            given = json.loads(text)
        except json.JSONDecodeError as error:
            what = f"cwl.output.json is not JSON: line {error.lineno}, column {error.colno}: {error.msg.lower()}"
            raise OutputError(what, where=self._tool.at(), hint=_JSON) from error
        except (ValueError, RecursionError) as error:
            raise OutputError("cwl.output.json is not JSON in UTF-8, or is nested too deeply", where=self._tool.at(), hint=_JSON) from error
        if not isinstance(given, dict):
            raise OutputError("cwl.output.json must hold an object", where=self._tool.at(), hint=_JSON)
        return given

    def _declared_one(self, port: Port, given: Mapping[str, Value]) -> Value:
        try:
            return self._checked(port, self._final(given.get(port.name)))
        except WorkflowError as error:
            unknown = [] if port.name in given else [name for name in given if all(name != other.name for other in self._tool.outputs)]
            hint = f"It says {leavings.shown(unknown)}, which is no output of this tool." if unknown else error.hint
            where = error.where or self._tool.at(f"outputs.{port.name}")
            raise OutputError(f"cwl.output.json: {error.what}", where=where, hint=hint) from error

    def _checked(self, port: Port, value: Value) -> Value:
        wrong = types.problem(value, port.shape.type)
        if wrong is None:
            return value
        output = None if self._manifest.output_json is not None else port.output
        where = self._tool.at(f"outputs.{port.name}" + ("" if output is None else ".outputEval" if output.evaluate else ".glob"))
        hint = None
        if output is not None and output.evaluate is not None:
            hint = "Its outputEval gives that."
        elif output is not None and (names := self._matches(port.name)):
            hint = f"{self._shown(port.name)} matches {leavings.shown(names)}: say what its type shall be, or narrow the glob."
        raise OutputError(f"the output {port.name} does not fit: {wrong}", where=where, hint=hint)

    # -- one output -----------------------------------------------------------------------------------------------

    def _output(self, port: Port, path: str) -> Value:
        """The value of an output or of a record's field, still as expressions see it."""
        result: Value = None
        if port.output is not None:
            result = self._bound_output(port, port.output, path)
        if not result and result != 0 and result != "":
            record = _record(port)
            if record:
                return {item.name: self._output(item, f"{path}.{item.name}") for item in record}
        return result

    def _bound_output(self, port: Port, output: Output, path: str) -> Value:
        found = self._know.each(lambda match: self._match(match, output), self._matches(path))
        result: Value = found
        if output.evaluate is not None:
            result = self._objects(output.evaluate.evaluate(self._bound.inputs, found, self._runtime))
        result = self._single(port, result, path)
        if port.shape.details.secondary:
            result = _each_file(result, lambda file: self._with_secondary(port, file))
        if (format_ := port.shape.details.format) is not None:
            result = _each_file(result, lambda file: self._with_format(format_, file))
        return result

    def _matches(self, path: str) -> list[str]:
        """The paths that the globs of an output match, each once; what vanished or is no file or directory does not count."""
        numbers = self._bound.globs.get(path, ())
        found = dict.fromkeys(posixpath.normpath(match) for number in numbers for match in self._manifest.matches[number])
        return [match for match in found if self._view.has(match)]

    def _match(self, path: str, output: Output) -> Data:
        """What a glob matched, with contents or listing where they are asked for."""
        data = self._view.at(path)
        if data["class"] == "File":
            if output.contents:
                held = self._view.contents(path)
                held = self._know.ask(Contents(data["location"])) if held is None else held
                data["contents"] = _contents(held, self._tool.strict_contents, path)
            return data
        listing = output.listing or self._tool.listing
        if listing != "no_listing":
            data["listing"] = self._view.listing(path, listing == "deep_listing")
        return data

    def _single(self, port: Port, result: Value, path: str) -> Value:
        """One file where the type says one: the only match, or null where there is none."""
        options = [option.type for option in port.shape.options] or [port.shape.type]
        optional = types.fits(None, port.shape.type)
        if any(isinstance(option, types.Data) for option in options):
            if isinstance(result, list) and len(result) == 1:
                return result[0]
            if isinstance(result, list) and len(result) > 1 and not any(isinstance(option, types.Array) for option in options):
                names = [str(item.get("basename")) if isinstance(item, dict) else str(item) for item in result]
                what = f"one file is expected, {len(result):,} match {self._shown(path)}: {leavings.shown(names)}"
                raise OutputError(what, hint="Narrow the glob, or make the type a list of them (File[], Directory[]).")
            if not result and not optional and not any(isinstance(option, types.Array) for option in options):
                raise OutputError(f"nothing matches {self._shown(path)}; {self._left(path)}", hint=self._no_file(path))
        return None if optional and (result is None or result == []) else result

    def _no_file(self, path: str) -> str | None:
        """What to know where something of that name is there, and is no output."""
        numbers = self._bound.globs.get(path, ())
        odd = [match for number in numbers for match in self._manifest.matches[number] if not self._view.has(match)]
        return f"{leavings.shown(odd)}: links that lead nowhere, pipes and devices cannot be outputs." if odd else None

    def _left(self, path: str) -> str:
        return leavings.left(self._manifest, (self._bound.task.collect[number].pattern for number in self._bound.globs.get(path, ())))

    def _shown(self, path: str) -> str:
        globs = [self._bound.task.collect[number].pattern for number in self._bound.globs.get(path, ())]
        return " or ".join(repr(glob) for glob in globs) or "the expression"

    # -- secondary files and formats ------------------------------------------------------------------------------

    def _with_secondary(self, port: Port, primary: Data) -> Data:
        """The file with what its output says belongs to it."""
        listed: list[Data] = list(primary.get("secondaryFiles") or [])
        directory = posixpath.dirname(str(primary.get("path", "")))
        for pattern in port.shape.details.secondary:
            required = needed(pattern, False, self._bound.inputs, primary, self._runtime)
            for wanted in wanted_names(pattern, self._bound.inputs, primary, self._runtime):
                made = self._object({"path": posixpath.join(directory, wanted)} if isinstance(wanted, str) else wanted, must=False)
                if made is not None and not any(item.get("location") == made.get("location") for item in (primary, *listed)):
                    listed.append(made)
                elif made is None and required:
                    name = wanted if isinstance(wanted, str) else str(wanted.get("basename"))
                    raise OutputError(
                        f"the secondary file {name} of {primary['basename']} is missing; {leavings.left(self._manifest, [name])}",
                        where=self._tool.at(f"outputs.{port.name}.secondaryFiles"), hint="`required: false` allows that.",
                    )
        return {**primary, "secondaryFiles": listed} if listed or "secondaryFiles" in primary else primary

    def _with_format(self, format_: Compiled, file: Data) -> Data:
        value = format_.evaluate(self._bound.inputs, file, self._runtime)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, str):
            raise WorkflowError(f"its format must be an address, found {value!r}")
        return {**file, "format": value}

    # -- objects that commands and expressions made ---------------------------------------------------------------

    def _objects(self, value: Value) -> Value:
        """`value` with every File and Directory in it found again."""
        if isinstance(value, dict):
            if is_data(value):
                return self._object(value, must=True)
            return {name: self._objects(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._objects(item) for item in value]
        return value

    def _object(self, data: Data, *, must: bool) -> Data | None:
        """The object that `data` means, by its location or else its path; None when it is not there and need not be."""
        well_formed(data)
        address = data.get("location") or data.get("path")
        if address is None:
            return self._parts(dict(data))
        if not isinstance(address, str):
            raise OutputError(f"a location must be text, found {address!r}")
        try:
            path, known = self._view.find(address)
            if path is not None:
                known = self._view.at(path)
        except OutputError:
            if must:
                raise
            return None
        if known is None:
            return self._parts(dict(data))
        given = {key: value for key, value in data.items() if key not in _KNOWN}
        return self._parts({**known, **given, "class": known.get("class", data.get("class", "File"))})

    def _parts(self, data: Data) -> Data:
        for part in ("secondaryFiles", "listing"):
            if data.get(part):
                data[part] = [self._object(item, must=True) for item in data[part]]
        return data

    def _final(self, value: Value) -> Value:
        """`value` as tokens, with the checksum of every file."""
        if isinstance(value, dict):
            if is_data(value):
                return self._token(value)
            return {name: self._final(item) for name, item in value.items()}
        if isinstance(value, list):
            return self._know.each(self._final, value)
        return value

    def _token(self, data: Data) -> Data:
        made = token(self._object(data, must=True) or data)
        if "location" in made:
            made.pop("contents", None)
        return self._summed(made)

    def _summed(self, data: Data) -> Data:
        """The token with its checksum, and those of what belongs to it."""
        if data["class"] == "File" and "checksum" not in data and str(data.get("location", "")).startswith(self._bound.place.uri + "/"):
            data["checksum"] = f"sha1${self._know.ask(Checksum(data['location']))}"
        for part in ("secondaryFiles", "listing"):
            if data.get(part):
                data[part] = self._know.each(self._summed, data[part])
        return data


def _contents(held: bytes, strict: bool, path: str) -> str:
    try:
        return loaded(held, strict, path)
    except WorkflowError as error:
        raise OutputError(error.what, hint=_CONTENTS) from error


def _unlisted(data: Data) -> Data:
    """A directory without its listing where it has an address: who needs it later asks for it."""
    if "location" in data:
        return {key: value for key, value in data.items() if key != "listing"} if "listing" in data else data
    return {**data, "listing": [_unlisted(item) for item in data["listing"]]} if data.get("listing") else data


def _record(port: Port) -> tuple[Port, ...]:
    """The fields of an output that is a record."""
    if port.shape.fields:
        return port.shape.fields
    return next((option.fields for option in port.shape.options if option.fields), ())


def _each_file(value: Value, change: Callable[[Data], Data]) -> Value:
    """`value` with every outermost File changed."""
    if isinstance(value, list):
        return [_each_file(item, change) for item in value]
    return change(value) if isinstance(value, dict) and value.get("class") in ("File", "Directory") else value
