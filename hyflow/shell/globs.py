"""Patterns of glob(3), as far as one must understand them before a shell expands them."""

from __future__ import annotations

import re


def literal(pattern: str) -> str | None:
    """The one path that the pattern can match, escapes resolved; None when it holds *, ? or a bracket."""
    unescaped = re.sub(r"\\(.)", "", pattern, flags=re.DOTALL)
    if any(character in unescaped for character in "*?["):
        return None
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def outward(pattern: str) -> bool:
    """Whether the pattern may match outside of the directory that it is relative to, were there no links."""
    return pattern.startswith("/") or ".." in re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL).split("/")


def plain(path: str) -> str:
    """A match as it is told: without needless slashes and dots, the path itself otherwise."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts) or "."
