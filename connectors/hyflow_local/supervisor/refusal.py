"""Why the system did not start a command, in words: for a file that is there and yet no program, and for names that are nearly right."""

from __future__ import annotations

import functools
import os
import stat

FOREIGN = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")
"""What programs of some system begin with: none of them is a script."""


def is_foreign(program: str) -> bool:
    """Whether a file that the system does not take is a program for another one."""
    return _head(program).startswith(FOREIGN)


def missing(program: str) -> str:
    """Why a file is said not to be there: it, or what its first line calls."""
    head = _head(program)
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n")[0].split()
        return f"cannot be executed: its interpreter {os.fsdecode(words[0]) if words else '(none)'} is not there"
    return "cannot be executed: what its system loads it with is not there" if head else "not found"


def is_directory(program: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(program).st_mode)
    except OSError:
        return False


@functools.lru_cache(maxsize=64)
def similar(name: str, path: str) -> str:
    """A command on the PATH whose name is nearly the same; empty where there is none."""
    import difflib

    names: set[str] = set()
    for folder in path.split(":"):
        try:
            names.update(os.listdir(folder or "."))
        except OSError:
            continue
    near = difflib.get_close_matches(name, names, 1, 0.75)
    return near[0] if near else ""


def _head(program: str) -> bytes:
    """How a regular file begins."""
    try:
        fd = os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return b""
    try:
        return os.read(fd, 256) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)
