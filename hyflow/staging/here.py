"""Files of this machine: answers to the facts that pure code asks for, and the few things that are done to them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hyflow.errors import SiteError
from hyflow.model.facts import CONTENTS_LIMIT, Found
from hyflow.staging.absence import absence

_CHUNK = 1 << 20


def found(path: str) -> Found | None:
    """What lies at the path, links followed; None when there is nothing that can be read as a file or directory."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Found("d")
    return Found("f", status.st_size) if stat.S_ISREG(status.st_mode) else None


@dataclass(frozen=True, slots=True)
class Child:
    """An entry of a directory: a file or, if `folder`, a directory; `link`: a link leads to it."""

    name: str
    path: str
    folder: bool
    link: bool


def children(directory: str) -> Iterator[Child]:
    """The files and directories in it, in no order; links are followed, and those that lead nowhere left out. Raises OSError."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                if (what := found(entry.path)) is not None:
                    yield Child(entry.name, entry.path, what.kind == "d", True)
            elif (folder := entry.is_dir()) or entry.is_file():
                yield Child(entry.name, entry.path, folder, False)


def contents(path: str) -> bytes:
    """The first CONTENTS_LIMIT + 1 bytes."""
    with _translated(path), Path(path).open("rb") as file:
        return file.read(CONTENTS_LIMIT + 1)


def listing(path: str, deep: bool) -> tuple[tuple[str, Found], ...]:
    """What the directory holds, by path relative to it, sorted; links to directories are entered, but never in a circle."""
    entries: list[tuple[str, Found]] = []
    with _translated(path):
        _list(path, "", deep, frozenset(), entries)
    return tuple(sorted(entries, key=lambda entry: os.fsencode(entry[0])))


def _list(
    path: str, prefix: str, deep: bool, above: frozenset[str], entries: list[tuple[str, Found]], real: str | None = None
) -> None:
    """`real`: where `path` is indeed, if that is known."""
    real = real or os.path.realpath(path)  # which looks at every directory above
    if real in above:
        return
    for name in os.listdir(path):
        child = os.path.join(path, name)
        what = found(child)
        if what is None:
            continue
        entries.append((prefix + name, what))
        if deep and what.kind == "d":
            inner = None if os.path.islink(child) else os.path.join(real, name)
            _list(child, prefix + name + "/", deep, above | {real}, entries, inner)


def sha1(path: str) -> str:
    """The SHA-1 of the file, in hex: CWL's own checksum (File.checksum), not a safeguard."""
    digest = hashlib.sha1(usedforsecurity=False)
    with _translated(path), Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def real(path: str, folders: dict[str, str]) -> str:
    """The path with all links resolved; SiteError when nothing lies there. `folders` remembers those of directories."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError) as error:
        raise _gone(path) from error
    if stat.S_ISLNK(status.st_mode):
        if found(path) is None:
            raise _gone(path)
        return os.path.realpath(path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise _gone(path)
    folder, name = os.path.split(path)
    if name in ("", ".", ".."):
        return os.path.realpath(path)
    known = folders.get(folder)
    if known is None:
        known = folders[folder] = os.path.realpath(folder)
    return os.path.join(known, name)


def _gone(path: str) -> SiteError:
    what, hint = absence(path, "f")
    return SiteError(what, transient=False, hint=hint)


def remove(path: str) -> None:
    """Remove a file or a whole tree of our own; links are removed, not followed. What is not there is not missed."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            _remove_tree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass


def _remove_tree(path: str) -> None:
    """Like shutil.rmtree, also through directories that a tool has made unreadable."""

    def unlock(function: object, name: str, error: BaseException) -> None:
        parent = os.path.dirname(name)
        for directory in (parent, name):
            if os.path.isdir(directory) and not os.path.islink(directory):
                os.chmod(directory, 0o700)
        if os.path.isdir(name) and not os.path.islink(name):
            shutil.rmtree(name, ignore_errors=True)
        elif os.path.lexists(name):
            os.unlink(name)

    def unlock_old(function: object, name: str, info: tuple[type[BaseException], BaseException, object]) -> None:
        unlock(function, name, info[1])

    shutil.rmtree(path, onerror=unlock_old)


class _translated:  # noqa: N801 - reads as a verb in `with`
    """An operating system's error about `path` becomes a SiteError that names it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            reason = (error.strerror or "the system refuses it").lower()
            raise SiteError(f"{self._path!r} cannot be read: {reason}", transient=False) from error
