"""Checks a document against its schema: every problem with its place, in plain words, and with what may have been meant."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from hyflow.deployment.document import Node, locate
from hyflow.deployment.settings import Schema
from hyflow.deployment.suggestions import suggestion
from hyflow.errors import DeploymentError, HyflowError, Where

_KINDS = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip


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
        return [DeploymentError(f"{value!r} is not {_meant(error)}", where=locate(document, [*path, value]))]
    match error.validator:
        case "additionalProperties":
            known = schema["properties"]
            unknown = [key for key in value if key not in known]
            return [_unknown(key, name, [*known], locate(document, [*path, key])) for key in unknown]
        case "required":
            missing = [key for key in rule if key not in value]
            return [DeploymentError(f"{name or 'the file'} lacks {key}", where=where, hint=_doc(schema, key)) for key in missing]
        case "enum" | "const":
            known = rule if isinstance(rule, list) else [rule]
            return [DeploymentError(f"{name} cannot be {_shown(value)}", where=where, hint=suggestion(value, map(_word, known)))]
        case "type":
            kinds = [_KINDS[kind] for kind in ([rule] if isinstance(rule, str) else rule) if kind != "null"]
            return [DeploymentError(f"{name or 'the file'} must be {' or '.join(kinds)}, not {_shown(value)}", where=where)]
        case "pattern":
            return [DeploymentError(f"{name} must be {_meant(error)}, not {value!r}", where=where)]
        case "minItems" | "minProperties":
            return [DeploymentError(f"{name} is empty", where=where)]
        case "minimum":
            return [DeploymentError(f"{name} must be at least {rule}, not {value}", where=where)]
        case "exclusiveMinimum":
            return [DeploymentError(f"{name} must be more than {rule}, not {value}", where=where)]
    return [DeploymentError(f"{name}: {error.message}", where=where)]


def _unknown(key: str, name: str, known: list[str], where: Where) -> HyflowError:
    return DeploymentError(f"{name + ' has' if name else 'there is'} no setting {key!r}", where=where, hint=suggestion(key, known))


def _meant(error: ValidationError) -> str:
    schema: Any = error.schema
    return str(schema.get("title") or f"text that matches {error.validator_value}")


def _name(path: list[str | int]) -> str:
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(map(str, path)))


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
            return repr(value)
    return str(value)


def _doc(schema: Schema, key: str) -> str | None:
    doc: str | None = schema.get("properties", {}).get(key, {}).get("description")
    return doc
