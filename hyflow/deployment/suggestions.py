"""A hint at what somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from hyflow.nearest import nearest


def suggestion(word: object, known: Iterable[str], *, kind: str = "known") -> str:
    """A hint: the nearest word, and otherwise all that are known (the first 20)."""
    words = [str(one) for one in known]
    if near := nearest(str(word), words):
        return f"did you mean {near}?"
    if not words:
        return f"{kind}: none"
    return f"{kind}: {', '.join(words[:20])}" + (", ..." if len(words) > 20 else "")
