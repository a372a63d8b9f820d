"""Frozen values as JSON and back, for the journal, the cache of compiled documents and whatever else goes to disk.

Fast where it can be (msgspec), and right where it must be: file names that are not UTF-8 travel as
lone surrogates, which JSON proper cannot say; they are written as \\udcXX escapes, as Python's own json does.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def dumps(value: Any) -> bytes:
    """`value` (dataclasses, enums, tuples and what JSON has) as JSON."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, default=_builtin).encode("ascii")


def line(value: Any) -> str:
    """`value` as JSON on one line, in characters that a terminal only shows: all others are escapes."""
    text = dumps(value).decode()
    if not text.isascii():
        text = json.dumps(json.loads(text), separators=(",", ":"))
    return text.replace("\x7f", "\\u007f")


def loads(data: bytes, kind: type[T] | Any = Any) -> Any:
    """What `dumps` wrote, as a `kind`. Raises msgspec.DecodeError or msgspec.ValidationError when it is not one."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    if b"\\ud" not in data:
        return decoder.decode(data)
    return msgspec.convert(json.loads(data), kind)


def _builtin(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
