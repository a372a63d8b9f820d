"""What cwltool and schema-salad complain about, as errors of ours: one clear message each, with file, line and column.

Knows their exceptions by their text alone. Most mistakes are found by `survey` before anybody looks here: what is left is what only
cwltool works out, such as the types of linked values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from hyflow.cwl.addresses import shown
from hyflow.errors import UnsupportedRequirement, Where, WorkflowError

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PLACE = re.compile(r"^(?P<file>\S.*?):(?P<line>\d+):(?P<column>\d+):\s?", re.MULTILINE)
_FILE = re.compile(r"file://(/[^\s'\"]*)")
_TRACE = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*", re.MULTILINE)
_ANONYMOUS = re.compile(r"enum_[0-9a-f]{40}")
_LINK = re.compile(r"Source '(?P<source>[^']*)' of type (?P<gives>.*) is incompatible")
_SINK = re.compile(r"with sink '(?P<sink>[^']*)' of type (?P<takes>.*?)(?P<more>(?: source has linkMerge| pickValue).*)?$")
_UNNAMED = re.compile(r"^\S.*?:\d+:\d+:\s?", re.MULTILINE)
_MERGING = ("merge_nested", "merge_flattened", "all_non_null")

_PLAINLY: tuple[tuple[re.Pattern[str], str, str | None], ...] = (
    (re.compile(r"no longer supports pre CWL v1.0 documents"), "its cwlVersion is none that hyflow knows",
     "the versions that it knows are v1.0, v1.1 and v1.2"),
    (re.compile(r"Field '(\w+)' references unknown identifier '([^']*)'"), r"`\1` names \2, which is not there", "check how it is spelt"),
    (re.compile(r"invalid field '([^']*)'"), r"there is no field '\1' here", None),
    (re.compile(r"\[Errno -?\d+\] ([^\"'):]*)"), r"it cannot be read: \1", None),
    (re.compile(r"Field name collision|has duplicate|[Dd]uplicate"), "a name is given twice", "give one of them another name"),
)  # fmt: skip
"""What needs other words than theirs: a sign to know it by, what is wrong, what to do."""


def workflow_error(error: Exception, document: str) -> WorkflowError:
    """The error to raise for what happened while the document at this address was read."""
    if isinstance(error, WorkflowError):
        return error
    text = cleaned("\n".join(_leaves(error)) or str(error)) or type(error).__name__
    if links := sorted(_links(text), key=_order):
        return links[0] if len(links) == 1 else WorkflowError(links)
    kind = UnsupportedRequirement if type(error).__name__ == "UnsupportedRequirement" else WorkflowError
    for sign, what, hint in _PLAINLY:
        if (found := sign.search(text)) is not None:
            return kind(found.expand(what), where=_first_place(text) or shown(document), hint=hint)
    return _deepest(kind, error, document) or _placed(kind, text, document)


def cleaned(text: str) -> str:
    """`text` without colours and tracebacks, with file: addresses as paths and values by what their author calls them."""
    plain = _TRACE.sub("", _COLOUR.sub("", text))
    plain = plain.replace("CommentedMap", "an object").replace("CommentedSeq", "a list")
    return _FILE.sub(lambda found: shown("file://" + found.group(1)), plain).strip()


def _placed(kind: type[WorkflowError], text: str, document: str) -> WorkflowError:
    """The text with its first place in front, and the others where they stand."""
    place = _PLACE.search(text)
    if place is None:
        return kind(text, where=shown(document))
    where = Where(place["file"], int(place["line"]), int(place["column"]))
    return kind(text[place.end():] if place.start() == 0 else text, where=where)


def _first_place(text: str) -> Where | None:
    place = _PLACE.search(text)
    return None if place is None else Where(place["file"], int(place["line"]), int(place["column"]))


def _leaves(error: BaseException) -> list[str]:
    """Each mistake with its place, one a line; nothing where mistakes are alternatives, which only the whole tree explains."""
    tree = _tree(error)
    if tree is None or not getattr(tree, "children", None) or _alternatives(tree):
        return []
    return [f"{leaf.prefix()}{leaf.message.strip()}" for leaf in tree.leaves()]


def _tree(error: BaseException) -> Any:
    """schema-salad's tree of mistakes, where there is one."""
    cause = error.__cause__
    return error if hasattr(error, "leaves") else cause if cause is not None and hasattr(cause, "leaves") else None


def _deepest(kind: type[WorkflowError], error: BaseException, document: str) -> WorkflowError | None:
    """The mistake that lies deepest, where a tree says of several possibilities why each failed: the one meant got furthest."""
    tree = _tree(error)
    if tree is None or not _alternatives(tree):
        return None
    leaf, _ = max(_depths(tree, 0), key=lambda each: each[1])
    text = cleaned(f"{leaf.prefix()}{leaf.message}".split(" because")[0])
    return _placed(kind, _ANONYMOUS.sub("word", " ".join(text.split())), document)


def _depths(tree: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """The leaves of a tree, each with how deep it lies."""
    if not tree.children:
        yield tree, depth
    for child in tree.children:
        yield from _depths(child, depth + 1)


def _alternatives(tree: Any) -> bool:
    """Whether a tree of mistakes somewhere says of several possibilities why each failed."""
    return sum(child.message.startswith("tried ") for child in tree.children) > 1 or any(_alternatives(child) for child in tree.children)


# -- links ------------------------------------------------------------------------------------------------------------


def _links(text: str) -> Iterator[WorkflowError]:
    """An error for each link between values of different types: two lines of cwltool's, that of the source first."""
    places = [_first_place(found[0]) for found in _PLACE.finditer(text)]
    parts = [" ".join(part.split()) for part in _UNNAMED.split(text)[1:]]
    source: tuple[re.Match[str], Where | None] | None = None
    for number, (place, part) in enumerate(zip(places, parts, strict=True)):
        more = takewhile(lambda each: not _LINK.search(each) and not _SINK.search(each), parts[number + 1:])  # with places of their own
        sink = _SINK.search(" ".join([part, *more]))
        if source is not None and sink is not None:
            yield _unlike(*source, sink, place)
        found = _LINK.search(part)
        source = None if found is None else (found, place)
        if found is not None and sink is not None:  # a line like the one before stands without its place
            yield _unlike(found, place, sink, place)


def _unlike(source: re.Match[str], at: Where | None, sink: re.Match[str], place: Where | None) -> WorkflowError:
    """The error about one link."""
    what = f"{sink['sink']} takes {_type(sink['takes'])}, and {source['source']} gives {_type(source['gives'])}"
    if found := [word for word in _MERGING if word in (sink["more"] or "")]:
        what += f", of which {' and '.join(found)} make a list"
    return WorkflowError(what, where=place, hint=None if at is None else f"{source['source']} is declared at {at}")


def _order(error: WorkflowError) -> tuple[str, int, int]:
    where = error.where
    return (where.file, where.line, where.column) if isinstance(where, Where) else ("", 0, 0)


def _type(text: str) -> str:
    """A type as JSON in words."""
    try:
        return _described(json.loads(text))
    except ValueError:
        return text


def _described(value: Any) -> str:
    match value:
        case str():
            return value.rpartition("#")[2].rpartition("/")[2]
        case list():
            return " or ".join("nothing" if option == "null" else _described(option) for option in value)
        case {"type": "array", "items": inner}:
            return f"a list of {_described(inner)}"
        case {"type": "enum", "symbols": list(symbols)}:
            return f"one of {', '.join(_described(symbol) for symbol in symbols)}"
        case {"type": "record"}:
            return "a record"
        case {"type": inner}:
            return _described(inner)
        case _:
            return str(value)
