"""Whether inputs stayed what they were: commands of this machine are given links to the files themselves, and may write to them.

Costs one `stat` when a path is first used, and one for each input of a job that has ended. Of a directory only its own entries are seen
to change, not what lies in its files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_WAY_OUT = (
    "Commands on this machine are given the files themselves: one that writes to an input needs "
    "InitialWorkDirRequirement with `writable: true`, for a copy of its own."
)


@dataclass(frozen=True, slots=True)
class Change:
    """`path` is not what it was: `before` and `after` are sizes in bytes, -1 when it is gone; `directory`: it is or was one."""

    path: str
    before: int
    after: int
    directory: bool

    def __str__(self) -> str:
        if self.after < 0:
            return f"{self.path} (which is gone)"
        resized = self.before != self.after and not self.directory
        return f"{self.path} ({self.before:,} bytes before, {self.after:,} now)" if resized else self.path


def told(changes: Sequence[Change]) -> str:
    """What happened and what to do, in two lines."""
    more = f", and {len(changes) - 1:,} more" if len(changes) > 1 else ""
    return f"its input {changes[0]} was changed while it ran{more}\n  {_WAY_OUT}"


_Look = tuple[int, int, int, int]
"""Inode, size, time of modification in ns, mode."""

_ALIVE = ("/proc/", "/sys/")
"""What lies there is made when it is read, and is never the same."""

_GONE = (0, -1, 0, 0)


class Noted:
    """How each path looked when it was last looked at."""

    def __init__(self) -> None:
        self._known: dict[str, _Look] = {}

    def note(self, path: str) -> None:
        if not path.startswith(_ALIVE):
            self._known[path] = _look(path)

    def looks(self, paths: Iterable[str]) -> dict[str, _Look]:
        """How those that were noted looked: for whoever goes on with a job that was given them."""
        return {path: self._known[path] for path in paths if path in self._known}

    def restore(self, looks: Mapping[str, _Look]) -> None:
        """They looked like this when a job that goes on was given them."""
        self._known.update(looks)

    def changes(self, paths: Iterable[str]) -> list[Change]:
        """Which of those that were noted have changed; how they look now is noted, so that each change is told once."""
        found = []
        for path in paths:
            before = self._known.get(path)
            if before is not None and (after := _look(path)) != before:
                self._known[path] = after
                found.append(Change(path, before[1], after[1], stat.S_ISDIR(before[3])))
        return found


def _look(path: str) -> _Look:
    try:
        found = os.stat(path)
    except OSError:
        return _GONE
    return found.st_ino, found.st_size, found.st_mtime_ns, stat.S_IFMT(found.st_mode)
