"""A plug-in's settings dataclass as JSON Schema, as documentation, and as an instance made of checked values."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union

Schema = dict[str, Any]
_NAMES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `kind` its type in words, `default` only where it is not `required`, `example` the plug-in's or one of the type."""

    name: str
    doc: str
    kind: str
    required: bool
    default: Any
    example: Any


def settings_of(settings: type[Any]) -> list[Setting]:
    """Every setting of the dataclass, in its order; those that it has from others last."""
    hints, own = typing.get_type_hints(settings), list(settings.__annotations__)
    return [
        Setting(field.name, field.metadata.get("doc", ""), _words(hint), _required(field), _default(field), _example(field, hint))
        for field in sorted(dataclasses.fields(settings), key=lambda field: own.index(field.name) if field.name in own else len(own))
        for hint in [hints[field.name]]
    ]


def object_schema(settings: type[Any]) -> Schema:
    """The schema of a mapping that holds the dataclass's fields and nothing else."""
    hints = typing.get_type_hints(settings)
    fields = dataclasses.fields(settings)
    schema: Schema = {
        "type": "object",
        "properties": {field.name: _field_schema(field, hints[field.name]) for field in fields},
        "additionalProperties": False,
    }
    if required := [field.name for field in fields if _required(field)]:
        schema["required"] = required
    return schema


def instance(settings: type[Any], values: Mapping[str, Any]) -> Any:
    """The dataclass, of values that its schema allows."""
    hints = typing.get_type_hints(settings)
    return settings(**{name: _typed(hints[name], value) for name, value in values.items()})


def _field_schema(field: dataclasses.Field[Any], hint: Any) -> Schema:
    schema = _schema(hint)
    schema |= field.metadata.get("schema", {})
    if doc := field.metadata.get("doc"):
        schema["description"] = doc
    default = _default(field)
    if not _required(field) and default is not None and not dataclasses.is_dataclass(default):
        schema["default"] = default
    return schema


def _schema(hint: Any) -> Schema:
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case origin if origin in (Union, types.UnionType):
            return _or_null(_schema(_not_none(arguments)))
        case origin if origin is Literal:
            return {"enum": list(arguments)}
        case origin if origin is list:
            return {"type": "array", "items": _schema(arguments[0])}
        case origin if origin is dict:
            return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return object_schema(hint)
    if hint not in _NAMES:
        raise TypeError(f"a setting cannot have the type {hint}")
    return {"type": _NAMES[hint]}


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def _not_none(arguments: tuple[Any, ...]) -> Any:
    others = [one for one in arguments if one is not type(None)]
    if len(others) != 1 or len(arguments) != 2:
        raise TypeError(f"a setting may be of one type or None, not one of {arguments}")
    return others[0]


def _words(hint: Any) -> str:
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case origin if origin in (Union, types.UnionType):
            return _words(_not_none(arguments))
        case origin if origin is Literal:
            return " or ".join(str(one) for one in arguments)
        case origin if origin is list:
            return f"list of {_words(arguments[0])}"
        case origin if origin is dict:
            return f"mapping of names to {_words(arguments[1])}"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(hint, "mapping")


def _example(field: dataclasses.Field[Any], hint: Any) -> Any:
    schema = _field_schema(field, hint)
    kinds = {"string": "TEXT", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    given = schema.get("examples") or schema.get("enum") or [kinds[kind] for kind in kinds if kind in schema["type"]]
    return given[0]


def _typed(hint: Any, value: Any) -> Any:
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case origin if origin in (Union, types.UnionType):
            return None if value is None else _typed(_not_none(arguments), value)
        case origin if origin is list:
            return [_typed(arguments[0], item) for item in value]
        case origin if origin is dict:
            return {name: _typed(arguments[1], item) for name, item in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return instance(hint, value)
    return hint(value) if hint in (int, float) else value


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default
