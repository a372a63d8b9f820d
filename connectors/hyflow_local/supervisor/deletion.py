"""Removing trees that a command may have filled with anything: links are removed, never followed; what cannot go stays."""

from __future__ import annotations

import contextlib
import os
import stat


def remove(path: str) -> None:
    """Remove a file, a link or a whole tree, as far as that is possible."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
    except OSError:
        return
    clear(path)
    with contextlib.suppress(OSError):
        os.rmdir(path)


def clear(path: str) -> None:
    """Empty a directory."""
    todo, below = _emptied(path), []
    while todo:
        here = todo.pop()
        below.append(here)
        todo += _emptied(here)
    for here in reversed(below):
        with contextlib.suppress(OSError):
            os.rmdir(here)


def _emptied(path: str) -> list[str]:
    """Remove all but the directories in a directory; returns those."""
    directories = []
    with contextlib.suppress(OSError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISDIR(mode):
            return []
        if stat.S_IMODE(mode) & 0o700 != 0o700:
            os.chmod(path, 0o700)
        with os.scandir(path) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    directories.append(item.path)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(item.path)
    return directories
