"""Strategies: documents with something wrong in them. Trees (what YAML or JSON holds) and texts, changed at random places."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 1 << 31, 1 << 64, 10 ** 400, 1.5, 1e308, float("nan"), float("inf"), "", " ", "a", "File", "$(inputs.x)",
    "$(", "${", "${return 1}",
    "$(inputs", "é🜚", "x" * 9_000, "\0", "\x1b[31m", "../..", "/", "#main", "#", "file:///nowhere", "_:x", "a\nb", "null", "string[]",
    "[]", "?", "int?[]", "array", "record",
    "v1.2", "v9", "https://w3id.org/cwl/cwl#File", "-", "%", "%zz", "http://[", "2001-01-01", [], {}, [[]], [None], {"": None},
    {"class": "File"}, {"class": None},
    {"type": "record"}, {"type": "array"}, {"type": "enum", "symbols": 3}, {"$import": "nowhere.cwl"}, {"$include": 3}, {"$mixin": "x"},
    {"class": "Directory", "listing": [3]},
)
KEYS = ("class", "type", "id", "inputs", "outputs", "steps", "run", "in", "out", "source", "scatter", "requirements", "hints",
        "cwlVersion", "$graph", "$namespaces", "$schemas",
        "", "é", "a b", "/", "#x", "constructor", "0", "null", "<<", "default", "inputBinding", "outputBinding", "glob", "valueFrom",
        "position", "sites", "bind", "version", "format",
        "items", "fields", "symbols", "secondaryFiles", "location", "path", "basename", "contents", "listing", "when", "linkMerge",
        "pickValue", "expression", "baseCommand")
PIECES = ("*a", "&a ", "!!binary x", "!x ", "<<: ", ".inf", ".nan", "0o17", "0x", "1_0", "2001-01-01", "\t", "\r\n", "\r", "\ufeff",
          "\x00", "\x85", "\u2028", "'", '"', "[", "]", "{",
          "}", ": ", "- ", "? ", "# ", "|\n", ">\n", "%YAML 9\n", "---\n", "...\n", "&a [*a]", "{a: *a}", "*", "&", "\ud83d", "\\", "$(",
          "@", "`", "\x1b[2J", "~", "=", "<<: *x\n")

Path = tuple[Any, ...]


def places(tree: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a tree, as the keys and indices that lead there."""
    yield at
    if isinstance(tree, dict | list):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(item, (*at, key))


def found(tree: Any, path: Path) -> Any:
    """What lies at a place."""
    for step in path:
        tree = tree[step]
    return tree


@st.composite
def mutated(draw: Any, tree: Any, others: Sequence[Any]) -> Any:
    """The tree with one to three things changed; `others` are trees to take parts from."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in places(tree) if path]
        if not paths:
            return copy.deepcopy(draw(st.sampled_from(SCALARS)))
        _change(draw, found(tree, (path := draw(st.sampled_from(paths)))[:-1]), path[-1], others)
    return tree


def _change(draw: Any, parent: Any, key: Any, others: Sequence[Any]) -> None:
    match draw(st.sampled_from(("scalar", "scalar", "delete", "rename", "wrap", "unwrap", "swap", "add", "double"))):
        case "scalar":
            parent[key] = copy.deepcopy(draw(st.sampled_from(SCALARS)))
        case "delete":
            del parent[key]
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = parent.pop(key)
        case "wrap":
            parent[key] = draw(st.sampled_from(([parent[key]], {"a": parent[key]}, [parent[key], parent[key]], {"class": parent[key]})))
        case "unwrap":
            inner = parent[key]
            if isinstance(inner, dict | list) and inner:
                parent[key] = next(iter(inner.values())) if isinstance(inner, dict) else inner[0]
        case "swap":
            other = draw(st.sampled_from(others))
            parent[key] = copy.deepcopy(found(other, draw(st.sampled_from(list(places(other))))))
        case "add" if isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(SCALARS)))
        case "double" if isinstance(parent, list):
            parent.append(parent[key])


def written(tree: Any) -> bytes:
    """The tree as JSON, which is YAML too; what JSON cannot say stands there all the same (NaN)."""
    return json.dumps(tree).encode("utf-8", "surrogatepass")


@st.composite
def garbled(draw: Any, text: bytes) -> bytes:
    """The text with bytes cut, flipped, doubled, or with pieces of YAML put in."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(("cut", "flip", "piece", "piece", "double", "drop"))):
            case "cut":
                text = text[:at]
            case "flip":
                text = text[:at] + bytes([draw(st.integers(0, 255))]) + text[at + 1:]
            case "piece":
                text = text[:at] + draw(st.sampled_from(PIECES)).encode("utf-8", "surrogatepass") + text[at:]
            case "double":
                text = text[:at] + text[max(0, at - 40):at] + text[at:]
            case "drop":
                text = text[:at] + text[at + draw(st.integers(1, 30)):]
    return text
