"""Values on the edges of the graph: what JSON can say, with files and directories as objects in CWL's form.

A token's File or Directory names its data by `location` alone, never by `path`:
`file:///...` is this machine's file system, `site://FILESYSTEM/...` any other (see `model.places`); a literal has no
`location` but `contents` (File) or `listing` (Directory). Values are shared and never changed in place.
File names are Python strings with surrogateescape, so that names that are not UTF-8 pass unharmed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""None, bool, int, float, str, list[Value] or dict[str, Value]."""

Inputs: TypeAlias = dict[str, Value]
"""Values by port name."""


def is_data(value: Value) -> bool:
    """Whether the value is a File or Directory object."""
    return isinstance(value, dict) and value.get("class") in ("File", "Directory")


def walk_data(value: Value) -> Iterator[dict[str, Value]]:
    """Every File and Directory object inside `value`, outermost first, with those in secondaryFiles and listings."""
    if isinstance(value, dict):
        if is_data(value):
            yield value
            for part in ("secondaryFiles", "listing"):
                yield from walk_data(value.get(part) or [])
        else:
            for item in value.values():
                yield from walk_data(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk_data(item)


def map_data(value: Value, change: Callable[[dict[str, Value]], Value]) -> Value:
    """`value` with every outermost File or Directory replaced by `change(it)`; what holds none is shared, not copied."""
    if isinstance(value, dict):
        if is_data(value):
            return change(value)
        return {name: map_data(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [map_data(item, change) for item in value]
    return value
