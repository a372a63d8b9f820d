"""A YAML text as a tree that remembers where each part was written. Knows nothing of what a deployment file says.

Plain scalars are those of YAML 1.2: `yes` and `on` are text, and so is a date. Bounded in size, depth and number of parts, so that
aliases cannot make a small file huge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from hyflow.errors import DeploymentError, HyflowError, Where
from hyflow.misread import explained

MOST_BYTES = 256 * 1024
MOST_PARTS = 10_000
DEEPEST = 30

Path: TypeAlias = Sequence[str | int]
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Node:
    """One part: `value` is a scalar, a list of nodes or a dict of nodes; `keys` says where a dict's keys were written."""

    value: Any
    where: Where
    keys: Mapping[str, Where] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value alone."""
        match self.value:
            case dict() as parts:
                return {name: part.plain() for name, part in parts.items()}
            case list() as parts:
                return [part.plain() for part in parts]
            case scalar:
                return scalar


def locate(root: Node, path: Path) -> Where:
    """Where the part at `path` was written (its key, where it has one), or the innermost part around it that is there."""
    node, where = root, root.where
    for step in path:
        if isinstance(node.value, dict) and step in node.value:
            node, where = node.value[step], node.keys[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            where = node.where
        else:
            break
    return where


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own attribute


for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)


def parse(text: str, file: str, *, at: Where | None = None) -> Node:
    """The one document in `text`; every part is said to lie in `file`, or at `at` where that is given.

    Raises DeploymentError with every problem that can be found.
    """
    if len(text) > MOST_BYTES:
        raise DeploymentError(f"more than {MOST_BYTES // 1024} KiB: this is no deployment file", where=Where(file))
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        wrong = explained(error, text)
        raise DeploymentError(wrong.what, where=at or Where(file, wrong.line, wrong.column), hint=wrong.hint) from error
    except RecursionError as error:
        raise DeploymentError(f"nested more than {DEEPEST} deep", where=at or Where(file)) from error
    builder = _Builder(file, at)
    node = builder.build(root, 0) if root is not None else Node(None, at or Where(file, 1, 1))
    if builder.problems:
        raise DeploymentError(builder.problems)
    return node


class _Builder:
    def __init__(self, file: str, at: Where | None) -> None:
        self._file, self._at, self._parts = file, at, 0
        self.problems: list[HyflowError] = []

    def build(self, node: yaml.Node, depth: int) -> Node:
        where = self._where(node)
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise DeploymentError(f"more than {MOST_PARTS} parts (aliases repeat what they name)", where=where)
        if depth > DEEPEST:
            raise DeploymentError(f"nested more than {DEEPEST} deep", where=where)
        match node:
            case yaml.MappingNode() if node.tag == _TAG + "map":
                return self._mapping(node, where, depth)
            case yaml.SequenceNode() if node.tag == _TAG + "seq":
                return Node([self.build(item, depth + 1) for item in node.value], where)
            case yaml.ScalarNode():
                return Node(self._scalar(node, where), where)
        return self._wrong(f"a tag that has no meaning here: {node.tag}", where)

    def _mapping(self, node: yaml.MappingNode, where: Where, depth: int) -> Node:
        parts: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        for name, item in node.value:
            place = self._where(name)
            if not isinstance(name, yaml.ScalarNode):
                self._wrong("a key must be plain text", place)
            elif name.value == "<<":
                self._wrong("merging (<<) is not of YAML 1.2, and not done here", place)
            elif name.value in parts:
                self._wrong(f"{name.value} stands twice (first in line {keys[name.value].line})", place)
            else:
                keys[name.value] = place
                parts[name.value] = self.build(item, depth + 1)
        return Node(parts, where, keys)

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> Any:
        text = str(node.value)
        try:
            match node.tag.removeprefix(_TAG):
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text, 0) if re.match(r"[-+]?0[xo]", text) else int(text)
                case "float" if math.isfinite(number := float(text)):
                    return number
                case "float" | "int":
                    raise ValueError(text)
        except ValueError:
            return self._wrong(f"this is not a number that can be used: {text[:40]}", where).value
        return self._wrong(f"a tag that has no meaning here: {node.tag}", where).value

    def _wrong(self, what: str, where: Where) -> Node:
        self.problems.append(DeploymentError(what, where=where))
        return Node(None, where)

    def _where(self, node: yaml.Node) -> Where:
        return self._at or Where(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
