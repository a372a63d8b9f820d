"""Parameters, types and bindings of a loaded document as plain data with short names.

Knows the shapes that cwltool leaves after it has resolved a document: addresses as identifiers, ruamel's own numbers and
strings. Types that are defined by name keep the address as their name and are gathered in `names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from hyflow.cwl.inputs import place_defaults
from hyflow.cwl.places import where_of
from hyflow.errors import WorkflowError

Plain: TypeAlias = dict[str, Any]
T = TypeVar("T")
_BINDING = ("position", "prefix", "separate", "itemSeparator", "valueFrom", "shellQuote", "loadContents")
_OUTPUT_BINDING = ("glob", "outputEval", "loadContents", "loadListing")


def short(identifier: str) -> str:
    """The last part of an identifier: of file:///a.cwl#main/step/x it is x."""
    return identifier.rpartition("#")[2].rpartition("/")[2]


def plain(value: Any) -> Any:
    """`value` without the classes of the YAML reader."""
    match value:
        case bool() | None:
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case Sequence():
            return [plain(item) for item in value]
        case _:
            return str(value)


def line_of(item: Any) -> int | None:
    """The line, from 0, where a part of a document begins, as far as it is known."""
    line = getattr(getattr(item, "lc", None), "line", None)
    return line if isinstance(line, int) else None


def in_order(items: Iterable[T]) -> list[T]:
    """The items in the order in which the document has them: maps by name come sorted by name from schema-salad."""
    return sorted(items, key=_id_line)


def _id_line(item: Any) -> tuple[int, int]:
    """Where the name of an item stands, from 0; (0, 0) where it is not known."""
    mark = getattr(item, "lc", None)
    data = getattr(mark, "data", None)
    place = data.get("id") if isinstance(data, dict) else None
    return (place[0], place[1]) if place else (line_of(item) or 0, 0)


def parameters(items: Iterable[Mapping[str, Any]], base: str, names: dict[str, Any]) -> list[Plain]:
    """Input or output parameters: name, type and what else is said of each; `base` is the address of the document."""
    return [_parameter(item, base, names) for item in in_order(items)]


def _parameter(item: Mapping[str, Any], base: str, names: dict[str, Any]) -> Plain:
    made: Plain = {"name": short(str(item.get("id") or item.get("name"))), "type": type_of(item["type"], names), **_details(item)}
    if "default" in item:
        made["default"] = default_of(item, base)
    for word in ("doc", "label"):
        if isinstance(item.get(word), str):
            made[word] = str(item[word])
    return made


def default_of(item: Mapping[str, Any], base: str) -> Any:
    """The default of a parameter, with its files placed. Raises WorkflowError with the place of the parameter."""
    try:
        return place_defaults(plain(item["default"]), base)
    except WorkflowError as error:
        error.where = where_of(item) or error.where
        raise


def address(location: str, base: str) -> str:
    """A location that the document at `base` gives, as an address. Raises WorkflowError."""
    return str(place_defaults({"class": "File", "location": location}, base)["location"])


def _details(item: Mapping[str, Any]) -> Plain:
    """What a parameter, a record's field or an array may say of its data beside the type."""
    made: Plain = {}
    if isinstance(item.get("inputBinding"), Mapping):
        made["inputBinding"] = {key: plain(item["inputBinding"][key]) for key in _BINDING if key in item["inputBinding"]}
        if made["inputBinding"].pop("loadContents", False):
            made["loadContents"] = True
    if isinstance(item.get("outputBinding"), Mapping):
        made["outputBinding"] = {key: plain(item["outputBinding"][key]) for key in _OUTPUT_BINDING if key in item["outputBinding"]}
    if item.get("secondaryFiles"):
        made["secondaryFiles"] = _secondary(plain(item["secondaryFiles"]))
    for word in ("format", "loadContents", "loadListing", "streamable"):
        if item.get(word):
            made[word] = plain(item[word])
    return made


def _secondary(listed: Any) -> list[Plain]:
    """Patterns of secondary files as a list of {pattern, required}."""
    entries = listed if isinstance(listed, list) else [listed]
    return [entry if isinstance(entry, dict) else {"pattern": entry} for entry in entries]


def type_of(document: Any, names: dict[str, Any]) -> Any:
    """A type as plain data: "File", a list for a union, or a mapping; named records and enums are added to `names`."""
    match document:
        case str():
            return str(document)
        case Mapping():
            return _compound(document, names)
        case Sequence():
            return [type_of(item, names) for item in document]
        case _:
            raise TypeError(f"not a type: {document!r}")


def _compound(document: Mapping[str, Any], names: dict[str, Any]) -> Any:
    kind = document["type"]
    if not isinstance(kind, str) or kind not in ("array", "record", "enum"):
        return type_of(kind, names)
    made: Plain = {"type": str(kind), **_details(document)}
    name = document.get("name")
    if name is not None:
        made["name"] = str(name)
        names.setdefault(str(name), made)
    if kind == "array":
        made["items"] = type_of(document["items"], names)
    elif kind == "enum":
        made["symbols"] = [short(str(symbol)) for symbol in document["symbols"]]
    else:
        fields = document.get("fields") or []
        made["fields"] = [_field(field, names) for field in fields]
    return made


def _field(field: Mapping[str, Any], names: dict[str, Any]) -> Plain:
    return {"name": short(str(field["name"])), "type": type_of(field["type"], names), **_details(field)}


def definitions(types: Iterable[Mapping[str, Any]], names: dict[str, Any]) -> None:
    """Add the types that SchemaDefRequirements define to `names`."""
    for document in types:
        type_of(document, names)


def mentioned(document: Any, names: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Put into `found` those of `names` that a type refers to, directly or through others."""
    match document:
        case str():
            if document in names and document not in found:
                found[document] = names[document]
                mentioned({key: value for key, value in names[document].items() if key != "name"}, names, found)
        case dict():
            for key in ("items", "type"):
                mentioned(document.get(key), names, found)
            for field in document.get("fields") or ():
                mentioned(field["type"], names, found)
        case list():
            for item in document:
                mentioned(item, names, found)
