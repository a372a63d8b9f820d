"""Types with what a document says beside them: bindings, secondary files, formats, loading. Compiled once for each process.

A shape follows its type: a value is walked along both. What a parameter says of its files holds for the files inside
unions and arrays too (CWL v1.2, CommandLineTool, section 5.1), but fields of a record speak for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyflow.cwl import types
from hyflow.cwl.expressions import Compiled, Expressions
from hyflow.errors import Where
from hyflow.model.values import Value


@dataclass(frozen=True, slots=True)
class Pattern:
    """A secondary file: a name made from the primary's, or an expression. `required`: None where the document says nothing."""

    pattern: Compiled
    required: Compiled | None


@dataclass(frozen=True, slots=True)
class Details:
    """What is said of the files of a parameter. `listing` is no_listing, shallow_listing, deep_listing or None."""

    secondary: tuple[Pattern, ...] = ()
    format: Compiled | None = None
    contents: bool = False
    listing: str | None = None


NONE = Details()


@dataclass(frozen=True, slots=True)
class Binding:
    """An inputBinding: how a value appears on the command line."""

    position: int | Compiled = 0
    prefix: str | None = None
    separate: bool = True
    separator: str | None = None
    value_from: Compiled | None = None
    quote: bool = True


PLAIN = Binding()


@dataclass(frozen=True, slots=True)
class Output:
    """An outputBinding."""

    globs: tuple[Compiled, ...] = ()
    evaluate: Compiled | None = None
    contents: bool = False
    listing: str | None = None


@dataclass(slots=True)
class Shape:
    """A type with what is said beside it. `busy`: values of it may hold files or directories."""

    type: types.Type
    details: Details = NONE
    binding: Binding | None = None
    items: Shape | None = None
    fields: tuple[Port, ...] = ()
    options: tuple[Shape, ...] = ()
    busy: bool = False

    def chosen(self, value: Value) -> Shape | None:
        """The shape that the value takes in a union, itself where there is no choice; None when nothing fits."""
        if not self.options:
            return self
        for option in self.options:
            if types.fits(value, option.type):
                return option.chosen(value)
        return None


@dataclass(frozen=True, slots=True)
class Port:
    """An input, an output or a field of a record, by its short name."""

    name: str
    shape: Shape
    binding: Binding | None = None
    output: Output | None = None
    has_default: bool = False
    default: Value = None
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


class Shaper:
    """Makes the shapes of one process. `at` says where the field at a path stands (`places` says what paths are)."""

    def __init__(self, expressions: Expressions, names: Mapping[str, Any], at: Callable[[str], Where | str | None]) -> None:
        self._expressions, self._names, self._at = expressions, names, at
        self._known: dict[tuple[str, int], Shape] = {}

    def port(self, document: Mapping[str, Any], path: str) -> Port:
        """The port that a normalised parameter describes, one of the list at `path`."""
        type_ = types.parse_type(document["type"], self._names)
        return self._port(str(document["name"]), type_, document, path)

    def _port(self, name: str, type_: types.Type, document: Mapping[str, Any], path: str) -> Port:
        path = f"{path}.{name}"
        shape = self._shape(type_, self._details(document, path), path)
        return Port(name, shape, self._binding(document.get("inputBinding"), path), self._output(document.get("outputBinding"), path),
                    "default" in document, document.get("default"), document)

    def _shape(self, type_: types.Type, details: Details, path: str) -> Shape:
        match type_:
            case types.Named(name):
                return self._recursive(name, type_.type, details, path)
            case types.Union(options):
                shapes = tuple(self._shape(option, details, path) for option in options)
                return Shape(type_, details, options=shapes, busy=any(shape.busy for shape in shapes))
            case types.Array(items, document):
                inner = self._shape(items, self._merged(details, document, path), path + ".items")
                return Shape(type_, details, self._binding(document.get("inputBinding"), path), items=inner, busy=inner.busy)
            case types.Record(name, _, document):
                return self._record(name, type_, document, path)
            case types.Enum(_, _, document):
                return Shape(type_, details, self._binding(document.get("inputBinding"), path))
            case types.Data() | types.AnyType():
                return Shape(type_, details, busy=True)
            case _:
                return Shape(type_, details)

    def _record(self, name: str, type_: types.Record, document: Mapping[str, Any], path: str) -> Shape:
        shape = Shape(type_, NONE, self._binding(document.get("inputBinding"), path), busy=True)
        if name:
            self._known.setdefault((name, id(type_.document)), shape)
        shape.fields = tuple(self._port(each.name, each.type, each.document, path) for each in type_.fields)
        shape.busy = any(port.shape.busy for port in shape.fields)
        return shape

    def _recursive(self, name: str, type_: types.Type, details: Details, path: str) -> Shape:
        """The shape of a type inside its own definition: one object for all its places, filled in once."""
        key = name, id(getattr(type_, "document", None))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Shape(type_, details, busy=True)
            made = self._shape(type_, details, path)
            for word in ("binding", "items", "fields", "options"):
                setattr(known, word, getattr(made, word))
        return known

    def _merged(self, outer: Details, document: Mapping[str, Any], path: str) -> Details:
        own = self._details(document, path)
        return outer if own == NONE else Details(own.secondary or outer.secondary, own.format or outer.format,
                                                 own.contents or outer.contents, own.listing or outer.listing)

    def _details(self, document: Mapping[str, Any], path: str) -> Details:
        listed = enumerate(document.get("secondaryFiles") or ())
        secondary = tuple(self._pattern(entry, f"{path}.secondaryFiles[{at}]") for at, entry in listed)
        format_ = document.get("format")
        contents = bool(document.get("loadContents"))
        listing = document.get("loadListing")
        if not secondary and not format_ and not contents and not listing:
            return NONE
        return Details(secondary, self.compiled(format_, path + ".format") if format_ else None, contents, listing)

    def _pattern(self, entry: Mapping[str, Any], path: str) -> Pattern:
        required = entry.get("required")
        return Pattern(self.compiled(entry["pattern"], path + ".pattern"),
                       None if required is None else self.compiled(required, path + ".required"))

    def _binding(self, document: Mapping[str, Any] | None, path: str) -> Binding | None:
        if document is None:
            return None
        return self.binding(document, path)

    def binding(self, document: Mapping[str, Any], path: str) -> Binding:
        """The binding that an inputBinding or an entry of `arguments` describes; its fields stand below `path`."""
        position = self.compiled(document.get("position") or 0, path + ".position")
        value_from = document.get("valueFrom")
        return Binding(position.value if position.constant else position, document.get("prefix"), bool(document.get("separate", True)),
                       document.get("itemSeparator"), None if value_from is None else self.compiled(value_from, path + ".valueFrom"),
                       bool(document.get("shellQuote", True)))

    def _output(self, document: Mapping[str, Any] | None, path: str) -> Output | None:
        if document is None:
            return None
        globs = document.get("glob") or []
        evaluate = document.get("outputEval")
        paths = [(globs, f"{path}.glob")] if isinstance(globs, str) else [(glob, f"{path}.glob[{at}]") for at, glob in enumerate(globs)]
        compiled = tuple(self.compiled(glob, each) for glob, each in paths)
        return Output(compiled, None if evaluate is None else self.compiled(evaluate, path + ".outputEval"),
                      bool(document.get("loadContents")), document.get("loadListing"))

    def compiled(self, value: Value, path: str, *, strip: bool = True) -> Compiled:
        """A value of the document, the field at `path`, with its expressions."""
        if isinstance(value, int):
            return Compiled(value)
        return self._expressions.compile(value, strip=strip, where=self._at(path))
