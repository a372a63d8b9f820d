"""What a container uses, read from the kernel's control groups (versions 1 and 2) while it runs: both counters only ever grow."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

ROOT = "/sys/fs/cgroup"
DEEPEST = 6
WIDEST = 4000
"""How deep, and through how many directories, a container's group is looked for."""
_ID = re.compile(r"[0-9a-f]{12,64}")
TRIES, FRESH = 60, 4
"""How often a group is looked for once its id is known; how often of these only where the last one was found: it may just be made."""
_usual: dict[str, str] = {}
"""Where the last group was found, by the root: the directory, with the id left out."""


class Gauge:
    """Measures one container. `id_file` gets its id when there is one; `usage` holds what was seen last."""

    def __init__(self, id_file: str, root: str = ROOT) -> None:
        self._id_file, self._root = id_file, root
        self._peak = self._spent = ""
        self._tries = 0
        self.memory: int | None = None
        self.cpu: float | None = None

    def look(self) -> None:
        """Read the counters, as far as they can be found."""
        if not (self._peak and self._spent):
            self._find()
        memory, spent = _number(self._peak), _spent(self._spent)
        self.memory = memory if memory is not None else self.memory
        self.cpu = spent if spent is not None else self.cpu

    def remove(self) -> None:
        """Take away the id: all is known that there is to know of a container that has ended."""
        with contextlib.suppress(OSError):
            os.unlink(self._id_file)

    def _find(self) -> None:
        """Not every kernel counts both, and an engine makes the groups one after the other."""
        if self._tries >= TRIES:
            return
        try:
            with open(self._id_file, encoding="ascii") as file:
                name = file.read(80).strip()
        except (OSError, ValueError):
            return
        if not _ID.fullmatch(name):
            return
        self._tries += 1
        split = os.path.isdir(f"{self._root}/memory")
        for kind, files in (("memory", ("memory.peak", "memory.max_usage_in_bytes")), ("cpuacct", ("cpuacct.usage", "cpu.stat"))):
            group = _group(f"{self._root}/{kind}" if split else self._root, name, fresh=self._tries <= FRESH)
            found = next((path for file in files if os.access(path := f"{group}/{file}", os.R_OK)), "") if group else ""
            if kind == "memory":
                self._peak = found
            else:
                self._spent = found


def _group(root: str, name: str, *, fresh: bool) -> str:
    """The directory of the container's control group; "" when there is none. `fresh`: look no further than where the last one was."""
    guess = _usual.get(root, "").replace("{}", name)
    if guess and (fresh or os.path.isdir(guess)):
        return guess
    for path in _walk(root):
        folder = os.path.basename(path)
        if name in folder and "conmon" not in folder:
            _usual[root] = path.replace(name, "{}")
            return path
    return ""


def _walk(root: str) -> Iterator[str]:
    """The directories below, those that lie higher first."""
    level, count = [root], 0
    for _ in range(DEEPEST):
        below: list[str] = []
        for folder in level:
            try:
                with os.scandir(folder) as items:
                    found = [item.path for item in items if item.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            count += len(found)
            if count > WIDEST:
                return
            yield from found
            below += found
        level = below


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _spent(path: str) -> float | None:
    """Seconds of CPU time."""
    if not path.endswith("cpu.stat"):
        spent = _number(path)
        return None if spent is None else spent / 1e9
    try:
        with open(path, encoding="ascii") as file:
            return next(int(line.split()[1]) / 1e6 for line in file if line.startswith("usage_usec "))
    except (OSError, ValueError, StopIteration):
        return None
