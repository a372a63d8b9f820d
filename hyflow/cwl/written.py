"""CWL documents as they were written: trees of YAML nodes, every one with its line and column. Knows nothing of what CWL says.

Made to tell mistakes, not to run anything: used when a document could not be loaded, and to bound what is read before it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from hyflow.cwl.addresses import shown
from hyflow.errors import Where, WorkflowError
from hyflow.misread import explained

Node: TypeAlias = Any
MOST_NODES = 2_000_000
"""How many nodes a document may have once its aliases are expanded."""

DEEPEST = 200
"""How deep lists and objects may lie inside each other."""

LARGEST = 32 << 20
"""How many characters a document may have."""

_STACK = 5_000
"""How deep a composer that is written in C can go at least; it recurses, and nothing stops it."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ALIASES = re.compile(r"(?:^|[\s\[,{:-])\*[^\s,\[\]{}]", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?(?:[0-9][0-9_]*|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {"true": "boolean", "false": "boolean", "null": "null", "~": "null", "": "null"}


class Unreadable(WorkflowError):
    """What is read as a document is none, or more than may be read."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read from `address`."""

    address: str
    root: Node

    def where(self, node: Node) -> Where:
        """Where a node begins."""
        return Where(shown(self.address), node.start_mark.line + 1, node.start_mark.column + 1)

    def error(self, node: Node, what: str, hint: str | None = None) -> WorkflowError:
        return WorkflowError(what, where=self.where(node), hint=hint)


def read(address: str, text: str) -> Document:
    """The document in `text`. Raises Unreadable with what is wrong with its YAML, and where."""
    bounded(address, text)
    try:
        root = yaml.compose(text.replace("\r\n", "\n"), Loader=_Base)
    except yaml.YAMLError as error:
        wrong = explained(error, text)
        raise Unreadable(wrong.what, where=Where(shown(address), wrong.line, wrong.column), hint=wrong.hint) from error
    if root is None:
        raise Unreadable("the document is empty", where=shown(address), hint="a CWL document begins with cwlVersion: v1.2")
    document = Document(address, root)
    _check_depth(document)
    return document


def _check_depth(document: Document) -> None:
    """Raise Unreadable for what is nested too deep for those that walk it, or has no end."""
    level: dict[int, Node] = {0: document.root}
    for _ in range(DEEPEST):
        level = {id(part): part for node in level.values() for part in _parts(node)}
        if not level:
            return
    node = next(iter(level.values()))
    raise Unreadable(
        f"the document is nested more than {DEEPEST} deep", where=document.where(node), hint="no alias may stand inside what it repeats"
    )


def _parts(node: Node) -> list[Node]:
    """What a node holds: the keys and values of an object, the items of a list."""
    held = node.value if not isinstance(node, yaml.ScalarNode) else ()
    return [part for each in held for part in (each if isinstance(each, tuple) else (each,))]


def bounded(address: str, text: str) -> None:
    """Raise Unreadable for what would use up memory, time or the stack of whoever reads it: length, depth, aliases."""
    if len(text) > LARGEST:
        raise Unreadable(
            f"the document is larger than {LARGEST >> 20} MiB", where=shown(address), hint="large data belong into files that inputs name"
        )
    if text.count("[") + text.count("{") > _STACK or max(map(len, text.split("\n"))) > _STACK:
        _bound_depth(address, text)
    if len(_ALIASES.findall(text)) < 8:
        return
    try:
        root = yaml.compose(text, Loader=_Base)
    except (yaml.YAMLError, RecursionError):
        return
    if root is not None and _expanded(root, {}) > MOST_NODES:
        raise Unreadable(
            f"its aliases expand to more than {MOST_NODES:,} nodes",
            where=shown(address),
            hint="write out what is needed, without aliases of aliases",
        )


def _bound_depth(address: str, text: str) -> None:
    """Composers recurse, and one of them in C: what is nested too deep must not reach them."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Base):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:
                    mark: Any = event.start_mark
                    raise Unreadable(
                        f"the document is nested more than {DEEPEST} deep",
                        where=Where(shown(address), mark.line + 1, mark.column + 1),
                        hint="it needs fewer lists and objects inside each other",
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # whoever reads it meets the same, no deeper, and says where


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are below, each counted as often as it is referred to."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = MOST_NODES + 1  # a node inside itself has no end
        size = known[id(node)] = 1 + sum(_expanded(part, known) for part in _parts(node))
    return size


# -- nodes ------------------------------------------------------------------------------------------------------------


def is_map(node: Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def is_list(node: Node) -> bool:
    return isinstance(node, yaml.SequenceNode)


def kind_of(node: Node) -> str:
    """What a node is: object, list, string, int, float, boolean or null, by the rules of YAML 1.2."""
    if is_map(node):
        return "object"
    if is_list(node):
        return "list"
    text = node.value
    if node.style is not None and node.style != "":
        return "string"
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return "int" if _INTEGER.fullmatch(text) else "float" if _FLOAT.fullmatch(text) else "string"


def text_of(node: Node | None) -> str | None:
    """The text of a scalar, None for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) and kind_of(node) != "null" else None


def items(node: Node | None) -> list[tuple[Node, Node]]:
    """Keys and values of an object, those that it merges in (<<) last; nothing for anything else."""
    if node is None or not is_map(node):
        return []
    own = [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode) and text_of(key) != "<<"]
    names = {text_of(key) for key, _ in own}
    for key, value in node.value:
        if text_of(key) == "<<":
            for part in value.value if is_list(value) else [value]:
                more = [(name, item) for name, item in items(part) if text_of(name) not in names] if part is not node else []
                own += more
                names |= {text_of(name) for name, _ in more}
    return own


def fields(node: Node | None) -> dict[str, Node]:
    """The values of an object by their keys; the first where a key stands twice."""
    found: dict[str, Node] = {}
    for key, value in items(node):
        found.setdefault(str(key.value), value)
    return found


def key_of(node: Node, name: str) -> Node:
    """The node of a key, or the object itself where it has none."""
    return next((key for key, _ in items(node) if text_of(key) == name), node)


def elements(node: Node | None) -> list[Node]:
    """The items of a list; anything but nothing stands for a list of itself."""
    if node is None or (not is_map(node) and not is_list(node) and kind_of(node) == "null"):
        return []
    return list(node.value) if is_list(node) else [node]


def named(node: Node | None, subject: str, predicate: str | None) -> list[tuple[str, Node, Node]]:
    """The entries of a list of objects with a name, or of a map by name: name, where it stands, and the entry.

    An entry of a map that is no object is the value of `predicate`, and given as it stands.
    """
    if is_map(node):
        return [(str(key.value), key, value) for key, value in items(node) if not str(key.value).startswith("$")]
    return [(text_of(fields(item).get(subject)) or "", fields(item).get(subject, item), item) for item in elements(node) if is_map(item)]


def everything(node: Node, seen: set[int] | None = None) -> Iterator[Node]:
    """All nodes, each once."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    for part in _parts(node):
        yield from everything(part, seen)


def keys(document: Document) -> Iterator[WorkflowError]:
    """Every key that stands twice in one object, and every one that is no text."""
    for node in everything(document.root):
        known: Mapping[str, Node] = {}
        for key, _ in node.value if is_map(node) else ():
            name = text_of(key)
            if name is None or kind_of(key) != "string":
                yield document.error(key, "a key must be text", "put it in quotes")
            elif name in known and name != "<<":
                line = known[name].start_mark.line + 1
                what = f"the key {name!r} stands twice (first in line {line})"
                yield document.error(key, what, "one of them must go, or have another name")
            known = {name or "": key, **known}
