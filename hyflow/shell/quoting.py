"""The one place where an argv becomes text for a POSIX shell."""

from __future__ import annotations

import os
from collections.abc import Iterable


def quote(argv: Iterable[str]) -> str:
    """The words as one line that sh splits into exactly these again, whatever bytes they hold (names as os.fsdecode gives them).

    Every word is quoted, so nothing in it is ever special. ValueError for a NUL, which no argument can hold.
    """
    words = list(argv)
    if any("\0" in word for word in words):
        raise ValueError("a word with a NUL character cannot be passed to a command")
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def quoted_bytes(argv: Iterable[str]) -> bytes:
    """`quote` as the bytes that the machine will see."""
    return os.fsencode(quote(argv))
