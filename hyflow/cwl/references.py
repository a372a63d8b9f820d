"""Parameter references, `$(inputs.reads[0].basename)`, in plain Python (CWL v1.2, CommandLineTool, section 3.4).

No JavaScript engine is needed for them, whether or not the document asks for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hyflow.errors import WorkflowError
from hyflow.model.values import Value

SYMBOLS = ("inputs", "self", "runtime")

_SEGMENT = re.compile(r"""\.(\w+)|\['((?:[^']|\\')+)'\]|\["((?:[^"]|\\")+)"\]|\[([0-9]+)\]""")
_WHOLE = re.compile(r"""\((\w+)((?:\.\w+|\['(?:[^']|\\')+'\]|\["(?:[^"]|\\")+"\]|\[[0-9]+\])*)\)""")
_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}

_FEW = 8

Segment: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Reference:
    """A path into one of `inputs`, `self` and `runtime`. `text` is how the author wrote it, without the brackets."""

    text: str
    symbol: str
    segments: tuple[Segment, ...]

    @property
    def reads(self) -> str:
        """What it looks at: the symbol, and the name directly below it where there is one ("inputs.reads")."""
        if self.segments and isinstance(self.segments[0], str):
            return f"{self.symbol}.{self.segments[0]}"
        return self.symbol

    def resolve(self, scope: Mapping[str, Value]) -> Value:
        """The value at the path in `scope` (by symbol). Raises WorkflowError when there is none."""
        if self.symbol == "null":
            return None
        value = scope[self.symbol]
        last = len(self.segments) - 1
        for number, segment in enumerate(self.segments):
            if segment == "length" and isinstance(value, list) and number == last:
                return len(value)
            value = self._step(value, segment, number)
        return value

    def _step(self, value: Value, segment: Segment, number: int) -> Value:
        before = self.symbol + "".join(_shown(each) for each in self.segments[:number])
        if isinstance(segment, str):
            if not isinstance(value, dict):
                raise WorkflowError(f"{before} is {_kind(value)}, it has no property {segment!r}")
            if segment not in value:
                raise WorkflowError(f"{before} has no property {segment!r}{_instead(segment, value)}")
            return value[segment]
        if not isinstance(value, list):
            raise WorkflowError(f"{before} is {_kind(value)}, it has no item {segment}")
        if segment >= len(value):
            raise WorkflowError(f"{before} has {len(value)} items, there is no item {segment}")
        return value[segment]


def parse(text: str) -> Reference | None:
    """The reference that the expression `text` ("(inputs.x)", with its brackets) is, None when it is something else."""
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return None
    symbol, path = whole.groups()
    if symbol not in SYMBOLS and not (symbol == "null" and not path):
        return None
    return Reference(text[1:-1], symbol, tuple(_segment(each) for each in _SEGMENT.finditer(path)))


def _segment(match: re.Match[str]) -> Segment:
    name, single, double, index = match.groups()
    if index is not None:
        return int(index)
    return str(name or (single or double).replace("\\'", "'").replace('\\"', '"'))


def _shown(segment: Segment) -> str:
    if isinstance(segment, str) and re.fullmatch(r"\w+", segment):
        return f".{segment}"
    return f"[{segment!r}]"


def _instead(name: str, there: Mapping[str, Value]) -> str:
    """The property that may be meant, or else those that there are, when they are few."""
    import difflib

    if near := difflib.get_close_matches(name, there, 1):
        return f"; is {near[0]!r} meant?"
    return f"; there are {', '.join(map(repr, there))}" if 0 < len(there) <= _FEW else ""


def _kind(value: Value) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")
