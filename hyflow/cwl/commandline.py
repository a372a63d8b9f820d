"""The command line (CWL v1.2, CommandLineTool, section 4.1 "Input binding"): what to add for each value, and in which order.

Every binding gives an entry with a sorting key: positions and, for ties, where it stands (numbers before names). Knows nothing
of places: files have their paths already.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from hyflow.cwl import types
from hyflow.cwl.expressions import Compiled
from hyflow.cwl.shapes import PLAIN, Binding, Shape
from hyflow.cwl.tool import Argument, Tool
from hyflow.errors import WorkflowError
from hyflow.model.values import Inputs, Value, is_data

Key: TypeAlias = tuple[tuple[int, int | str], ...]
_ANY = Shape(types.AnyType(), busy=True)
_LIST = Shape(types.Array(types.AnyType()), items=_ANY, busy=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """One binding with its value: sorts at `key`, adds `binding` of `value`."""

    key: Key
    binding: Binding
    value: Value


def command_line(tool: Tool, inputs: Inputs, runtime: Mapping[str, Value]) -> tuple[str, ...]:
    """The argv of a job. Raises WorkflowError."""
    try:
        return _Line(inputs, runtime).argv(tool)
    except WorkflowError as error:
        error.where = error.where or tool.at()
        raise


class _Line:
    """The command line of one job."""

    def __init__(self, inputs: Inputs, runtime: Mapping[str, Value]) -> None:
        self._inputs, self._runtime = inputs, runtime

    def argv(self, tool: Tool) -> tuple[str, ...]:
        entries = [self._fixed(argument) for argument in tool.arguments]
        for port in tool.inputs:
            value = self._inputs.get(port.name)
            if value is not None:
                try:
                    entries += self._entries(port.binding, None, port.shape, value, (), _step(port.name))
                except WorkflowError as error:
                    raise tool.within(f"the input {port.name}", error, f"inputs.{port.name}") from error
        entries.sort(key=_by_key)
        if not tool.shell:
            return tuple(word for entry in entries for word in self._said(entry, tool))
        words: list[str] = []
        for entry in entries:
            said = self._said(entry, tool)
            words += map(shlex.quote, said) if entry.binding.quote else said
        return ("/bin/sh", "-c", " ".join(words))

    def _fixed(self, argument: Argument) -> Entry:
        position, at = argument.key
        return Entry(((0, self._number(position, None)), (0, at)), argument.binding, argument.text)

    def _number(self, position: int | Compiled, self_: Value) -> int:
        if isinstance(position, int):
            return position
        value = position.evaluate(self._inputs, self_, self._runtime)
        if value is None:
            return 0
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise WorkflowError(f"a position must be an integer, found {value!r}")
        return value

    # -- entries --------------------------------------------------------------------------------------------------

    def _entries(self, binding: Binding | None, at: Key | None, shape: Shape, value: Value, lead: Key, tail: Key) -> list[Entry]:
        """What `value` adds. `at`: the position where it is not the binding's own; `lead` and `tail` go around it in the key."""
        chosen = _chosen(shape, value)
        if binding is None:
            return self._inner(chosen.binding, None, chosen, value, lead, tail)
        key = (*lead, *(at if at is not None else ((0, self._number(binding.position, value)),)), *tail)
        inner: list[Entry] = []
        if binding.value_from is None and (chosen.items is not None or chosen.fields):
            level = chosen.binding
            if level is None and chosen.items is not None and binding.separator is None:
                level = PLAIN
            inner = self._inner(level, None, chosen, value, lead, tail)
        elif binding.value_from is None and chosen.binding is not None:
            inner = self._inner(chosen.binding, None, chosen, value, lead, tail)
        return [*(Entry((*key, *entry.key), entry.binding, entry.value) for entry in inner), Entry(key, binding, value)]

    def _inner(self, level: Binding | None, at: Key | None, shape: Shape, value: Value, lead: Key, tail: Key) -> list[Entry]:
        """What the type itself adds, and what its items or fields add; `level` is the binding of the type."""
        key = None if level is None else (*lead, *(at or ((0, self._number(level.position, value)),)), *tail)
        entries: list[Entry] = []
        if shape.items is not None:
            for number, item in enumerate(value):
                entries += self._entries(level, key, shape.items, item, ((0, number),), tail)
            return entries
        for port in shape.fields:
            item = value.get(port.name)
            if item is not None:
                entries += self._entries(port.binding, None, port.shape, item, lead, _step(port.name))
        if level is None or key is None:
            return entries
        return [*(Entry((*key, *entry.key), entry.binding, entry.value) for entry in entries), Entry(key, level, value)]

    # -- words ----------------------------------------------------------------------------------------------------

    def _said(self, entry: Entry, tool: Tool) -> list[str]:
        """The words of an entry; a mistake is told with the input that it is about."""
        try:
            return self._words(entry)
        except WorkflowError as error:
            kind, name = entry.key[-1]
            if kind != 1:  # not an input but an entry of arguments
                raise
            raise tool.within(f"the input {name}", error, f"inputs.{name}") from error

    def _words(self, entry: Entry) -> list[str]:
        """What one entry adds to the command line."""
        binding, value = entry.binding, entry.value
        if binding.value_from is not None:
            value = binding.value_from.evaluate(self._inputs, value, self._runtime)
        if isinstance(value, bool) or value is None:
            return [binding.prefix] if value and binding.prefix else []
        if isinstance(value, list):
            return self._many(binding, value)
        if isinstance(value, dict) and not is_data(value):
            return [binding.prefix] if binding.prefix else []
        return _prefixed(binding, text_of(value))

    def _many(self, binding: Binding, values: list[Value]) -> list[str]:
        if binding.separator is not None and values:
            return _prefixed(binding, binding.separator.join(map(_item, values)))
        words = [] if not values or binding.prefix is None else [binding.prefix]
        return words + [text_of(value) for value in values] if binding.value_from is not None else words


def _item(value: Value) -> str:
    """An item of a list that itemSeparator joins. Raises WorkflowError for what has no text of its own."""
    if isinstance(value, list) or (isinstance(value, dict) and not is_data(value)):
        kind = "a list" if isinstance(value, list) else "a record"
        raise WorkflowError(
            f"itemSeparator cannot join a list that holds {kind}",
            hint="Put itemSeparator into the inputBinding of the inner type, or say with valueFrom what shall stand on the command line.",
        )
    return "null" if value is None else text_of(value)


def _chosen(shape: Shape, value: Value) -> Shape:
    """The shape that `value` takes; what says no more than Any is taken as what it is."""
    chosen = shape.chosen(value)
    if chosen is None:
        raise WorkflowError(f"the value fits nothing that the type allows: {types.problem(value, shape.type)}")
    return _LIST if isinstance(chosen.type, types.AnyType) and isinstance(value, list) else chosen


def _prefixed(binding: Binding, text: str) -> list[str]:
    if binding.prefix is None:
        if not binding.separate:
            raise WorkflowError("`separate: false` needs a prefix")
        return [text]
    return [binding.prefix, text] if binding.separate else [binding.prefix + text]


def text_of(value: Value) -> str:
    """A value as a word. Raises WorkflowError.

    Numbers stand in decimal without an exponent, a whole float without a point; files by their path.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case {"class": "File" | "Directory" as kind}:
            if "path" not in value:
                raise WorkflowError(f"a {kind} that an expression made has no path: only inputs can stand on the command line")
            return str(value["path"])
        case _:
            return str(value)


def _step(name: str) -> Key:
    return ((1, name),)


def _by_key(entry: Entry) -> Key:
    return entry.key


