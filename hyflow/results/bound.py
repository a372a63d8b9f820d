"""How much may be kept for later runs."""

from __future__ import annotations

from collections.abc import Mapping

from hyflow.errors import UsageError
from hyflow.model.quantities import parse_size

VARIABLE = "HYFLOW_REUSE_SIZE"
DEFAULT = 10 << 30


def bound(environment: Mapping[str, str]) -> int:
    """Bytes; 0 to keep nothing. Raises UsageError when what the user says is no size."""
    said = environment.get(VARIABLE)
    if not said:
        return DEFAULT
    try:
        return parse_size(said)
    except ValueError as error:
        raise UsageError(f"{VARIABLE} is {error}", hint="0B keeps nothing for later runs") from error
