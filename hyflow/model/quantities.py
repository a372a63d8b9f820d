"""Amounts as people write them: 16GiB, 500MB, 90s, 1h30m. Knows text and numbers alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SIZE: Mapping[str, Any] = {
    "pattern": r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?B|B)$(?!\n)",
    "title": "a size, as in 16GiB or 500MB",
    "examples": ["16GiB"],
}
"""The text that `parse_size` reads, in words of JSON Schema. (Python's $ also stands before a last line end, others' does not.)"""

TIME: Mapping[str, Any] = {
    "pattern": r"^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$(?!\n)",
    "title": "a length of time, as in 30m, 2h or 1h30m",
    "examples": ["1h30m"],
}
"""The same for `parse_time`."""

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SECONDS = (86400, 3600, 60, 1)


def parse_size(text: str) -> int:
    """Bytes: "16GiB" is 16 * 2**30, "500MB" is 500 * 10**6. Raises ValueError for anything else."""
    found = re.fullmatch(r"([0-9.]+) ?([A-Za-z]+)", text) if re.match(SIZE["pattern"], text) else None
    if found is None:
        raise ValueError(f"not a size: {text!r} (write it as in 16GiB or 500MB)")
    return int(float(found[1]) * _UNITS[found[2]])


def parse_time(text: str) -> int:
    """Seconds: "90s", "30m", "2h", "1h30m", "2d". Raises ValueError for anything else."""
    found = re.match(TIME["pattern"], text)
    if found is None:
        raise ValueError(f"not a length of time: {text!r} (write it as in 30m, 2h or 1h30m)")
    return sum(int(part[:-1]) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True) if part)


def time_text(seconds: float) -> str:
    """A length of time as `parse_time` reads it, to the second: 5400 is "1h30m"."""
    rest, parts = round(seconds), []
    for unit, length in zip("dhms", _SECONDS, strict=True):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size_text(size: int) -> str:
    """A size for people, exact to about three digits: 17179869184 is "16GiB"."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.3g}{unit}"
    return f"{size}B"
