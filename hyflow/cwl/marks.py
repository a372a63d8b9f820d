"""Where the parts of a job file stand: line and column of keys and values, looked up when a mistake is to be told.

One pass over the parser's events, whatever the number of parts that are asked for; nothing is built.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from hyflow.errors import Where

Path: TypeAlias = tuple[str | int, ...]
"""Where in a document something stands: the keys and indices that lead to it."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Text:
    """A document as it was read, and how messages call it."""

    file: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where some parts of a document stand; `keys`: only what is an item of an object has one."""

    file: str
    keys: Mapping[Path, tuple[int, int]]
    values: Mapping[Path, tuple[int, int]]

    def value(self, path: Path) -> Where:
        """The value at `path`, or the innermost part around it."""
        return self._around(path, self.values)

    def key(self, path: Path) -> Where:
        """The key of what lies at `path`, or the innermost part around it."""
        return Where(self.file, *self.keys[path]) if path in self.keys else self._around(path, self.values)

    def _around(self, path: Path, known: Mapping[Path, tuple[int, int]]) -> Where:
        while path and path not in known:
            path = path[:-1]
        return Where(self.file, *known[path]) if path and path in known else Where(self.file)


def marks(text: Text, paths: Collection[Path]) -> Marks:
    """Where the parts at `paths` stand, as far as they are found."""
    wanted = {path[:length] for path in paths for length in range(len(path) + 1)}
    survey = _Survey(wanted)
    try:
        for event in yaml.parse(text.data.decode("utf-8-sig", "replace"), Loader=_Loader):
            survey.take(event)
    except yaml.YAMLError:
        pass  # JSON that is no YAML: what was found until then is all that can be told
    return Marks(text.file, survey.keys, survey.values)


_NO_KEY = object()


class _Level:
    """A collection that is being read: its path (None where nobody asks for what is in it), and what comes next in it."""

    def __init__(self, path: Path | None, mapping: bool) -> None:
        self.path, self.mapping, self.at = path, mapping, 0
        self.key: Any = _NO_KEY


class _Survey:
    def __init__(self, wanted: set[Path]) -> None:
        self.keys: dict[Path, tuple[int, int]] = {}
        self.values: dict[Path, tuple[int, int]] = {}
        self._wanted, self._levels = wanted, list[_Level]()

    def take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent() | yaml.AliasEvent():
                self._node(event, None)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                mapping = isinstance(event, yaml.MappingStartEvent)
                self._levels.append(_Level(self._node(event, mapping), mapping))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._levels.pop()

    def _node(self, event: Any, mapping: bool | None) -> Path | None:
        """The path of the node that begins here, None for keys and for what nobody asks for."""
        level = self._levels[-1] if self._levels else None
        if level is None:
            return self._found((), event)
        if not level.mapping:
            level.at += 1
            return None if level.path is None else self._found((*level.path, level.at - 1), event)
        if level.key is _NO_KEY:
            level.key = self._named(level, event) if mapping is None else None
            return None
        path, level.key = level.key, _NO_KEY
        return None if path is None else self._found(path, event)

    def _named(self, level: _Level, event: Any) -> Path | None:
        """The path of what the key names."""
        if level.path is None or not isinstance(event, yaml.ScalarEvent):
            return None
        path = (*level.path, str(event.value))
        if path not in self._wanted:
            return None
        self.keys.setdefault(path, _mark(event))
        return path

    def _found(self, path: Path, event: Any) -> Path | None:
        if path not in self._wanted:
            return None
        self.values.setdefault(path, _mark(event))
        return path


def _mark(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
