"""The schema of the standard, as cwltool brings it for each version, in the terms in which a document is checked.

A type is one of avro's, or a union of them; its alternatives are `options`. Knows no documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_RECORDS = {
    "StepInput": "an input of a step",
    "StepOutput": "an output of a step",
    "WorkflowStep": "a step",
    "InputParameter": "an input",
    "OutputParameter": "an output",
    "OutputBinding": "an outputBinding",
    "CommandLineBinding": "an inputBinding",
    "InputBinding": "an inputBinding",
    "RecordField": "a field of a record",
    "RecordSchema": "a record",
    "EnumSchema": "an enum",
    "ArraySchema": "an array",
    "SecondaryFileSchema": "an entry of secondaryFiles",
    "EnvironmentDef": "a variable of envDef",
    "Dirent": "an entry of a listing",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a version of the standard allows. `names`: avro's schemas by name; `subjects`, `predicates`: for maps by name."""

    names: Mapping[str, Any]
    subjects: Mapping[str, str]
    predicates: Mapping[str, str]

    def record(self, name: str) -> Any:
        """The record called `name`, None where this version has none."""
        return next((each for key, each in self.names.items() if key.rpartition(".")[2] == name and hasattr(each, "fields")), None)


def schema_of(version: str) -> Schema:
    """The schema of v1.0, v1.1 or v1.2."""
    from cwltool.process import get_schema

    loader, names = get_schema(version)[:2]
    if isinstance(names, Exception):
        raise names
    return Schema(names.names, loader.idmap, loader.mapPredicate)


class Union:
    """A type that is one of several."""

    def __init__(self, schemas: Sequence[Any]) -> None:
        self.schemas = schemas


def options_of(type_: Any) -> list[Any]:
    return [each for part in type_.schemas for each in options_of(part)] if hasattr(type_, "schemas") else [type_]


def items_in(type_: Any) -> list[Any]:
    """What the lists among the alternatives hold."""
    return [each for option in options_of(type_) if hasattr(option, "items") for each in options_of(option.items)]


def kinds_in(type_: Any) -> set[str]:
    return kinds_of(options_of(type_))


def kinds_of(options: Iterable[Any]) -> set[str]:
    """What kinds of nodes some alternatives allow."""
    found: set[str] = set()
    for option in options:
        name = getattr(option, "name", "")
        if hasattr(option, "fields"):
            found.add("object")
        elif hasattr(option, "items"):
            found.add("list")
        elif name.endswith("Expression"):
            found.add("expression")
        elif hasattr(option, "symbols"):
            found.add("word")
        else:
            found.add(str(getattr(option, "type", "")))
    return found


def taken_for(kind: str) -> tuple[str, ...]:
    """What a node of a kind may be taken for."""
    return {"int": ("int", "long", "float", "double"), "float": ("float", "double")}.get(kind, (kind,))


def symbols_of(options: Iterable[Any]) -> list[str]:
    return [
        str(symbol).rpartition("#")[2].rpartition("/")[2]
        for option in options
        if hasattr(option, "symbols") and not option.name.endswith("Expression")
        for symbol in option.symbols
    ]


def is_constant(type_: Any) -> bool:
    """Whether a field says with one word what an object is: the `type` of a record, an enum or an array."""
    options = options_of(type_)
    return len(options) == 1 and hasattr(options[0], "symbols") and len(options[0].symbols) == 1


def expected(options: Sequence[Any]) -> str:
    words = {
        "list": "a list",
        "object": "an object",
        "string": "text",
        "int": "a whole number",
        "long": "a whole number",
        "float": "a number",
        "double": "a number",
        "boolean": "true or false",
        "expression": "an expression",
        "word": " or ".join(symbols_of(options)[:6]),
    }
    kinds = kinds_of(options)
    named: Iterator[str] = (word for kind, word in words.items() if kind in kinds)
    return " or ".join(dict.fromkeys(named)) or "nothing"


def called(name: str) -> str:
    """What a record of the schema is to its author."""
    short = name.rpartition(".")[2]
    for end, words in _RECORDS.items():
        if short.endswith(end):
            return words
    return f"an {short}" if short[0] in "AEIOU" else f"a {short}"
