"""What is wrong with a text that is no YAML, in plain words: the parser's own are about its grammar. Knows PyYAML's errors alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")

_WORDS: tuple[tuple[str, str, str | None], ...] = (
    ("found a tab character", "a tab stands where the line is indented", "indent with spaces"),
    ("mapping values are not allowed", "a second colon stands in one line, or the line is indented deeper than what it belongs to",
     "text that holds a colon and a space needs quotes"),
    ("could not find expected ':'", "this line, or the one before it, is neither `key: value` nor part of a list", None),
    ("did not find expected key", "the indentation fits nothing that stands above", "what belongs together begins in the same column"),
    ("did not find expected '-' indicator", "the list that stands above is not continued here",
     "every item begins with `- ` in the same column"),
    ("did not find expected ',' or ']'", "a comma or the closing ] is missing", None),
    ("did not find expected ',' or '}'", "a comma or the closing } is missing", None),
    ("did not find expected node content", "a value is missing before this", None),
    ("found unexpected end of stream", "a quotation mark is opened and never closed", None),
    ("found undefined alias", "an alias (*name) refers to nothing that stands above", "text that begins with a star needs quotes"),
    ("found unknown escape character", "a backslash stands before a character that it cannot escape",
     "in single quotes a backslash is itself"),
    ("but found another document", "a second document begins here, and one is read", None),
    ("block sequence entries are not allowed", "a list may not begin in the line of its key", "begin it in the next line"),
    ("duplicate anchor", "an anchor (&name) stands twice", None),
    ("second occurrence", "an anchor (&name) stands twice", None),
    ("found incompatible YAML document", "it is written for another version of YAML", None),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misread:
    """What is wrong, at `line` and `column` from 1 (0: not known), and what to do."""

    what: str
    line: int = 0
    column: int = 0
    hint: str | None = None


def undecodable(data: bytes) -> Misread | None:
    """What is wrong with bytes that are no text; None when they are."""
    for sign in _COMPRESSED:
        if data.startswith(sign):
            return Misread("this is a compressed file, not text", hint="unpack it first")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, start = _line_of(data, error.start)
        if b"\0" in data[:4096]:
            return Misread("this is no text: it holds bytes that no text holds", line)
        column = len(data[start:error.start].decode("utf-8", "replace")) + 1
        return Misread("this is not UTF-8", line, column, "save it as UTF-8")
    found = _CONTROL.search(text)
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    return Misread(f"this is no text: it holds the control character \\x{ord(found[0]):02x}", line, column)


def explained(error: Any, text: str) -> Misread:
    """A yaml.YAMLError about `text`."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "context", None) or "it cannot be understood"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    if "expected node content" in problem and mark is not None and mark.index >= len(text.rstrip()):
        return Misread("this is not YAML: it ends before all its brackets are closed", line, column)
    if "cannot start any token" in problem:
        return _character(text, line, column)
    for sign, words, hint in _WORDS:
        if sign in problem:
            return Misread(f"this is not YAML: {words}{_opened(error, mark)}", line, column, hint)
    return Misread(f"this is not YAML: {problem}", line, column)


def _character(text: str, line: int, column: int) -> Misread:
    lines = text.splitlines()
    row = lines[line - 1] if 0 < line <= len(lines) else ""
    found = row[column - 1:column]
    if found == "\t" or row[:column].strip(" ") == "\t":
        return Misread("this is not YAML: a tab stands where the line is indented", line, column, "indent with spaces")
    return Misread(f"this is not YAML: no value may begin with {found or 'this character'}", line, column, "put the value in quotes")


def _opened(error: Any, mark: Any) -> str:
    """Where a bracket or a quotation mark was opened, when that is another line."""
    start = getattr(error, "context_mark", None)
    words = str(getattr(error, "context", None) or "")
    if start is None or mark is None or start.line == mark.line or not re.search("flow|quoted", words):
        return ""
    return f" (it was opened in line {start.line + 1})"


def _line_of(data: bytes, at: int) -> tuple[int, int]:
    """The line of a byte, from 1, and the offset at which that line begins."""
    return data.count(b"\n", 0, at) + 1, data.rfind(b"\n", 0, at) + 1
