"""Checks a document against its schema: every problem with its place, in plain words, and with what may have been meant."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from hyflow.deployment.document import Node, locate
from hyflow.deployment.settings import Schema
from hyflow.errors import DeploymentError, HyflowError, Where
from hyflow.nearest import nearest, suggestion

_KINDS = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip

_UNITS = ("GiB", "m", "s")
"""Units of which one fits a number that lacks it."""

_LONGEST = 80
"""Characters of a value that a message shows."""


def problems(document: Node, schema: Schema) -> list[HyflowError]:
    """Everything in the document that the schema does not allow, in the order of the file."""
    found: dict[str, HyflowError] = {}
    for error in Draft202012Validator(schema).iter_errors(document.plain()):
        for problem in _explain(document, error):
            found.setdefault(str(problem), problem)
    return sorted(found.values(), key=place)


def place(problem: HyflowError) -> tuple[int, int]:
    """Where a problem stands among others of the same file."""
    return (problem.where.line, problem.where.column) if isinstance(problem.where, Where) else (0, 0)


def _explain(document: Node, error: ValidationError) -> list[HyflowError]:
    path: list[Any] = list(error.absolute_path)
    where, name = locate(document, path), _name(path)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    if "propertyNames" in error.absolute_schema_path:
        fitting = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("._-")
        hint = f"did you mean {fitting}?" if 0 < len(fitting) <= _LONGEST else None
        return [DeploymentError(f"{_shown(value)} is not {_meant(error)}", where=locate(document, [*path, value]), hint=hint)]
    match error.validator:
        case "additionalProperties":
            known = [key for key, part in schema["properties"].items() if "not" not in part]
            unknown = [key for key in value if key not in schema["properties"]]
            return [_unknown(key, name, known, locate(document, [*path, key])) for key in unknown]
        case "required":
            return [_missing(document, path, key, value, schema) for key in rule if key not in value]
        case "enum" | "const":
            known = rule if isinstance(rule, list) else [rule]
            quoted = isinstance(value, str) and value in [str(one) for one in known if not isinstance(one, str)]
            hint = "write it without quotes" if quoted else suggestion(value, map(_word, known))
            return [DeploymentError(f"{name} cannot be {_shown(value)}", where=where, hint=hint)]
        case "type":
            meant = schema.get("title") or " or ".join(_KINDS[kind] for kind in _types(rule) if kind != "null")
            what = f"{name or 'the file'} must be {meant}, not {_shown(value)}"
            return [DeploymentError(what, where=where, hint=_instead(value, schema) or schema.get("description"))]
        case "pattern":
            hint = _instead(value, schema)
            return [DeploymentError(f"{name} must be {_meant(error)}, not {_shown(value)}", where=where, hint=hint)]
        case "minItems" | "minProperties":
            return [DeploymentError(f"{name} is empty", where=where, hint=schema.get("description"))]
        case "uniqueItems":
            return [DeploymentError(f"{name} names the same thing twice", where=where, hint="name it once")]
        case "anyOf":  # of whatever kind else it may be: what is wrong with it as the first
            return _explain(document, error.context[0])
        case "not":
            return [DeploymentError(schema["title"], where=where, hint=schema["description"])]
        case "minimum":
            return [DeploymentError(f"{name} must be at least {rule}, not {_shown(value)}", where=where)]
        case "maxLength":
            return [DeploymentError(f"{name} must be at most {rule} characters long, not {len(value):,}", where=where)]
        case "maximum":
            return [DeploymentError(f"{name} must be at most {rule}, not {_shown(value)}", where=where)]
        case "exclusiveMinimum":
            return [DeploymentError(f"{name} must be more than {rule}, not {_shown(value)}", where=where)]
    return [DeploymentError(f"{name}: {_cut(error.message)}", where=where)]


def _missing(document: Node, path: list[Any], key: str, value: Any, schema: Schema) -> HyflowError:
    """A key that lacks may be there with a slip in it: that is then the mistake."""
    name = _name(path)
    if slip := nearest(key, (one for one in value if one not in schema.get("properties", {}))):
        return _unknown(slip, name, [key], locate(document, [*path, slip]))
    return DeploymentError(f"{name or 'the file'} lacks {key}", where=locate(document, path), hint=_doc(schema, key))


def _types(rule: str | list[str]) -> list[str]:
    return [rule] if isinstance(rule, str) else rule


def _instead(value: Any, schema: Schema) -> str | None:
    """What may have been meant by a value of the wrong kind."""
    kinds, pattern = _types(schema.get("type", [])), schema.get("pattern")
    if len(str(value)) > _LONGEST:
        return None
    match value:
        case int() | float() | str() if pattern is not None and re.fullmatch(r"[0-9.]+", str(value)) and not re.search(pattern, str(value)):
            fitting = [text for text in (f"{value}{unit}" for unit in _UNITS) if re.search(pattern, text)]
            return f"with its unit, as in {fitting[0]}" if fitting else None
        case str() if "path of a step" in schema.get("title", "") and value.strip("/"):
            return f"did you mean /{'/'.join(filter(None, value.split('/')))}?"
        case str() if "array" in kinds and pattern is None and value:
            return f"did you mean [{', '.join(value.split())}]?"
        case str() if "object" in kinds:
            names = [name for name, part in schema.get("properties", {}).items() if value in part.get("enum", ())]
            return f"did you mean {{{names[0]}: {value}}}?" if len(names) == 1 else None
    return None


def _unknown(key: str, name: str, known: list[str], where: Where) -> HyflowError:
    return DeploymentError(f"{name + ' has' if name else 'there is'} no setting {_shown(key)}", where=where, hint=suggestion(key, known))


def _meant(error: ValidationError) -> str:
    schema: Any = error.schema
    return str(schema.get("title") or f"text that matches {error.validator_value}")


def _name(path: list[str | int]) -> str:
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(_cut(str(step)) for step in path))


def _word(value: Any) -> str:
    return "null" if value is None else str(value)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
        case str():
            return _cut(repr(value))
    return _cut(str(value))


def _cut(text: str) -> str:
    """Nobody reads a very long value in a message."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _doc(schema: Schema, key: str) -> str | None:
    doc: str | None = schema.get("properties", {}).get(key, {}).get("description")
    return doc
