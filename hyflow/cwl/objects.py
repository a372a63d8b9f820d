"""File and Directory objects: their names, what was found at an address, listings, contents.

What it cannot know it asks for (`Knowledge`). Paths are given later, when a place is known.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hyflow.cwl.addresses import basename_of, file_uri, name_of, path_uri, split_name
from hyflow.cwl.knowledge import Knowledge
from hyflow.errors import WorkflowError
from hyflow.model.facts import CONTENTS_LIMIT, Found, Listing
from hyflow.model.values import Value, is_data

Data = dict[str, Any]
_TEXTS = ("location", "path", "contents")
_PARTS = ("listing", "secondaryFiles")


def well_formed(data: Data) -> Data:
    """The same object, when what it holds is what a File or Directory may hold. Raises WorkflowError: expressions and commands make any.

    Says nothing of what lies inside listings and secondary files: whoever goes there asks again.
    """
    for word in _TEXTS:
        if (text := data.get(word)) is not None and not isinstance(text, str):
            raise WorkflowError(f"`{word}` of a {data['class']} must be text, found {_shown(text)}")
    for part in _PARTS:
        listed = data.get(part)
        if listed is not None and not (isinstance(listed, list) and all(map(is_data, listed))):
            wrong = next((item for item in listed if not is_data(item)), listed) if isinstance(listed, list) else listed
            raise WorkflowError(f"`{part}` of a {data['class']} must list Files and Directories, found {_shown(wrong)}")
    return data


def _shown(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


def described(data: Data) -> Data:
    """A new object for a File or Directory with its names; relative to nothing: only addresses and literals are data."""
    made = dict(well_formed(data))
    path = made.pop("path", None)
    literal = "contents" in made if made["class"] == "File" else "listing" in made
    if "location" not in made and path is not None and not literal:
        made["location"] = as_uri(path)
    if "location" not in made and not literal:
        raise WorkflowError(f"a {made['class']} object has no location and no {'contents' if made['class'] == 'File' else 'listing'}")
    if "basename" not in made and "location" not in made:
        made["basename"] = literal_name(made)
    name = made["basename"] = basename_of(made)
    if made["class"] == "File":
        made["nameroot"], made["nameext"] = split_name(name)
    return made


def as_uri(path: str) -> str:
    """A path that a document or a job gives, as an address."""
    if "://" in path:
        return path
    if not path.startswith("/"):
        raise WorkflowError(f"the path {path!r} is relative to nothing that is known")
    return file_uri(path)


def literal_name(data: Data) -> str:
    """A name for a literal that has none: the same for the same literal."""
    text = repr(data.get("contents", data.get("listing")))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def data_at(uri: str, found: Found) -> Data:
    """The object for what was found at an address."""
    if found.kind == "d":
        return {"class": "Directory", "location": uri, "basename": name_of(uri)}
    return {"class": "File", "location": uri, "basename": name_of(uri), "size": found.size}


def with_listing(directory: Data, deep: bool, know: Knowledge) -> Data:
    """The directory with its `listing`, asked for where it is not there; of a literal, that of the directories inside."""
    if "location" not in directory:
        if not deep:
            return directory
        return {**directory, "listing": know.each(lambda item: _inner(item, know), directory.get("listing") or [])}
    uri = directory["location"]
    entries: tuple[tuple[str, Found], ...] = know.ask(Listing(uri, deep))
    return {**directory, "listing": _tree(uri, "", entries, deep)}


def _inner(item: Data, know: Knowledge) -> Data:
    return with_listing(item, True, know) if item["class"] == "Directory" else item


def _tree(uri: str, prefix: str, entries: tuple[tuple[str, Found], ...], deep: bool) -> list[Data]:
    """The objects directly below `prefix` ("" or "a/b/"), with what lies below them where `deep`."""
    below: dict[str, list[tuple[str, Found]]] = {}
    tops: list[tuple[str, Found]] = []
    for path, found in entries:
        head, slash, rest = path.partition("/")
        if slash:
            below.setdefault(head, []).append((rest, found))
        else:
            tops.append((path, found))
    made = []
    for name, found in tops:
        data = described({**data_at(path_uri(uri, prefix + name), found), "basename": name})
        if deep and found.kind == "d":
            data["listing"] = _tree(uri, f"{prefix}{name}/", tuple(below.get(name, ())), deep)
        made.append(data)
    return made


def loaded(data: bytes, strict: bool, uri: str) -> str:
    """`contents` of a file from its first 64 KiB and one byte. Raises WorkflowError for what is no text, and, when `strict`, for more."""
    whole = len(data) <= CONTENTS_LIMIT
    if not whole and strict:
        raise WorkflowError(f"{uri} holds more than 64 KiB, the limit of loadContents")
    try:
        return data[:CONTENTS_LIMIT].decode("utf-8")
    except UnicodeDecodeError as error:
        if not whole and error.start > CONTENTS_LIMIT - 4:  # cut inside a character
            return data[:error.start].decode("utf-8")
        raise WorkflowError(f"{uri} is not text in UTF-8, so its contents cannot be loaded") from error
