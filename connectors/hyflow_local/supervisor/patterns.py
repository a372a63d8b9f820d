"""Patterns of glob(3), matched against a directory: `*` and `?` match no leading dot, nothing matches a slash, links are gone through."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TypeAlias

Component: TypeAlias = "str | re.Pattern[str]"
MAGIC = re.compile(r"[*?\[\\]")
CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s", "blank": r" \t",
           "punct": "!-/:-@\\[-`{-~", "xdigit": "0-9a-fA-F", "cntrl": r"\x00-\x1f\x7f", "print": " -~", "graph": "!-~"}


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> tuple[Component, ...] | None:
    """The pattern's components, plain names as text; None when it cannot match anything inside (absolute, or through "..")."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern.startswith("/") or ".." in parts or not pattern:
        return None
    if pattern.endswith("/"):
        parts.append("")
    return tuple(part if not MAGIC.search(part) else _component(part) for part in parts)


def match(base: str, pattern: str) -> list[str]:
    """The paths below `base` that the pattern matches, relative to it, sorted as bytes; "." is `base` itself."""
    components = compiled(pattern)
    if components is None:
        return []
    found = [""]
    for index, component in enumerate(components):
        last = index == len(components) - 1
        found = [path for prefix in found for path in _step(base, prefix, component, last=last)]
    return sorted((path or "." for path in found), key=os.fsencode)


def _step(base: str, prefix: str, component: Component, *, last: bool) -> list[str]:
    here = f"{base}/{prefix}" if prefix else base
    if component == "":
        return [prefix] if os.path.isdir(here) else []
    if isinstance(component, str):
        path = f"{here}/{component}"
        there = os.path.lexists(path) if last else os.path.isdir(path)
        names = [component] if there else []
    else:
        names = [name for name in _names(here) if component.fullmatch(name)]
    return [f"{prefix}/{name}" if prefix else name for name in names]


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _component(text: str) -> re.Pattern[str]:
    """A regular expression for one component: what stands between stars is searched for from left to right, never going back."""
    first, *rest = _between_stars(text)
    body = first + "".join(f"(?>[^/]*?{part})" for part in rest[:-1] if part) + (f"[^/]*{rest[-1]}" if rest else "")
    shown = text.removeprefix("\\").startswith(".")
    return re.compile(("" if shown else r"(?!\.)") + body, re.DOTALL)


def _between_stars(text: str) -> list[str]:
    """What stands before, between and after the stars, as regular expressions that match a fixed number of characters."""
    out, at = [""], 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "*":
            out.append("")
        elif char == "?":
            out[-1] += "[^/]"
        elif char == "[" and (end := _bracket_end(text, at)):
            out[-1] += _bracket(text[at:end])
            at = end + 1
        elif char == "\\" and at < len(text):
            out[-1] += re.escape(text[at])
            at += 1
        else:
            out[-1] += re.escape(char)
    return out


def _bracket_end(text: str, at: int) -> int:
    """Where the bracket expression that begins before `at` has its closing bracket; 0 when it has none."""
    if text[at:at + 1] in ("!", "^"):
        at += 1
    if text[at:at + 1] == "]":
        at += 1
    while at < len(text):
        if text.startswith("[:", at) and (end := text.find(":]", at + 2)) > 0:
            at = end + 2
        elif text[at] == "\\":
            at += 2
        elif text[at] == "]":
            return at
        else:
            at += 1
    return 0


def _bracket(body: str) -> str:
    negate = body[:1] in ("!", "^")
    tokens, at = [], int(negate)
    while at < len(body):
        name = body[at + 2:end] if body.startswith("[:", at) and (end := body.find(":]", at + 2)) > 0 else None
        if name in CLASSES:
            tokens.append(CLASSES[name])
            at += len(name) + 4
            continue
        one, at = _char(body, at)
        if body[at:at + 1] == "-" and at + 1 < len(body):
            other, at = _char(body, at + 1)
            tokens.append(f"{re.escape(one)}-{re.escape(other)}" if one <= other else "")
        else:
            tokens.append(re.escape(one))
    inside = "".join(tokens)
    if not inside:
        return "[^/]" if negate else r"(?!)"
    return f"[^/{inside}]" if negate else f"(?!/)[{inside}]"


def _char(body: str, at: int) -> tuple[str, int]:
    if body[at] == "\\" and at + 1 < len(body):
        return body[at + 1], at + 2
    return body[at], at + 1
