"""Inputs from the command line, `--name value` by the types of the workflow's inputs.

A list takes its flag once for each item, a record `--name.field value`; a boolean is a flag alone (`--no-name` says false). A file is
a path from the working directory, or an address.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hyflow.cwl.placing import Misplaced, Placing, file_uri, is_there
from hyflow.cwl.types import AnyType, Array, Data, Enum, Named, Primitive, Record, Type, Union, describe, problem
from hyflow.errors import InputError, UsageError
from hyflow.model.values import Inputs, Value

_DEEPEST = 5
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class _Flag:
    """Where a flag's values go, an input or a field of a record in one, and their type."""

    path: tuple[str, ...]
    type: Type

    @property
    def array(self) -> Array | None:
        return next((option for option in _options(self.type, frozenset()) if isinstance(option, Array)), None)

    @property
    def alone(self) -> bool:
        """Whether it is boolean, null aside: a flag that takes no value."""
        return {option for option in _options(self.type, frozenset()) if option != Primitive("null")} == {Primitive("boolean")}


def from_flags(argv: Sequence[str], types: Mapping[str, Type]) -> Inputs:
    """The inputs that `argv` gives, by name. Raises UsageError for what cannot be understood, InputError for files that are not there."""
    flags = dict(_flags(types, ()))
    made: Inputs = {}
    for name, text in _pairs(argv, flags):
        _put(made, name, text, flags[name])
    for name, value in made.items():
        if wrong := problem(value, types[name]):
            raise UsageError(f"--{name}: {wrong}")
    try:
        return {name: Placing(f"{file_uri('.')}/", is_there).place(value) for name, value in made.items()}
    except Misplaced as error:
        raise InputError(error.what, where="the command line") from error


def _flags(types: Mapping[str, Type], above: tuple[str, ...]) -> Iterator[tuple[str, _Flag]]:
    """Every flag there is: inputs, and the fields of records below them."""
    for name, type_ in types.items():
        path = (*above, name)
        yield ".".join(path), _Flag(path, type_)
        for option in _options(type_, frozenset()):
            if isinstance(option, Record) and len(path) < _DEEPEST:
                yield from _flags({each.name: each.type for each in option.fields}, path)


def _pairs(argv: Sequence[str], flags: Mapping[str, _Flag]) -> Iterator[tuple[str, str | bool]]:
    """Flags with their texts; True or False for a flag that stands alone."""
    words = iter(argv)
    for word in words:
        match = re.fullmatch(r"--?([^=]+)(?:=(.*))?", word, re.DOTALL)
        if match is None:
            raise UsageError(f"{word!r} is no flag", hint="Inputs are given as --name value.")
        name, text = match.groups()
        turned_off = flags.get(name.removeprefix("no-")) if name not in flags and text is None else None
        if turned_off is not None and turned_off.alone:
            yield name.removeprefix("no-"), False
        elif name not in flags:
            raise _unknown(name, flags)
        elif text is None and flags[name].alone:
            yield name, True
        else:
            text = next(words, None) if text is None else text
            if text is None:
                raise UsageError(f"--{name} needs a value ({describe(flags[name].type)})")
            yield name, text


def _unknown(name: str, flags: Mapping[str, _Flag]) -> UsageError:
    near = difflib.get_close_matches(name, flags, n=3)
    known = ", ".join(f"--{each}" for each in (near or [each for each, flag in flags.items() if len(flag.path) == 1]))
    hint = f"Did you mean {known}?" if near else f"Its inputs are {known}." if known else "It takes no inputs."
    return UsageError(f"there is no input called {name}", hint=hint)


def _put(made: Inputs, name: str, text: str | bool, flag: _Flag) -> None:
    """Set the input or the field of a record; a list grows, unless it is given as a whole."""
    *records, last = flag.path
    place = made
    for record in records:
        place = place.setdefault(record, {})
        if not isinstance(place, dict):
            raise UsageError(f"--{name} says a part of what is given as a whole")
    array = flag.array
    if array is not None and not (isinstance(text, str) and text.lstrip().startswith("[")):
        grown = place.setdefault(last, [])
        if not isinstance(grown, list):
            raise UsageError(f"--{name} is given twice in different ways")
        grown.append(_value(name, text, array.items))
    elif last in place:
        raise UsageError(f"--{name} is given twice", hint="Only lists take a flag more than once.")
    else:
        place[last] = _value(name, text, flag.type)


def _options(type_: Type, inside: frozenset[str]) -> tuple[Type, ...]:
    """The types that a value may take, through unions and names."""
    if isinstance(type_, Union):
        return tuple(found for option in type_.options for found in _options(option, inside))
    if isinstance(type_, Named):
        return () if type_.name in inside else _options(type_.type, inside | {type_.name})
    return (type_,)


def _value(name: str, text: str | bool, type_: Type) -> Value:
    if isinstance(text, bool):
        return text
    for option in _options(type_, frozenset()):
        try:
            return _read(text, option)
        except ValueError:
            continue
    raise UsageError(f"--{name}: expected {describe(type_)}, found {text!r}")


def _read(text: str, type_: Type) -> Value:
    """`text` as a value of the type. Raises ValueError when it is none."""
    match type_:
        case Primitive("null"):
            raise ValueError("null is said by leaving the flag out")
        case Primitive("boolean"):
            return _TRUTH[text.lower()] if text.lower() in _TRUTH else _refuse(text)
        case Primitive("int" | "long"):
            return int(text)
        case Primitive("float" | "double"):
            number = float(text)
            return number if math.isfinite(number) else _refuse(text)
        case Data(name):
            return {"class": name, "path": text}
        case Enum(_, symbols):
            return text if text in symbols else _refuse(text)
        case Array() | Record():
            return json.loads(text)
        case AnyType() | Primitive():
            return text
        case _:
            return _refuse(text)


def _refuse(text: str) -> Value:
    raise ValueError(text)
