"""Addresses and names of files as CWL sees them: basename, nameroot, nameext (CWL v1.2, CommandLineTool, section 4.1.2, "File").

Names may hold any character but a slash; bytes that are not UTF-8 travel as surrogates. Nothing here looks at a disk.
"""

from __future__ import annotations

import os
import posixpath
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from hyflow.errors import WorkflowError
from hyflow.model.values import Value
from hyflow.nearest import nearest


def path_uri(base: str, path: str) -> str:
    """The address of `path` (relative, as text) below the directory at `base`."""
    return f"{base.rstrip('/')}/{quote(os.fsencode(path))}" if path not in ("", ".") else base.rstrip("/")


def file_uri(path: str) -> str:
    """The address of an absolute path of this machine."""
    return "file://" + quote(os.fsencode(path))


def unquoted(text: str) -> str:
    """Percent-encoded text as it was."""
    return os.fsdecode(unquote_to_bytes(text)) if "%" in text else text


def name_of(uri: str) -> str:
    """The last name in an address. Raises WorkflowError."""
    try:
        return unquoted(posixpath.basename(urlsplit(uri).path.rstrip("/")))
    except ValueError as error:
        raise WorkflowError(f"{uri[:200]!r} is no address") from error


def split_name(basename: str) -> tuple[str, str]:
    """`nameroot` and `nameext`: the extension begins at the last dot that is not the first character."""
    at = basename.rfind(".")
    if at <= 0 or not basename[:at].strip("."):
        return basename, ""
    return basename[:at], basename[at:]


def checked_name(basename: Any) -> str:
    """`basename` when it can be the name of a file. Raises WorkflowError."""
    if not isinstance(basename, str) or not basename or "/" in basename or "\0" in basename or basename in (".", ".."):
        raise WorkflowError(f"{basename!r} cannot be the name of a file: it must be text without slashes, and neither . nor ..")
    return basename


def basename_of(data: dict[str, Value]) -> str:
    """The name of a File or Directory object: what it says, or the last name of its address. Raises WorkflowError."""
    name = data.get("basename")
    if name is None:
        name = name_of(str(data.get("location") or data.get("path") or ""))
    return checked_name(name)


def renamed(basename: str, pattern: str) -> str:
    """The name of a secondary file: each ^ at the front of `pattern` takes away one extension, the rest is appended."""
    while pattern.startswith("^"):
        basename, pattern = split_name(basename)[0], pattern[1:]
    return basename + pattern


def sibling(uri: str, name: str) -> str:
    """The address of what is called `name` in the directory of `uri`."""
    return path_uri(uri.rstrip("/").rpartition("/")[0], name)


def shown(address: str) -> str:
    """How an address or an absolute path is called in messages.

    Files of this machine by their path, relative to here where that is shorter; addresses without user and password.
    """
    parts = urlsplit(address) if "://" in address else None
    if parts is not None and parts.scheme != "file":
        return address.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
    path = address if parts is None else unquoted(parts.path)
    fragment = f"#{parts.fragment}" if parts is not None and parts.fragment else ""
    return _shorter(path, os.getcwd()) + fragment


@lru_cache(maxsize=1024)
def _shorter(path: str, here: str) -> str:
    relative = os.path.relpath(path, here)
    return relative if len(relative) < len(path) else path


def beside(path: Path) -> str:
    """What to do about a file that is not there: the nearest name in its directory."""
    if not path.parent.is_dir():
        return f"there is no directory {shown(str(path.parent))} either"
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        names = []
    near = nearest(path.name, names)
    return f"did you mean {shown(str(path.parent / near))}?" if near else f"there is nothing of a similar name in {shown(str(path.parent))}"
