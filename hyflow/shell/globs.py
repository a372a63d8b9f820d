"""Patterns of glob(3): what a shell is given to find candidates, and what decides which of them match.

Shells differ in what they make of backslashes, of bytes beyond ASCII and of `!`; so a shell gets a wider pattern without any of
these, and `matcher` has the last word. A pattern that is absolute or holds ".." matches nothing: it would lead out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z",
    "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t\n\r\f\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_token = re.compile(r"\\(?P<escaped>.)|(?P<any>[*?])|\[(?P<not>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|[^\]])*)\]|(?P<plain>.)", re.DOTALL)


def literal(pattern: str) -> str | None:
    """The one path that the pattern can match, escapes resolved; None when it holds *, ? or a bracket, or can match nothing."""
    tokens = [token for part in pattern.split("/") for token in _token.finditer(part)]
    if leads_out(pattern) or not all(token["escaped"] or token["plain"] for token in tokens):
        return None
    return simple("/".join("".join(token["escaped"] or token["plain"] for token in _token.finditer(part)) for part in pattern.split("/")))


def widened(pattern: str) -> str:
    """A pattern for any POSIX shell that matches at least what `pattern` does; nothing but slashes, letters as they are, and *, ?, [x]."""
    if leads_out(pattern):
        return ""
    return simple("/".join("".join(map(wide, _token.finditer(part))) for part in pattern.split("/")))


def wide(token: re.Match[str]) -> str:
    single = token["escaped"] or token["plain"]
    if single:
        return "?" if single == "\\" else f"[{single}]" if single in "*?[" else single
    return "*" if token["any"] == "*" else "?*"


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path (relative, as `plain` tells it) matches."""
    if leads_out(pattern):
        return lambda path: False
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    try:
        expression = re.compile("/".join("".join(exact(part)) for part in parts) or r"\.", re.DOTALL)
    except re.error:  # a range that runs backwards, as in [z-a]: it holds nothing
        return lambda path: False
    return lambda path: expression.fullmatch(path) is not None


def exact(part: str) -> Iterator[str]:
    """The regular expression of one component, in pieces. A leading dot must be matched by a dot itself."""
    for token in _token.finditer(part):
        single = token["escaped"] or token["plain"]
        if single:
            yield re.escape(single)
            continue
        if token.start() == 0:
            yield r"(?!\.)"
        match token["any"]:
            case "*":
                yield "[^/]*"
            case "?":
                yield "[^/]"
            case _:
                yield f"[{'^/' if token['not'] else ''}{bracket(token['set'])}]"


def bracket(body: str) -> str:
    """The inside of a bracket as a regular expression's."""
    pieces = re.split(r"\[:([a-z]+):\]", body)
    return "".join(_CLASSES.get(piece, "") if n % 2 else re.sub(r"([\\\[\]^&|~])", r"\\\1", piece) for n, piece in enumerate(pieces))


def simple(pattern: str) -> str:
    """Without needless slashes and dots, but with the last slash, which asks for a directory."""
    return plain(pattern) + ("/" if pattern.endswith("/") else "")


def leads_out(pattern: str) -> bool:
    return pattern.startswith("/") or ".." in re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL).split("/") or not pattern


def plain(path: str) -> str:
    """A match as it is told: without needless slashes and dots, the path itself otherwise."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts) or "."
