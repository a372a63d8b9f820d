"""Finds the expressions in a string of a CWL document (CWL v1.2, CommandLineTool, section 3.5, "Expressions").

Knows where `$(...)` and `${...}` begin and end and what a backslash means; what an expression says is the business of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hyflow.errors import WorkflowError

_SPECIAL = re.compile(r"\$[({]|\\.", re.DOTALL)
_CLOSING = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Fragment:
    """An expression with its brackets but without the dollar sign: "(...)" or "{...}"."""

    text: str

    @property
    def body(self) -> bool:
        """Whether it is the body of a function (`${...}`) and not an expression (`$(...)`)."""
        return self.text[0] == "{"

    def __str__(self) -> str:
        return "$" + self.text


def may_hold_expression(text: str) -> bool:
    """Whether `text` must be split at all. If not, it stands for itself, backslashes and spaces included."""
    return "$(" in text or "${" in text


def split(text: str, old_escapes: bool) -> list[str | Fragment]:
    """The literal parts, unescaped, and the expressions of `text`, in order; none of the literals is empty.

    `old_escapes`: the rule of v1.0 and v1.1, where a backslash takes any next character literally; since v1.2 it escapes only
    `$(`, `${` and itself. Raises WorkflowError when an expression does not end.
    """
    parts: list[str | Fragment] = []
    literal: list[str] = []
    for part in _pieces(text, old_escapes):
        if isinstance(part, str):
            literal.append(part)
            continue
        if literal and (before := "".join(literal)):
            parts.append(before)
        literal.clear()
        parts.append(part)
    if after := "".join(literal):
        parts.append(after)
    return parts


def _pieces(text: str, old_escapes: bool) -> Iterator[str | Fragment]:
    at = 0
    while (found := _SPECIAL.search(text, at)) is not None:
        yield text[at:found.start()]
        if found[0][0] == "\\":
            literal, at = _unescape(text, found.start(), old_escapes)
            yield literal
        else:
            at = _end(text, found.start() + 1)
            yield Fragment(text[found.start() + 1:at])
    yield text[at:]


def _unescape(text: str, at: int, old_escapes: bool) -> tuple[str, int]:
    """What the backslash at `at` and what follows it stand for, and where to go on."""
    two, three = text[at:at + 2], text[at:at + 3]
    if old_escapes or two == "\\\\":
        return two[1], at + 2
    if three in ("\\$(", "\\${"):
        return three[1:], at + 3
    return two, at + 2


def _end(text: str, at: int) -> int:
    """The index after the bracket that closes the one at `at`. Brackets in quotes do not count; a backslash counts in quotes only."""
    opening, depth, quote = text[at], 0, ""
    closing = _CLOSING[opening]
    begin, escaped = at, False
    for at in range(begin, len(text)):
        char = text[at]
        if escaped:
            escaped = False
        elif quote:
            escaped = char == "\\"
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return at + 1
    missing = f"the quote {quote}" if quote else f"the bracket {opening}"
    raise WorkflowError(f"the expression ${text[begin:begin + 200]} does not end: {missing} is not closed")
