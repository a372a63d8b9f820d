"""Digests of files and whole directories of this machine: what lies there, links followed, as one SHA-256 each.

What cannot be said for sure (something that is neither file nor directory, a link that leads nowhere, what changes while it is read)
has no digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hyflow.errors import SiteError
from hyflow.staging.remembered import Remembered, is_young

MOST = 1_000_000
"""Entries of a directory beyond which it has no digest."""
LARGE = 1 << 16
"""Bytes of a file from which on its checksum is worth remembering."""
_CHUNK = 1 << 20

Entry: TypeAlias = tuple[str, str, int, str]
"""Of a directory: path relative to it, kind (f: file, d: directory, c: one that holds what it is in), size in bytes of a file, digest of
a file in hex, or how many levels up."""


class Unsure(SiteError):
    """There is no digest of this."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"what {path!r} holds cannot be told: {why}", transient=False)


@dataclass(frozen=True, slots=True)
class Digest:
    """SHA-256 in hex, of a file its contents, of a directory `tree_digest`. `size` in bytes, of all files together. `executable`: a file
    that somebody may execute."""

    sha256: str
    size: int
    executable: bool = False


@dataclass(slots=True)
class Look:
    """What the system says of all that lies at a path. `young`: some of it was changed a moment before it was looked at."""

    seal: str = ""
    young: bool = False
    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    directory: bool = False


def tree_digest(entries: Iterable[Entry]) -> str:
    """The digest of a directory that holds this, whatever the order."""
    digest = hashlib.sha256(b"hyflow tree 1\0")
    for path, kind, size, what in sorted(entries, key=lambda entry: os.fsencode(entry[0])):
        name = os.fsencode(path)
        digest.update(b"%s%d:%s%d:%s;" % (kind.encode(), len(name), name, size, what.encode()))
    return digest.hexdigest()


def look(path: str) -> Look:
    """What lies at the path, without reading files. Raises Unsure."""
    now = time.time_ns()
    found = _stat(path)
    if stat.S_ISREG(found.st_mode):
        return Look(str(_sign(found)), is_young(found, now), [("", found)])
    seen, seal = Look(directory=True), hashlib.sha256()
    for inner, kind, status in _walk(path, "", found, []):
        if kind == "f":
            seen.files.append((inner, status))
        elif inner:
            seen.entries.append((inner, kind[0], 0, kind[1:]))
        if len(seen.files) + len(seen.entries) > MOST:
            raise Unsure(path, f"there are more than {MOST:,} files")
        seen.young = seen.young or is_young(status, now)
        seal.update(b"%s\0%s%s;" % (os.fsencode(inner), kind.encode(), str(_sign(status)).encode()))
    seen.seal = seal.hexdigest()
    return seen


def read(path: str, seen: Look, remembered: Remembered | None) -> Digest:
    """The digest of what was seen. Raises Unsure when it is not that any more, or cannot be read."""
    made = [(inner, "f", status.st_size, _file_digest(os.path.join(path, inner) if inner else path, status, remembered))
            for inner, status in seen.files]
    size = sum(status.st_size for _, status in seen.files)
    if seen.directory:
        if look(path).seal != seen.seal:
            raise Unsure(path, "it changes while it is read")
        return Digest(tree_digest([*seen.entries, *made]), size)
    return Digest(made[0][3], size, is_executable(seen.files[0][1].st_mode))


def _file_digest(path: str, status: os.stat_result, remembered: Remembered | None) -> str:
    known = remembered.get(status) if remembered is not None and status.st_size >= LARGE else None
    if known is not None:
        return known
    now = time.time_ns()
    digest = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # never waits, whatever lies there by now
        try:
            while chunk := os.read(descriptor, _CHUNK):
                digest.update(chunk)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unsure(path, (error.strerror or "the system refuses it").lower()) from error
    if _sign(after) != _sign(status):
        raise Unsure(path, "it changes while it is read")
    if remembered is not None and status.st_size >= LARGE:
        remembered.put(status, digest.hexdigest(), now)
    return digest.hexdigest()


def is_executable(mode: int) -> bool:
    """Whether anybody may execute the file."""
    return bool(mode & 0o111)


def _sign(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except (OSError, ValueError) as error:
        raise Unsure(path, (getattr(error, "strerror", None) or "it is no path").lower()) from error


def _walk(path: str, inner: str, found: os.stat_result, above: list[tuple[int, int]]) -> Iterator[tuple[str, str, os.stat_result]]:
    """Path relative to the beginning, kind and status of all that there is, in the order of names; a directory before what it holds."""
    if stat.S_ISREG(found.st_mode):
        yield inner, "f", found
        return
    if not stat.S_ISDIR(found.st_mode):
        raise Unsure(path, "it is neither a file nor a directory")
    here = (found.st_dev, found.st_ino)
    if here in above:
        yield inner, f"c{len(above) - above.index(here)}", found
        return
    yield inner, "d", found
    above.append(here)
    for name in _names(path):
        child = os.path.join(path, name)
        yield from _walk(child, f"{inner}/{name}" if inner else name, _stat(child), above)
    above.pop()


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path), key=os.fsencode)
    except OSError as error:
        raise Unsure(path, (error.strerror or "the system refuses it").lower()) from error
