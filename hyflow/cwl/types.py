"""CWL types as frozen values, and whether a value is of a type (CWL v1.2, CommandLineTool, section 4, "CWLType" and those after it).

Knows types as they stand in resolved documents. Numbers follow the letter: a boolean is no number, an int has 32 bits and
a long 64; an int may stand where a float is asked for. Unknown fields of a record are let through, as cwltool does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, assert_never

from hyflow.errors import InputError, WorkflowError
from hyflow.model.values import Value
from hyflow.nearest import visible

Document: TypeAlias = Any
"""A type as it stands in a document: a name, a list (a union) or a mapping."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """null, boolean, int, long, float, double or string."""

    name: str


@dataclass(frozen=True, slots=True)
class AnyType:
    """Anything but null."""


@dataclass(frozen=True, slots=True)
class Data:
    """An object of this class: File or Directory."""

    name: str


@dataclass(frozen=True, slots=True)
class Enum:
    """One of `symbols`. `name` is empty where the document gives none; `document` is what else it says (inputBinding...)."""

    name: str
    symbols: tuple[str, ...]
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Array:
    """A list of `items`."""

    items: Type
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record by its short name."""

    name: str
    type: Type
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """An object; a field that is missing counts as null."""

    name: str
    fields: tuple[Field, ...]
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Union:
    """One of `options`, the first that fits."""

    options: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A named type inside its own definition; `type` gives the definition."""

    name: str
    names: Mapping[str, Document] = field(compare=False, repr=False)

    @property
    def type(self) -> Type:
        return parse_type(self.names[self.name], self.names)


Type: TypeAlias = Primitive | AnyType | Data | Enum | Array | Record | Union | Named

_PYTHON: Mapping[str, frozenset[type]] = {
    "null": frozenset({type(None)}), "boolean": frozenset({bool}), "string": frozenset({str}),
    "int": frozenset({int}), "long": frozenset({int}), "float": frozenset({int, float}), "double": frozenset({int, float}),
}
_BITS = {"int": 31, "long": 63}
_FOUND = {type(None): "null", bool: "a boolean", int: "an int", float: "a float", str: "a string", list: "a list", dict: "an object"}


def short_name(identifier: str) -> str:
    """What a field or symbol is called: of file:///x.cwl#Type/field it is field."""
    return identifier.rpartition("#")[2].rpartition("/")[2]


def parse_type(document: Document, names: Mapping[str, Document] | None = None) -> Type:
    """The type that `document` says; `names` holds the definitions of types by name. Raises WorkflowError when it says none."""
    return _parse(document, names or {}, frozenset())


def _parse(document: Document, names: Mapping[str, Document], inside: frozenset[str]) -> Type:
    if isinstance(document, str):
        return _named(document, names, inside)
    if isinstance(document, list):
        options = tuple(_parse(option, names, inside) for option in document)
        return options[0] if len(options) == 1 else Union(options)
    if not isinstance(document, Mapping) or "type" not in document:
        raise WorkflowError(f"this is not a type: {document!r:.200}")
    name = str(document.get("name") or "")
    inside |= {name} if name in names else frozenset()
    kind = document["type"]
    match short_name(kind) if isinstance(kind, str) else kind:
        case "array":
            return Array(_parse(document["items"], names, inside), document)
        case "enum":
            return Enum(name, tuple(short_name(symbol) for symbol in document["symbols"]), document)
        case "record":
            return Record(name, tuple(_field(each, names, inside) for each in document.get("fields") or ()), document)
        case _:
            return _parse(kind, names, inside)


def _named(name: str, names: Mapping[str, Document], inside: frozenset[str]) -> Type:
    if name in names:
        return Named(name, names) if name in inside else _parse(names[name], names, inside | {name})
    match name.rpartition("#")[2].rpartition("org.w3id.cwl.")[2].rpartition(".")[2]:
        case "null" | "boolean" | "int" | "long" | "float" | "double" | "string" as primitive:
            return Primitive(primitive)
        case "Any":
            return AnyType()
        case "File" | "Directory" as data:
            return Data(data)
        case "stdin" | "stdout" | "stderr":
            return Data("File")
        case _:
            raise WorkflowError(f"there is no type called {name}")


def _field(document: Mapping[str, Any], names: Mapping[str, Document], inside: frozenset[str]) -> Field:
    return Field(short_name(document["name"]), _parse(document["type"], names, inside), document)


def fits(value: Value, type_: Type) -> bool:
    """Whether `value` is of the type."""
    match type_:
        case Primitive(name):
            return type(value) in _PYTHON[name] and _in_range(value, name)
        case AnyType():
            return value is not None
        case Data(name):
            return isinstance(value, dict) and value.get("class") == name
        case Enum(_, symbols):
            return isinstance(value, str) and value in symbols
        case Array(items):
            return isinstance(value, list) and _all_fit(value, items)
        case Record(_, fields):
            return isinstance(value, dict) and all(fits(value.get(each.name), each.type) for each in fields)
        case Union(options):
            return any(fits(value, option) for option in options)
        case Named():
            return fits(value, type_.type)
        case _:
            assert_never(type_)


def _in_range(value: Value, name: str) -> bool:
    bits = _BITS.get(name)
    return bits is None or -(1 << bits) <= value < 1 << bits


