"""The manifest of an attempt: what lies in its output directory, and what its globs match. Reads regular files only."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from hashlib import sha1, sha256
from typing import Any

from .patterns import match

CHUNK = 1 << 20
CONTENTS = 65_537
JSON_LIMIT = 64 << 20
ENTRIES_LIMIT = 5_000_000
QUICK_ENTRIES = 200
QUICK_BYTES = 1 << 19
EMPTY = sha1(b"", usedforsecurity=False).hexdigest(), sha256(b"").hexdigest()
Entries = dict[str, dict[str, Any]]


class TooMuch(Exception):
    """There is more to do than the budget allows."""


class Collection:
    """Builds one manifest. With `quick`, raises TooMuch as soon as it turns out to be more than a moment's work."""

    def __init__(self, out: str, *, quick: bool) -> None:
        self._out, self._real = out, os.path.realpath(out)
        self._entries: Entries = {}
        self._room = QUICK_ENTRIES if quick else ENTRIES_LIMIT
        self._bytes = QUICK_BYTES if quick else 1 << 62

    def manifest(self, globs: list[dict[str, Any]]) -> dict[str, Any]:
        """Entries, matches and cwl.output.json (base64), as the model's Manifest has them."""
        self._scan()
        matches = []
        for glob in globs:
            found = match(self._out, glob["pattern"])
            matches.append(found)
            for path in found:
                self._include(path, glob)
        return {"entries": self._entries, "matches": matches, "output_json": self._output_json()}

    def _scan(self) -> None:
        """The whole tree; links are told, not entered."""
        todo = [("", self._out)]
        while todo:
            prefix, here = todo.pop()
            for item in listed(here):
                path = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    self._add(path, "d")
                    todo.append((path + "/", item.path))
                elif item.is_symlink():
                    self._add_followed(path, item.path, os.path.realpath(item.path))
                elif item.is_file(follow_symlinks=False):
                    self._add(path, "f", item.stat(follow_symlinks=False).st_size)
                else:
                    self._add(path, "o")

    def _add(self, path: str, kind: str, size: int = 0, real: str | None = None) -> dict[str, Any]:
        self._room -= 1
        if self._room < 0:
            raise TooMuch
        entry = self._entries[path] = {"path": path, "kind": kind, "size": size, "real": real}
        return entry

    def _add_followed(self, path: str, at: str, real: str | None) -> dict[str, Any]:
        try:
            found = os.stat(at)
        except OSError:
            return self._add(path, "l", 0, real)
        if stat.S_ISDIR(found.st_mode):
            return self._add(path, "d", 0, real)
        return self._add(path, "f", found.st_size, real) if stat.S_ISREG(found.st_mode) else self._add(path, "o", 0, real)

    def _include(self, path: str, glob: dict[str, Any]) -> None:
        """Tell all of a match, and of its files what the glob asks for."""
        at = self._out if path == "." else f"{self._out}/{path}"
        if path == ".":
            files = self._below("", at)
        else:
            entry = self._entries.get(path) or self._add_followed(path, at, os.path.realpath(at))
            files = self._below(path + "/", at) if entry["kind"] == "d" else iter([(entry, at)])
            if glob["contents"] and entry["kind"] == "f" and "contents" not in entry:
                entry["contents"] = base64.b64encode(self._read(at, CONTENTS)).decode("ascii")
        for entry, at in files:
            if glob["checksum"] and entry["kind"] == "f" and "sha1" not in entry:
                entry["sha1"], entry["sha256"] = self._checksums(at, entry["size"])

    def _below(self, prefix: str, here: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Every entry below a directory, through links; a link that leads back to where it came from is not entered."""
        real = os.path.realpath(here)
        plain = f"{self._real}/{prefix[:-1]}" if prefix else self._real
        todo = [(prefix, here, real, real != plain, frozenset([real]))]
        while todo:
            prefix, here, real, beyond, above = todo.pop()
            for item in listed(here):
                path, link = prefix + item.name, item.is_symlink()
                below = os.path.realpath(item.path) if link else f"{real}/{item.name}"
                entry = self._entries.get(path) or self._add_followed(path, item.path, below if beyond or link else None)
                yield entry, item.path
                if entry["kind"] == "d" and below not in above:
                    todo.append((path + "/", item.path, below, beyond or link, above | {below}))

    def _checksums(self, path: str, size: int) -> tuple[str, str]:
        """SHA-1 and SHA-256 in one pass."""
        if size == 0:
            return EMPTY
        self._spend(size)
        first, second = sha1(usedforsecurity=False), sha256()
        with _opened(path) as fd:
            while chunk := os.read(fd, CHUNK):
                first.update(chunk)
                second.update(chunk)
        return first.hexdigest(), second.hexdigest()

    def _read(self, path: str, limit: int) -> bytes:
        self._spend(limit)
        chunks, left = [], limit
        with _opened(path) as fd:
            while left and (chunk := os.read(fd, min(left, CHUNK))):
                chunks.append(chunk)
                left -= len(chunk)
        return b"".join(chunks)

    def _spend(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise TooMuch

    def _output_json(self) -> str | None:
        entry = self._entries.get("cwl.output.json")
        if entry is None or entry["kind"] != "f":
            return None
        if entry["size"] > JSON_LIMIT:
            raise OSError(errno.EFBIG, f"it holds more than {JSON_LIMIT >> 20} MiB", "cwl.output.json")
        return base64.b64encode(self._read(f"{self._out}/cwl.output.json", entry["size"])).decode("ascii")


def listed(path: str) -> list[os.DirEntry[str]]:
    """What a directory holds. One of ours that its command closed is opened again."""
    try:
        with os.scandir(path) as items:
            return list(items)
    except PermissionError:
        unlock(path, 0o500)
        with os.scandir(path) as items:
            return list(items)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A regular file for reading; never waits for the other end of a pipe. A file of ours that may not be read is made readable."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = os.open(path, flags)
    except PermissionError:
        unlock(path, 0o400)
        fd = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "no longer a regular file", path)
        yield fd
    finally:
        os.close(fd)


def unlock(path: str, mode: int) -> None:
    """Let us read what the command made unreadable, never what lies beyond a link."""
    if os.path.realpath(path) != path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) | mode)


def tail(path: str, limit: int = 4096) -> str:
    """The last bytes of a log as text; what is not a plain file any more has none."""
    try:
        if os.lstat(path).st_size == 0:
            return ""
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return ""
        return os.pread(fd, limit, max(0, found.st_size - limit)).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)
