"""Compiled programs on disk, so that a document that has not changed is not compiled again.

A directory (0700) of JSON files, each named by a hash of what was asked for and by whom, each holding the hashes of all
documents that were read; it counts only while every one of them is as it was. Whatever cannot be read is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from hyflow import __version__, plain
from hyflow.model.workflow import Program

_MAKERS = ("compile.py", "normalize.py", "requirements.py", "placing.py", "places.py", "proofreading.py")
"""The modules here that decide what a compiled program looks like."""


class _Entry(msgspec.Struct, frozen=True):
    """`documents`: SHA-256 of the text of each document that was read, by address."""

    documents: dict[str, str]
    program: Program


def lookup(cache: Path, uri: str, overrides: Sequence[Mapping[str, Any]]) -> Program | None:
    """The program that was compiled from `uri`, or None when there is none or any document has changed."""
    try:
        if cache.stat().st_uid != os.getuid():  # what others put there would be run
            return None
        entry: _Entry = plain.loads((cache / _name(uri, overrides)).read_bytes(), _Entry)
        current = all(_digest(_path(address).read_bytes()) == digest for address, digest in entry.documents.items())
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    return entry.program if current else None


def store(cache: Path, uri: str, overrides: Sequence[Mapping[str, Any]], texts: Mapping[str, str], program: Program) -> None:
    """Keep a program. Nothing is kept when a document came from afar, as nobody can tell whether it is still the same."""
    if not all(address.startswith("file:") for address in texts):
        return
    with contextlib.suppress(OSError):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        documents = {address: _digest(_path(address).read_bytes()) for address in texts}
        whole = cache / _name(uri, overrides)
        part = whole.with_name(f"{whole.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(plain.dumps(_Entry(documents, program)))
            part.replace(whole)
        finally:
            part.unlink(missing_ok=True)  # of a disk that is full: what was written of it


def _name(uri: str, overrides: Sequence[Mapping[str, Any]]) -> str:
    asked = [uri, list(overrides), __version__, _makers(), _version("cwltool"), _version("schema_salad")]
    return hashlib.sha256(plain.dumps(asked)).hexdigest() + ".json"


def _makers() -> list[int]:
    """When the code that compiles was changed last: an editable installation keeps its version."""
    return [Path(__file__).with_name(name).stat().st_mtime_ns for name in _MAKERS]


def _version(package: str) -> str:
    """The installed version of the distribution that holds a package, by the directory beside it: importlib.metadata takes 15 ms."""
    spec = find_spec(package)
    beside = Path(spec.origin).parent.parent if spec is not None and spec.origin else Path()
    found = sorted(beside.glob(f"{package}-*.dist-info"))
    if found:
        return found[0].name
    from importlib import metadata

    return metadata.version(package)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))
