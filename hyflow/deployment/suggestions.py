"""What somebody may have meant: the known word that is nearest to theirs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(word: object, known: Iterable[str], *, kind: str = "known") -> str:
    """A hint: the nearest word, and otherwise all that are known (the first 20)."""
    words = [str(one) for one in known]
    lower = {one.lower(): one for one in words}
    near = difflib.get_close_matches(str(word).lower(), lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean {lower[near[0]]}?"
    if not words:
        return f"{kind}: none"
    return f"{kind}: {', '.join(words[:20])}" + (", ..." if len(words) > 20 else "")
