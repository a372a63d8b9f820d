"""What to do about a value that is not of its type, and how a value of a type is written."""

from __future__ import annotations

import difflib
import json
import re

from hyflow.cwl.types import Array, Data, Enum, Misfit, Primitive, Record, Type, options
from hyflow.model.values import Value, is_data

_INT = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_TRUTH = {"yes": "true", "on": "true", "y": "true", "true": "true", "no": "false", "off": "false", "n": "false", "false": "false"}
_DEEPEST = 3


def advice(misfit: Misfit) -> str | None:
    """What to do, where that can be said."""
    wanted = list(options(misfit.type))
    if misfit.absent or misfit.value is None:
        return f"write it as {example(misfit.type)}"
    for option in wanted:
        if (found := _for(misfit.value, option)) is not None:
            return found
    return None


def _for(value: Value, wanted: Type) -> str | None:
    match wanted:
        case Primitive(name):
            return _primitive(value, name)
        case Data(name):
            return _data(value, name)
        case Enum(_, symbols):
            near = difflib.get_close_matches(str(value), symbols, 1)
            return f"did you mean {near[0]}?" if near else None
        case Array(items) if not isinstance(value, list):
            fits_alone = _for(value, items) is None
            return f"a list is written in brackets: [{_written(value) if fits_alone else example(items)}]"
    return None


def _primitive(value: Value, name: str) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    match name:
        case "int" | "long":
            if text and _INT.fullmatch(text):
                return f"leave the quotes away: {text}"
            if isinstance(value, float) and value.is_integer():
                return f"leave the fraction away: {int(value)}"
            return "a larger number needs the type long, which the author of the workflow can give it" if _large(value, name) else None
        case "float" | "double":
            return f"leave the quotes away: {text}" if text and _NUMBER.fullmatch(text) else None
        case "boolean":
            known = _TRUTH.get(text.lower()) if text else {0: "false", 1: "true"}.get(value) if type(value) is int else None
            return f"write {known}" if known else "write true or false"
        case "string":
            if isinstance(value, (bool, int, float)):
                return f'put it in quotes: "{json.dumps(value)}"'
            return "text is wanted, not the file that holds it" if is_data(value) else None
    return None


def _large(value: Value, name: str) -> bool:
    return name == "int" and type(value) is int and -(1 << 63) <= value < 1 << 63


def _data(value: Value, name: str) -> str | None:
    if isinstance(value, str):
        return f"write it as {{class: {name}, path: {_written(value)}}}"
    if not isinstance(value, dict):
        return None
    said = value.get("class")
    if said is None:
        return f"add class: {name}" if {"path", "location", "contents", "listing"} & value.keys() else None
    if said == {"File": "Directory", "Directory": "File"}[name]:
        return None
    near = difflib.get_close_matches(str(said).lower(), [name.lower(), "dir" if name == "Directory" else "file"], 1)
    return f"did you mean class: {name}?" if near else None


def _written(value: Value) -> str:
    """A value as YAML in one line; long ones as an ellipsis."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_/.][\w/.+-]*", value) and len(value) <= 100:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else "..."


def example(type_: Type, depth: int = 0) -> str:
    """How a value of the type may be written in a job file."""
    first = next((option for option in options(type_) if option != Primitive("null")), None)
    match first:
        case Primitive(name):
            return {"boolean": "true", "int": "1", "long": "1", "float": "0.5", "double": "0.5"}.get(name, "TEXT")
        case Data(name):
            return f"{{class: {name}, path: {name.upper()}}}"
        case Enum(_, symbols):
            return symbols[0] if symbols else "TEXT"
        case Array(items):
            return f"[{example(items, depth + 1)}]" if depth < _DEEPEST else "[...]"
        case Record(_, fields):
            inner = ", ".join(f"{each.name}: {example(each.type, depth + 1)}" for each in fields[:5])
            return f"{{{inner}}}" if depth < _DEEPEST else "{...}"
    return "..."


def flag_example(name: str, type_: Type) -> str:
    """How an input may be given after a --."""
    first = next((option for option in options(type_) if option != Primitive("null")), None)
    match first:
        case Primitive("boolean"):
            return f"--{name}"
        case Data(kind):
            return f"--{name} {kind.upper()}"
        case Array(items):
            return flag_example(name, items)
        case Record(_, fields) if fields:
            return flag_example(f"{name}.{fields[0].name}", fields[0].type)
    return f"--{name} {example(type_)}"
