"""Puts files and directories where results go: links to what is the run's own, copies of everything else.

Each file appears whole or not at all, and what it is made of stays where it is, so that all of this can be done again when it was cut short
at any point. Knows paths alone: which of them are results, and what they are called, is `deliver`'s to say.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hyflow.staging import destination, here

_COPY_INSTEAD = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""Why a file may be copied and yet have no further name: another file system, one without links, too many of them, somebody else's file."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something below a directory: `path` relative to it; `own`: no link was followed on the way, so that it may be linked to."""

    path: str
    source: str
    folder: bool
    own: bool


@dataclass(slots=True)
class Placing:
    """What one run puts in place; `run` is in the names of its unfinished files."""

    run: str
    _parts: set[str] = field(default_factory=set)
    _stopped: bool = False

    def stop(self) -> None:
        """Begin with no further file: whoever goes on gets InterruptedError. May be called from another thread."""
        self._stopped = True

    def write(self, target: str, data: bytes) -> None:
        """A new file with this content."""
        with self._becoming(target) as part:
            Path(part).write_bytes(data)

    def file(self, source: str, target: str, own: bool) -> None:
        """The file `source`; one that is the run's `own`, and no link, gets `target` as a further name, where the file system lets it."""
        if own and self._linked(source, target):
            return
        with self._becoming(target) as part:
            shutil.copy2(source, part)
            os.chmod(part, os.stat(part).st_mode & 0o777 | 0o200)

    def tree(self, source: str, target: str, own: bool, without: Collection[str]) -> None:
        """The directory `source`, links in it followed; where `target` is there already, what it holds beside stays. `without`: what
        lies in it (real paths) and is left out, as `target` itself is."""
        # Listed before anything is made: the target may lie in the source.
        entries = list(_entries(source, {*without, os.path.realpath(target)}, own and not os.path.islink(source)))
        self.directory(target, source)
        if (two := destination.clash(entry.path for entry in entries)) is not None and destination.folds(Path(target)):
            raise OSError(errno.EEXIST, f"its file system takes {two[0]!r} and {two[1]!r} for one name", target)
        for entry in entries:
            place = f"{target}/{entry.path}"
            if entry.folder:
                self.directory(place, entry.source)
            else:
                self.file(entry.source, place, entry.own)

    def directory(self, target: str, like: str | None = None) -> None:
        """A directory of that name, with the rights of another one where that is given; a link would lead elsewhere, so it makes room."""
        if os.path.islink(target):
            os.unlink(target)
        try:
            os.mkdir(target, 0o777 if like is None else os.stat(like).st_mode & 0o777 | 0o700)
        except FileExistsError:
            if not os.path.isdir(target):
                raise
            self.sweep(target)

    def sweep(self, directory: str) -> None:
        """Remove what this run has not finished there when it was killed."""
        for name in os.listdir(directory):
            if name.startswith(self._mark) and name.endswith(".part"):
                os.unlink(os.path.join(directory, name))

    def give_up(self) -> None:
        """Remove what is being written, from another thread."""
        for part in tuple(self._parts):
            here.remove(part)

    @property
    def _mark(self) -> str:
        return f".hyflow-{self.run}-"

    def _linked(self, source: str, target: str) -> bool:
        try:
            os.link(source, target)
        except FileExistsError:
            return os.path.samestat(os.lstat(source), os.lstat(target)) or self._replaced(source, target)
        except OSError as error:
            if error.errno in _COPY_INSTEAD:
                return False
            raise
        return True

    def _replaced(self, source: str, target: str) -> bool:
        """Another file has the name: it must not be missing for a moment."""
        try:
            with self._becoming(target) as part:
                os.link(source, part)
        except OSError as error:
            if error.errno in _COPY_INSTEAD:
                return False
            raise
        return True

    @contextlib.contextmanager
    def _becoming(self, target: str) -> Iterator[str]:
        """A file to make, which takes the place of `target` when it is whole."""
        part = os.path.join(os.path.dirname(target), f"{self._mark}{secrets.token_hex(8)}.part")
        self._parts.add(part)
        if self._stopped:
            raise InterruptedError
        try:
            yield part
            os.replace(part, target)
        finally:
            here.remove(part)
            self._parts.discard(part)


def _entries(
    source: str, without: Collection[str], own: bool, prefix: str = "", above: frozenset[str] = frozenset(), real: str | None = None
) -> Iterator[_Entry]:
    """All below `source`, directories before what they hold; links are followed, but never in a circle. `real`: where `source` is indeed,
    if that is known."""
    real = real or os.path.realpath(source)  # which looks at every directory above
    if real in above:
        return
    for child in here.children(source):
        inner = os.path.realpath(child.path) if child.link else f"{real}/{child.name}"
        if inner in without:
            continue
        path = prefix + child.name
        yield _Entry(path, child.path, child.folder, own and not child.link)
        if child.folder:
            yield from _entries(child.path, without, own and not child.link, f"{path}/", above | {real}, inner)
