"""From objects as expressions see them to tokens: data is named by its location alone, what can be worked out again is left away."""

from __future__ import annotations

from typing import Any

from hyflow.cwl.objects import described
from hyflow.model.values import Value, is_data

Data = dict[str, Any]
_VIEW = ("path", "dirname", "nameroot", "nameext", "writable")


def tokens(value: Value) -> Value:
    """`value` with every File and Directory inside as a token. Raises WorkflowError for data that is nowhere."""
    if isinstance(value, dict):
        if is_data(value):
            return token(value)
        return {name: tokens(item) for name, item in value.items()}
    if isinstance(value, list):
        return [tokens(item) for item in value]
    return value


def token(data: Data) -> Data:
    """One File or Directory as a token."""
    made = described(data)
    for word in _VIEW:
        made.pop(word, None)
    for part in ("secondaryFiles", "listing"):
        if part in made:
            made[part] = [token(item) for item in made[part]]
    return made
