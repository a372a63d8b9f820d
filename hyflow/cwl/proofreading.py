"""Expressions of a process, read before anything runs: JavaScript that is none, references to inputs that are not there.

What cannot be evaluated whatever the inputs are is an error; what refers to an input that the process does not have is a warning,
as JavaScript has nothing for it and no error. Nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hyflow.cwl import interpolation, references
from hyflow.cwl.addresses import shown
from hyflow.cwl.interpolation import Fragment
from hyflow.errors import Where, WorkflowError
from hyflow.nearest import suggestion

RUNTIME = ("outdir", "tmpdir", "cores", "ram", "outdirSize", "tmpdirSize", "exitCode")
_LINE = re.compile(r"<input>:(\d+)(?::(\d+))?")
_INPUT = re.compile(r"\binputs\.([A-Za-z_]\w*)")
_HARMLESS = frozenset({"hasOwnProperty", "toString", "length"})


@dataclass(frozen=True, slots=True)
class Written:
    """A text with expressions, and where the first of them begins; `lines` are those of the document that it stands in."""

    text: str
    where: Where
    lines: Sequence[str] = ()

    def further(self, code: str, line: int, column: int) -> Where:
        """Where a place in `code`, a part of the text, stands, if its lines are lines of the document; else where the text begins."""
        rows = code.split("\n")
        at = self.where.line + line - 2
        if 1 < line <= len(rows) and at < len(self.lines) and self.lines[at].strip() == rows[line - 1].strip():
            indent = len(self.lines[at]) - len(self.lines[at].lstrip()) - (len(rows[line - 1]) - len(rows[line - 1].lstrip()))
            return Where(self.where.file, at + 1, column + indent)
        return self.where


@dataclass(frozen=True, slots=True)
class Language:
    """How the expressions of a process are to be read: with JavaScript or without, by which rule of escapes, with which inputs."""

    javascript: bool
    old_escapes: bool
    inputs: Collection[str]


def errors(texts: Sequence[Written], language: Language) -> Iterator[WorkflowError]:
    """What can never be evaluated."""
    for written in texts:
        try:
            parts = interpolation.split(written.text.strip(), language.old_escapes)
        except WorkflowError as error:
            yield WorkflowError(error.what, where=written.where, hint=error.hint)
            continue
        for part in parts:
            if isinstance(part, Fragment) and (wrong := _wrong(part, language, written)) is not None:
                yield wrong


def library_errors(pieces: Sequence[Written]) -> Iterator[WorkflowError]:
    """What is wrong with the parts of an expressionLib."""
    for written in pieces:
        if (found := _parsed(written.text + "\n")) is not None:
            yield WorkflowError(f"expressionLib is no JavaScript: {found.what}", where=written.where, hint=found.hint)


def told(found: Sequence[WorkflowError]) -> list[WorkflowError]:
    """The errors in the order of the documents, their files as they are called here."""
    listed = [error for error in found if isinstance(error.where, Where)]
    listed.sort(key=lambda error: (error.where.line, error.where.column) if isinstance(error.where, Where) else (0, 0))
    for error in listed:
        if isinstance(error.where, Where):
            error.where = Where(shown(error.where.file), error.where.line, error.where.column)
    return listed


def warnings(texts: Sequence[Written], language: Language) -> Iterator[str]:
    """A warning for each reference to what is not there."""
    for written in texts:
        try:
            parts = interpolation.split(written.text.strip(), language.old_escapes)
        except WorkflowError:
            continue
        for part in parts:
            if isinstance(part, Fragment):
                yield from (f"{written.where}: {said}" for said in _lacking(part, language))


def _lacking(fragment: Fragment, language: Language) -> Iterator[str]:
    reference = None if fragment.body else references.parse(fragment.text)
    if reference is None:
        names = [name for name in _INPUT.findall(_bare(fragment.text)) if name not in _HARMLESS]
    elif reference.symbol == "inputs" and reference.segments and isinstance(reference.segments[0], str):
        names = [reference.segments[0]]
    else:
        names = []
        if reference.symbol == "runtime" and reference.segments and reference.segments[0] not in RUNTIME:
            yield f"`runtime` has no {reference.segments[0]} ({suggestion(str(reference.segments[0]), RUNTIME, 'it has')})"
    for name in dict.fromkeys(names):
        if name not in language.inputs:
            yield f"there is no input {name} ({suggestion(name, language.inputs, 'the inputs')})"


def _bare(code: str) -> str:
    """Code without what its strings and comments say."""
    return re.sub(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", " ", code, flags=re.DOTALL)


def _wrong(fragment: Fragment, language: Language, written: Written) -> WorkflowError | None:
    if not fragment.body and references.parse(fragment.text) is not None:
        return None
    if not language.javascript:
        what = f"{_short(str(fragment))} is no reference such as $(inputs.x.path), and JavaScript is not declared"
        return WorkflowError(what, where=written.where, hint="declare it under requirements: InlineJavascriptRequirement: {}")
    inner = fragment.text[1:-1]
    found = _parsed(f"(function(){{{inner if fragment.body else f'return ({inner}'}\n{'' if fragment.body else ')'}}})")
    if found is None:
        return None
    rows = fragment.text.count("\n") + 1
    found = _Fault(found.what, min(found.line, rows), found.column)
    where = written.further(str(fragment), found.line, found.column)
    return WorkflowError(
        f"{_short(str(fragment))} is no JavaScript: {found.what}", where=where, hint=found.hint if where == written.where else None
    )


@dataclass(frozen=True, slots=True)
class _Fault:
    what: str
    line: int
    column: int

    @property
    def hint(self) -> str | None:
        return f"see line {self.line} of it" if self.line > 1 else None


def _parsed(code: str) -> _Fault | None:
    """What is wrong with the syntax of a script, and where in it; None when it can be parsed. It is not run."""
    import quickjs  # type: ignore[import-untyped]  # it has no types

    context: Any = quickjs.Context()
    context.set_max_stack_size(4 << 20)
    context.set_memory_limit(64 << 20)
    context.set_time_limit(5)
    try:
        context.eval(f'"use strict";(function(){{{code}\n}})')
    except Exception as error:
        text = str(error)
        place = _LINE.search(text)
        if not text.startswith("SyntaxError"):
            return None  # too much for a look: whoever runs it says so
        what = text.splitlines()[0].removeprefix("SyntaxError: ")
        return _Fault(what[:1].lower() + what[1:], int(place[1]) if place else 1, int(place[2] or 1) if place else 1)
    return None


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 80 else one_line[:80] + "..."
