"""The known word that is nearest to one that is not, and the file that is nearest to one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from hyflow.cwl.addresses import shown


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest word, where one is near. Small and large letters are the same."""
    lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str], called: str) -> str:
    """What to do about a word that is not known: the nearest, or else all of them (the first 20), which are `called` so."""
    words = list(dict.fromkeys(known))
    if (near := nearest(word, words)) is not None:
        return f"did you mean {near}?"
    return f"{called}: {', '.join(words[:20])}{', ...' if len(words) > 20 else ''}" if words else f"{called}: none"


def beside(path: Path) -> str:
    """What to do about a file that is not there: the nearest name in its directory."""
    if not path.parent.is_dir():
        return f"there is no directory {shown(str(path.parent))} either"
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        names = []
    near = nearest(path.name, names)
    return f"did you mean {shown(str(path.parent / near))}?" if near else f"there is nothing of a similar name in {shown(str(path.parent))}"
