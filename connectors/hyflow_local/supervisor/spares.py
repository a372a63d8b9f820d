"""Empty directories that ended attempts leave and new ones take over by rename.

On a file system that tells its disk at once what is free again, removing a directory takes milliseconds; a rename takes microseconds.
"""

from __future__ import annotations

import contextlib
import os
import stat

from .deletion import remove

LIMIT = 32


class Spares:
    """Used by several threads at once. Until it has a folder it keeps nothing."""

    def __init__(self) -> None:
        self._folder = ""
        self._free: list[str] = []
        self._count = 0

    def settle_in(self, folder: str) -> None:
        """Keep them in this directory, which is ours alone; what an earlier supervisor left there is removed."""
        if folder == self._folder:
            return
        self.drop()
        remove(folder)
        with contextlib.suppress(OSError):
            os.mkdir(folder, 0o700)
            self._folder = folder

    def make(self, path: str) -> None:
        """A new empty directory, mode 0700. Raises OSError as mkdir does."""
        try:
            os.rename(self._free.pop(), path)
        except (IndexError, OSError):
            os.mkdir(path, 0o700)

    def take_back(self, path: str) -> bool:
        """Make away with a directory of ours that may be as good as new. False: it is not empty, or not what it was."""
        try:
            found = os.lstat(path)
            if not stat.S_ISDIR(found.st_mode) or os.listdir(path):
                return False
            if self._folder and len(self._free) < LIMIT and stat.S_IMODE(found.st_mode) == 0o700:
                self._count += 1
                spare = f"{self._folder}/{self._count}"
                os.rename(path, spare)
                self._free.append(spare)
            else:
                os.rmdir(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def drop(self) -> None:
        """Remove them all."""
        self._free.clear()
        if self._folder:
            remove(self._folder)
            self._folder = ""
