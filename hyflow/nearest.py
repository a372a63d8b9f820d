"""Words in messages: the known word, or the file beside, that is nearest to what somebody wrote; and names that are safe to show."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from itertools import islice

_MOST = 20_000
"""How many names of a directory are looked at."""


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The word of `known` that is nearest, whatever its case; None when none is near."""
    lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    return lower[near[0]] if near else None


def suggestion(word: object, known: Iterable[str], called: str = "known") -> str:
    """What to do about a word that is not known: the nearest one, or else all of them (the first 20), which are `called` so."""
    words = [str(one) for one in dict.fromkeys(known)]
    if (near := nearest(str(word), words)) is not None:
        return f"did you mean {near}?"
    return f"{called}: {', '.join(words[:20])}{', ...' if len(words) > 20 else ''}" if words else f"{called}: none"


def nearest_beside(path: str, *, directories: bool | None = None) -> str | None:
    """The path with the nearest name that its directory really has; only `directories`, only others, or (None) whatever it is."""
    folder, name = os.path.split(path.rstrip("/"))
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, _MOST) if directories is None or _is_directory(entry) == directories]
    except (OSError, ValueError):
        return None
    near = nearest(name, names, 0.7)
    return None if near is None else os.path.join(folder, near)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads in a circle


def visible(text: str) -> str:
    """The text on one line: what moves the cursor, or is nothing to be seen, as an escape."""
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
