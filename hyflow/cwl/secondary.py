"""Which secondary files a pattern asks for (CWL v1.2, CommandLineTool, "SecondaryFileSchema"). Does not look whether they are there."""

from __future__ import annotations

from typing import Any

from hyflow.cwl.addresses import renamed
from hyflow.cwl.shapes import Pattern
from hyflow.cwl.types import found
from hyflow.errors import WorkflowError
from hyflow.model.values import Inputs, Value, is_data

Data = dict[str, Any]


def needed(pattern: Pattern, otherwise: bool, inputs: Inputs, file: Data, runtime: Value = None) -> bool:
    """Whether a secondary file is required; `otherwise` where the document leaves it open. Raises WorkflowError."""
    if pattern.required is None:
        return otherwise
    value = pattern.required.evaluate(inputs, file, runtime)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise WorkflowError(f"`required` of a secondary file must be a boolean or null, found {found(value)}")
    return value


def wanted_names(pattern: Pattern, inputs: Inputs, file: Data, runtime: Value = None) -> list[str | Data]:
    """The secondary files that a pattern asks for: names beside the primary, or objects. Raises WorkflowError."""
    if pattern.pattern.constant:
        return [renamed(file["basename"], pattern.pattern.value)]
    value = pattern.pattern.evaluate(inputs, file, runtime)
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if entry is not None and not isinstance(entry, str) and not is_data(entry):
            raise WorkflowError(f"a secondary file must be a name, a File or a Directory, found {found(entry)}")
    return [entry for entry in entries if entry]
