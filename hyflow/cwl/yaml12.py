"""YAML and JSON as CWL's users know them: YAML 1.2 scalars as cwltool reads them, every mistake with its line.

`yes` and `on` are strings, `0o17` is 15, `1e3` a float, a date a string; a key that stands twice and an unknown tag are errors.
Aliases may not make a small file huge. Text that is plain JSON takes a fast path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from hyflow.errors import InputError, Where
from hyflow.misread import Misread, explained, undecodable
from hyflow.model.values import Value

MOST_ALIASED = 1_000_000
"""How many nodes aliases may add to those that are written out."""

DEEPEST = 100
"""How deep lists and objects may be nested."""

_TOO_DEEP = f"this is nested more than {DEEPEST} deep"
_TAG = "tag:yaml.org,2002:"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # either of two loaders, of equal powers
    """Composes nodes; how plain scalars are understood is said below."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own attribute


_SCALARS: Sequence[tuple[str, str, list[str]]] = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*)$", list("-+0123456789")),
    ("float", r"^(?:[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
     list("-+.0123456789")),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", ["<"]),
)
for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)


def parse(data: bytes, file: str) -> Value:
    """The one document in `data`; `file` is how errors call it. Raises InputError with the line."""
    value = _json(data)
    if value is None:
        node = _compose(data, file)
        try:
            value = None if node is None else _Values(file).made(node)
        except RecursionError as error:
            raise InputError(_TOO_DEEP, where=Where(file)) from error
    if _is_deep(value):
        raise InputError(_TOO_DEEP, where=Where(file))
    return value


def _json(data: bytes) -> Value:
    """The value where the text is JSON without a fault, else None: YAML knows the line of a fault."""
    text = data.decode("utf-8-sig", "surrogateescape")
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _is_deep(value: Value) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [below for item in level if isinstance(item, (list, dict)) for below in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return True


def _compose(data: bytes, file: str) -> Any:
    if (wrong := undecodable(data)) is not None:
        raise _misread(wrong, file)
    _bound_depth(data, file)
    text = data.decode("utf-8-sig")
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _misread(explained(error, text), file) from error
    except RecursionError as error:
        raise InputError(_TOO_DEEP, where=Where(file)) from error


def _misread(wrong: Misread, file: str) -> InputError:
    return InputError(wrong.what, where=Where(file, wrong.line, wrong.column), hint=wrong.hint)


def _bound_depth(data: bytes, file: str) -> None:
    """Raise InputError where nesting would exhaust the stack of the composer, which is C and recurses."""
    if data.count(b"[") + data.count(b"{") < 500 and max(map(len, data.splitlines()), default=0) < 500:
        return  # block styles cannot nest deeper than lines are long
    depth = 0
    try:
        for event in yaml.parse(data, Loader=_Base):
            if isinstance(event, yaml.CollectionStartEvent) and event.start_mark:
                depth += 1
                if depth > DEEPEST:
                    raise InputError(_TOO_DEEP, where=Where(file, event.start_mark.line + 1))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # the composer meets it as well, no deeper, and says where


def _once(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_constant(word: str) -> Value:
    raise ValueError(f"{word} is no JSON")


class _Values:
    """Values from nodes. A node that an alias repeats becomes one shared value."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._made: dict[int, tuple[Value, int]] = {}
        self._open: set[int] = set()
        self._aliased = 0
        self._wrong: list[InputError] = []

    def made(self, node: Any) -> Value:
        """The value of the whole document. Raises InputError with every mistake in it."""
        value = self._value(node)[0]
        if self._wrong:
            raise InputError(self._wrong)
        return value

    def _value(self, node: Any) -> tuple[Value, int]:
        """The value of `node` and how many nodes it has when aliases are written out."""
        known = self._made.get(id(node))
        if known is not None:
            self._aliased += known[1]
            if self._aliased > MOST_ALIASED:
                raise self._error(node, f"aliases make this more than {MOST_ALIASED:,} values larger than it is")
            return known
        if id(node) in self._open:
            raise self._error(node, "an alias stands inside what it repeats")
        self._open.add(id(node))
        made = self._made[id(node)] = self._new(node)
        self._open.remove(id(node))
        return made

    def _new(self, node: Any) -> tuple[Value, int]:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node), 1 + len(node.value) // 64
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            self._unknown_tag(node)
        if isinstance(node, yaml.SequenceNode):
            items = [self._value(item) for item in node.value]
            return [value for value, _ in items], 1 + sum(size for _, size in items)
        return self._mapping(node)

    def _mapping(self, node: Any) -> tuple[Value, int]:
        made: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        lines: dict[str, int] = {}
        total = 1
        for key, value in node.value:
            item, size = self._value(value)
            total += size
            if key.tag == _TAG + "merge":
                for part in self._merged(value, item):
                    merged = {**part, **merged}
                continue
            name = self._key(key)
            if name in made:
                self._tell(key, f"the key {_shown(name)} stands twice (first in line {lines[name]})")
            made[name] = item
            lines.setdefault(name, key.start_mark.line + 1)
        return {**merged, **made}, total

    def _merged(self, node: Any, value: Value) -> Iterable[dict[str, Value]]:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            self._tell(node, "<< merges objects only")
        return [part for part in parts if isinstance(part, dict)]

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._tell(node, "a key must be a string", "what begins with { or [ needs quotes")
            return ""
        return str(node.value)

    def _scalar(self, node: Any) -> Value:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        try:
            match kind:
                case "str" | "merge":
                    return text
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    return _integer(text)
                case "float":
                    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()).replace("_", ""))
        except (ValueError, KeyError):
            self._tell(node, f"{_shown(text)} is not what its tag says ({kind})" if len(text) < 1000 else "this number is too long")
            return None
        self._unknown_tag(node)
        return text

    def _unknown_tag(self, node: Any) -> None:
        self._tell(node, f"the tag {node.tag} is not known", "text that begins with ! needs quotes")

    def _tell(self, node: Any, what: str, hint: str | None = None) -> None:
        self._wrong.append(self._error(node, what, hint))

    def _error(self, node: Any, what: str, hint: str | None = None) -> InputError:
        return InputError(what, where=Where(self._file, node.start_mark.line + 1, node.start_mark.column + 1), hint=hint)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16)):
        if digits.lstrip("+-").startswith(prefix):
            return int(digits.replace(prefix, "", 1), base)
    return int(digits)
