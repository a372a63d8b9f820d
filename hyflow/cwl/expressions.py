"""Expressions of CWL documents, compiled once and evaluated often (CWL v1.2, CommandLineTool, section 3.5).

Parameter references are evaluated in plain Python; anything else goes to `javascript`, where InlineJavascriptRequirement
is in force. Knows nothing of files: the caller gives `inputs`, `self` and `runtime` as the expression shall see them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyflow.cwl import interpolation, references
from hyflow.cwl.interpolation import Fragment
from hyflow.cwl.javascript import Limits, Script
from hyflow.cwl.references import Reference
from hyflow.errors import Where, WorkflowError
from hyflow.model.values import Value

NOTHING: frozenset[str] = frozenset()
EVERYTHING = frozenset({"*"})
_OLD_ESCAPES = re.compile(r"v1\.0|v1\.1(\.0-dev1)?|v1\.2\.0-dev[123]")
_INDIRECT = re.compile(r"\\|\b(eval|Function|globalThis|constructor|this)\b")
_SHOWN = 120
"""Characters of an expression that a message shows."""
_RUNTIME = re.compile(r"\bruntime\b(?:\.([A-Za-z_]\w*)(?!\w))?")


class Compiled:
    """A value of the document, ready to be evaluated. Here: one without any expression.

    `constant`: there is nothing to evaluate. `reads`: what it may look at, as "inputs.x", "self", "runtime.cores" or a
    whole "runtime"; "*" where a script could look at anything.
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    @property
    def constant(self) -> bool:
        return True

    @property
    def reads(self) -> frozenset[str]:
        return NOTHING

    def evaluate(self, inputs: Value, self_: Value, runtime: Value) -> Value:
        """The value. Arguments and result are never changed in place. Raises WorkflowError."""
        return self.value


class _Text(Compiled):
    """A string with expressions: `parts` are literal text and expressions; a lone expression gives its value as it is."""

    __slots__ = ("expressions", "parts", "where")

    def __init__(self, text: str, parts: Sequence[str | Fragment], expressions: Expressions, where: Where | str | None) -> None:
        super().__init__(text)
        self.where, self.expressions = where, expressions
        self.parts = tuple(part if isinstance(part, str) else expressions.understand(part, where) for part in parts)

    @property
    def constant(self) -> bool:
        return False

    @property
    def reads(self) -> frozenset[str]:
        return frozenset().union(*(part.reads for part in self.parts if isinstance(part, _Expression)))

    def evaluate(self, inputs: Value, self_: Value, runtime: Value) -> Value:
        scope = {"inputs": inputs, "self": self_, "runtime": runtime}
        if len(self.parts) == 1 and isinstance(self.parts[0], _Expression):
            return self._value(self.parts[0], scope)
        return "".join(part if isinstance(part, str) else _as_text(self._value(part, scope)) for part in self.parts)

    def _value(self, expression: _Expression, scope: Mapping[str, Value]) -> Value:
        try:
            return expression.evaluate(scope, self.expressions.limits)
        except WorkflowError as error:
            raise WorkflowError(f"the expression {_short(expression.shown)} failed: {error.what}",
                                where=self.where, hint=error.hint) from error


class _Many(Compiled):
    """A list or an object that holds expressions somewhere."""

    __slots__ = ("items",)

    def __init__(self, value: Value, items: list[Compiled] | dict[str, Compiled]) -> None:
        super().__init__(value)
        self.items = items

    @property
    def constant(self) -> bool:
        return False

    @property
    def reads(self) -> frozenset[str]:
        items = self.items if isinstance(self.items, list) else self.items.values()
        return frozenset().union(*(item.reads for item in items))

    def evaluate(self, inputs: Value, self_: Value, runtime: Value) -> Value:
        if isinstance(self.items, list):
            return [item.evaluate(inputs, self_, runtime) for item in self.items]
        return {name: item.evaluate(inputs, self_, runtime) for name, item in self.items.items()}


