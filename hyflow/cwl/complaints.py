"""What cwltool and schema-salad complain about, as errors of ours: one clear message, with file, line and column.

Knows their exceptions by their text alone. Does not know how a document is read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from hyflow.cwl.requirements import OLD_NAMES, SUPPORTED
from hyflow.errors import UnsupportedRequirement, Where, WorkflowError

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PLACE = re.compile(r"^(?P<file>\S.*?):(?P<line>\d+):(?P<column>\d+):\s?", re.MULTILINE)
_FILE = re.compile(r"file://(/[^\s'\"]*)")
_FIELD = re.compile(r"invalid field '(?P<field>[^']*)', expected one of: (?P<known>.*)", re.DOTALL)
_KNOWN = SUPPORTED | {name.rpartition("#")[2] for name in OLD_NAMES}
_TRACE = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*", re.MULTILINE)

_PLAINLY = (
    (
        re.compile(r"no longer supports pre CWL v1.0 documents"),
        "its cwlVersion is none that hyflow knows",
        "the versions that it knows are v1.0, v1.1 and v1.2",
    ),
    (
        re.compile(r"No cwlVersion found"),
        "this is no CWL document: it does not say its cwlVersion",
        "a CWL document says cwlVersion: v1.2 at its top",
    ),
    (
        re.compile(r"graph of multiple objects, must specify one of (.*)"),
        r"the document holds several processes, and none of them is #main: \1",
        "name one of them, as in FILE#ID",
    ),
    (re.compile(r"Error fetching .*\[Errno -?\d+\] ([^\"')]*)", re.DOTALL), r"cannot be fetched: \1", None),
)
"""What needs other words than theirs: a sign to know it by, what is wrong, what to do."""


def cleaned(text: str) -> str:
    """`text` without colours and tracebacks, with file: addresses as paths and values by what their author calls them."""
    plain = _TRACE.sub("", _COLOUR.sub("", text))
    plain = plain.replace("CommentedMap", "an object").replace("CommentedSeq", "a list")
    return _FILE.sub(lambda found: unquote(found.group(1)), plain).strip()


def workflow_error(error: Exception, document: str, texts: Mapping[str, str]) -> WorkflowError:
    """The error to raise for what happened while `document` was read; `texts` are the documents that were read, by address."""
    unknown = list(unknown_requirements(texts))
    if unknown:
        return UnsupportedRequirement("\n".join(unknown), hint="put it under hints if the workflow can do without")
    if isinstance(error, ValueError) and "must be a dict" in str(error):
        return WorkflowError("a CWL document must be an object", where=readable(document))
    for sign, what, hint in _PLAINLY:
        if (found := sign.search(str(error))) is not None:
            return WorkflowError(found.expand(what), where=readable(document), hint=hint)
    message = cleaned("\n".join(_leaves(error)) or str(error)) or type(error).__name__
    kind = UnsupportedRequirement if type(error).__name__ == "UnsupportedRequirement" else WorkflowError
    place = _PLACE.search(message)
    if place is None:
        return kind(message, where=readable(document))
    where = Where(place["file"], int(place["line"]), int(place["column"]))
    return kind(message[place.end():] if place.start() == 0 else message, where=where)


def _leaves(error: BaseException) -> list[str]:
    """Each mistake with its place, one a line; nothing where mistakes are alternatives, which only the whole tree explains."""
    cause = error.__cause__
    tree = error if hasattr(error, "leaves") else cause if cause is not None and hasattr(cause, "leaves") else None
    if tree is None or not getattr(tree, "children", None) or _alternatives(tree):
        return []
    return [f"{leaf.prefix()}{_suggested(leaf.message)}" for leaf in tree.leaves()]


def _alternatives(tree: Any) -> bool:
    """Whether a tree of mistakes somewhere says of several possibilities why each failed."""
    return sum(child.message.startswith("tried ") for child in tree.children) > 1 or any(_alternatives(child) for child in tree.children)


def _suggested(message: str) -> str:
    """A complaint about an unknown field with the nearest field that there is, in place of a list of all."""
    found = _FIELD.fullmatch(message.strip())
    near = difflib.get_close_matches(found["field"], re.findall(r"'(\w+)'", found["known"]), 1) if found else []
    return f"there is no field {found['field']!r} here, did you mean {near[0]!r}?" if found and near else message.strip()


def readable(uri: str) -> str:
    """An address as a person would write it: file: addresses as paths."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote(parts.path) + (f"#{parts.fragment}" if parts.fragment else "")


def unknown_requirements(texts: Mapping[str, str]) -> Iterator[str]:
    """A message for each entry of any `requirements` in the documents whose class nobody here knows."""
    for uri, text in texts.items():
        if "requirements" not in text:
            continue
        try:
            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
        except (yaml.YAMLError, ValueError):
            continue
        for name in _required(document):
            if name.rpartition("#")[2].rpartition(":")[2] not in _KNOWN:
                near = difflib.get_close_matches(name, SUPPORTED, 1)
                yield f"{readable(uri)}: the requirement {name} is not supported" + (f", did you mean {near[0]}?" if near else "")


def _required(value: Any) -> Iterator[str]:
    """The classes under every `requirements` of process-like mappings inside `value`."""
    if isinstance(value, dict):
        listed = value.get("requirements") if "class" in value or "run" in value else None
        yield from _classes(listed)
        for item in value.values():
            yield from _required(item)
    elif isinstance(value, list):
        for item in value:
            yield from _required(item)


def _classes(listed: Any) -> Iterable[str]:
    if isinstance(listed, dict):
        return [str(name) for name in listed if not str(name).startswith("$")]
    if isinstance(listed, list):
        return [str(item["class"]) for item in listed if isinstance(item, dict) and "class" in item]
    return []