def _all_fit(values: list[Value], items: Type) -> bool:
    if isinstance(items, Primitive):  # one pass in C: arrays of many strings are common
        return _PYTHON[items.name].issuperset(map(type, values)) and (
            items.name not in _BITS or not values or (_in_range(min(values), items.name) and _in_range(max(values), items.name)))
    return all(fits(value, items) for value in values)


def pick(value: Value, type_: Type) -> Type:
    """The branch that `value` takes through unions and names: a type that is neither. Raises InputError when it fits none."""
    chosen = _pick(value, type_)
    if chosen is None:
        raise InputError(problem(value, type_) or f"expected {describe(type_)}")
    return chosen


def _pick(value: Value, type_: Type) -> Type | None:
    if isinstance(type_, Named):
        return _pick(value, type_.type)
    if isinstance(type_, Union):
        return next((found for option in type_.options if (found := _pick(value, option)) is not None), None)
    return type_ if fits(value, type_) else None


@dataclass(frozen=True, slots=True)
class Misfit:
    """A part of a value, at `path` inside it, that is not of the type that is wanted there. `absent`: a field that is not there."""

    path: tuple[str | int, ...]
    value: Value
    type: Type
    absent: bool = False

    @property
    def what(self) -> str:
        """What was expected and what was found."""
        wanted = describe(self.type)
        if self.absent:
            return f"the field {str(self.path[-1])!r} is missing (expected {wanted})"
        return f"expected {wanted}, found {_shown(self.value, self.type)}"


def problem(value: Value, type_: Type) -> str | None:
    """What is wrong with `value`: where inside it, what was expected and what was found; None when it fits."""
    if fits(value, type_):
        return None
    first = next(misfits(value, type_))
    at = at_path(first.path[:-1] if first.absent else first.path)
    return f"at {at}: {first.what}" if at else first.what


def at_path(path: Sequence[str | int]) -> str:
    """A path as people write it: reads[3].name."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{visible(step)}" for step in path).removeprefix(".")


def misfits(value: Value, type_: Type, path: tuple[str | int, ...] = ()) -> Iterator[Misfit]:
    """Every part of `value`, which does not fit, that is the reason, in order."""
    if isinstance(type_, Named):
        yield from misfits(value, type_.type, path)
    elif isinstance(type_, Union) and (near := _nearest(value, type_)) is not None:
        yield from misfits(value, near, path)
    elif isinstance(type_, Array) and isinstance(value, list):
        for index, item in enumerate(value):
            if not fits(item, type_.items):
                yield from misfits(item, type_.items, (*path, index))
    elif isinstance(type_, Record) and isinstance(value, dict):
        for each in type_.fields:
            if not fits(value.get(each.name), each.type):
                yield from _misfit_field(value, each, (*path, each.name))
    else:
        yield Misfit(path, value, type_)


def _misfit_field(value: Mapping[str, Value], field: Field, path: tuple[str | int, ...]) -> Iterator[Misfit]:
    if field.name in value:
        yield from misfits(value[field.name], field.type, path)
    else:
        yield Misfit(path, None, field.type, absent=True)


def _nearest(value: Value, union: Union) -> Type | None:
    """The only option of the shape that the value has, so that the explanation can go into it."""
    shape: tuple[type[Any], ...] = (Array,) if isinstance(value, list) else (Record,) if isinstance(value, dict) else ()
    near = [option for option in union.options if isinstance(option.type if isinstance(option, Named) else option, shape)]
    return near[0] if len(near) == 1 else None


def describe(type_: Type) -> str:
    """The type in words for people: "int", "File or null", "a list of string"."""
    match type_:
        case Primitive(name) | Data(name):
            return name
        case AnyType():
            return "anything but null"
        case Enum(_, symbols):
            return "one of " + ", ".join(symbols[:20]) + (", ..." if len(symbols) > 20 else "")
        case Array(items):
            inner = describe(items)
            return f"a list of ({inner})" if isinstance(items, Union) else f"a list of {inner}"
        case Record(_, fields):
            return "an object with the fields " + ", ".join(each.name for each in fields)
        case Union(options):
            return " or ".join(dict.fromkeys(describe(option) for option in options))
        case Named(name):
            return short_name(name)
        case _:
            assert_never(type_)


def _shown(value: Value, wanted: Type) -> str:
    kind = _FOUND.get(type(value), f"a {type(value).__name__}")
    if isinstance(value, dict) and isinstance(value.get("class"), str):
        return f"an object of class {value['class']}" if value["class"] not in ("File", "Directory") else f"a {value['class']}"
    if value is None or isinstance(value, (list, dict)):
        return kind
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    kind = f"{kind} ({text if len(text) <= 60 else text[:60] + '...'})"
    limits = [f"an {option.name}" if option.name == "int" else f"a {option.name}" for option in options(wanted)
              if isinstance(option, Primitive) and option.name in _BITS]
    return f"{kind}, which is more than {' or '.join(limits)} can hold" if limits and type(value) is int else kind


def found(value: Value) -> str:
    """What a value is, in words: "a string ('x')", "null"."""
    return _shown(value, AnyType())


def options(type_: Type) -> Iterator[Type]:
    """The types that a value may take, through unions; what stands inside its own definition is left out."""
    if isinstance(type_, Union):
        for option in type_.options:
            yield from options(option)
    elif not isinstance(type_, Named):
        yield type_