@dataclass(frozen=True, slots=True)
class _Expression:
    """One expression: a reference, a script, or a reference that is tried as a script where it leads nowhere."""

    shown: str
    reference: Reference | None
    script: Script | None

    @property
    def reads(self) -> frozenset[str]:
        if self.reference is not None:
            return frozenset({self.reference.reads}) if self.reference.symbol != "null" else NOTHING
        return _script_reads(self.script) if self.script else NOTHING

    def evaluate(self, scope: Mapping[str, Value], limits: Limits) -> Value:
        if self.reference is not None:
            try:
                return self.reference.resolve(scope)
            except WorkflowError as error:
                if self.script is None:
                    raise
                try:  # a string has a length in JavaScript
                    return self.script.evaluate(scope, limits)
                except WorkflowError:
                    raise error from None
        if self.script is None:
            raise WorkflowError("it is not a parameter reference", hint="JavaScript needs InlineJavascriptRequirement under requirements.")
        return self.script.evaluate(scope, limits)


class Expressions:
    """How the expressions of one process are understood.

    `javascript`: InlineJavascriptRequirement is in force, with `library` as its expressionLib. `version`: the cwlVersion that
    the document was written in (escapes differ). `limits` hold for each evaluation of a script.
    """

    def __init__(self, javascript: bool, library: Sequence[str] = (), version: str = "v1.2", limits: Limits | None = None) -> None:
        self.javascript, self.library = javascript, "\n".join(library)
        self.old_escapes = is_old(version)
        self.limits = limits or Limits()

    def compile(self, value: Value, *, strip: bool = True, where: Where | str | None = None) -> Compiled:
        """`value`, any value of the document, ready for evaluation, with the strings inside lists and objects.

        `strip`: white space around a string with expressions does not count (only `entry` of InitialWorkDirRequirement keeps it).
        `where` is named in errors. Raises WorkflowError for an expression that does not end.
        """
        if isinstance(value, str):
            return self._text(value, strip, where)
        if isinstance(value, list):
            items = [self.compile(item, strip=strip, where=where) for item in value]
            return Compiled(value) if all(item.constant for item in items) else _Many(value, items)
        if isinstance(value, dict):
            fields = {name: self.compile(item, strip=strip, where=where) for name, item in value.items()}
            return Compiled(value) if all(field.constant for field in fields.values()) else _Many(value, fields)
        return Compiled(value)

    def understand(self, fragment: Fragment, where: Where | str | None) -> _Expression:
        """The expression that `fragment` is."""
        inner = fragment.text[1:-1]
        script = Script(inner, fragment.body, self.library) if self.javascript else None
        return _Expression(str(fragment), None if fragment.body else references.parse(fragment.text), script)

    def _text(self, text: str, strip: bool, where: Where | str | None) -> Compiled:
        if not interpolation.may_hold_expression(text):
            return Compiled(text)
        try:
            parts = interpolation.split(text.strip() if strip else text, self.old_escapes)
        except WorkflowError as error:
            raise WorkflowError(error.what, where=where) from error
        if any(isinstance(part, Fragment) for part in parts):
            return _Text(text, parts, self, where)
        return Compiled("".join(str(part) for part in parts))


def is_old(version: str) -> bool:
    """Whether a version has the old rule of escapes."""
    return _OLD_ESCAPES.fullmatch(version) is not None


def _as_text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _short(text: str) -> str:
    """The expression on one line, its middle left out where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN // 2]} ... {line[-_SHOWN // 4:]}"


def _script_reads(script: Script) -> frozenset[str]:
    """What a script may look at. In doubt everything: only the fields of `runtime` that are spelled out are told apart."""
    code = script.library + "\n" + script.code
    fields = [match[1] for match in _RUNTIME.finditer(code)]
    if _INDIRECT.search(code) or not all(fields):
        return EVERYTHING
    return frozenset({"inputs", "self", *(f"runtime.{field}" for field in fields)})
