"""Inputs from the command line, `--name value` by the types of the workflow's inputs.

A list takes its flag once for each item, a record `--name.field value`; a boolean is a flag alone (`--no-name` says false). A file is
a path from the working directory, or an address.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hyflow.cwl.advice import advice, flag_example
from hyflow.cwl.placing import Placing, file_uri
from hyflow.cwl.types import (
    AnyType,
    Array,
    Data,
    Enum,
    Misfit,
    Named,
    Primitive,
    Record,
    Type,
    Union,
    at_path,
    describe,
    fits,
    misfits,
)  # fmt: skip
from hyflow.errors import UsageError
from hyflow.model.values import Inputs, Value
from hyflow.nearest import nearest

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
    """The inputs that `argv` gives, by name; whether files are there is not looked at. Raises UsageError with every mistake."""
    flags = dict(_flags(types, ()))
    made: Inputs = {}
    wrong: list[UsageError] = []
    for name, text in _pairs(argv, flags, wrong):
        try:
            _put(made, name, text, flags[name])
        except UsageError as error:
            wrong.append(error)
    told = {str(error.where) for error in wrong}
    wrong += [_misfit(misfit, name) for name, value in made.items() if not any(each.startswith(f"--{name}") for each in told)
              if not fits(value, types[name]) for misfit in misfits(value, types[name])]
    placing = Placing(f"{file_uri('.')}/", {})
    placed = {name: placing.place(value, (name,)) for name, value in made.items()}
    wrong += [UsageError(error.what, where=f"--{at_path(path)}", hint=error.hint) for path, error in (placing.wrong or {}).items()]
    if wrong:
        raise wrong[0] if len(wrong) == 1 else UsageError(wrong)
    return placed


def _misfit(misfit: Misfit, name: str) -> UsageError:
    at = at_path(misfit.path[:-1] if misfit.absent else misfit.path)
    return UsageError(f"at {at}: {misfit.what}" if at else misfit.what, where=f"--{name}", hint=advice(misfit))


def _flags(types: Mapping[str, Type], above: tuple[str, ...]) -> Iterator[tuple[str, _Flag]]:
    """Every flag there is: inputs, and the fields of records below them."""
    for name, type_ in types.items():
        path = (*above, name)
        yield ".".join(path), _Flag(path, type_)
        for option in _options(type_, frozenset()):
            if isinstance(option, Record) and len(path) < _DEEPEST:
                yield from _flags({each.name: each.type for each in option.fields}, path)


def _pairs(argv: Sequence[str], flags: Mapping[str, _Flag], wrong: list[UsageError]) -> Iterator[tuple[str, str | bool]]:
    """Flags with their texts; True or False for a flag that stands alone. What is none is noted."""
    words = iter(argv)
    unknown = False
    for word in words:
        match = re.fullmatch(r"--?([^=]+)(?:=(.*))?", word, re.DOTALL)
        if match is None:
            if not unknown:  # else it is what a flag that is not known was given
                wrong.append(UsageError(f"{word!r} is no flag", hint="Inputs are given as --name value."))
            unknown = False
            continue
        unknown = False
        name, text = match.groups()
        turned_off = flags.get(name.removeprefix("no-")) if name not in flags and text is None else None
        if turned_off is not None and turned_off.alone:
            yield name.removeprefix("no-"), False
        elif name not in flags:
            wrong.append(_unknown(name, flags))
            unknown = text is None
        elif text is None and flags[name].alone:
            yield name, True
        else:
            text = next(words, None) if text is None else text
            if text is None:
                wrong.append(UsageError(f"--{name} needs a value ({describe(flags[name].type)})",
                                        hint=f"as in {flag_example(name, flags[name].type)}"))
                return
            yield name, text


def _unknown(name: str, flags: Mapping[str, _Flag]) -> UsageError:
    close = nearest(name, flags)
    near = [close] if close else []
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
    shown = repr(text if len(text) <= 60 else text[:60] + "...")
    raise UsageError(f"expected {describe(type_)}, found {shown}", where=f"--{name}", hint=_hint(name, text, type_))


def _hint(name: str, text: str, type_: Type) -> str | None:
    if text.startswith("--"):
        return f"--{name} takes what follows it as its value"
    for option in _options(type_, frozenset()):
        match option:
            case Enum(_, symbols):
                near = nearest(text, symbols)
                return f"did you mean {near}?" if near else None
            case Array() | Record():
                return f"as JSON it must be whole; or as in {flag_example(name, type_)}"
    return None


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
