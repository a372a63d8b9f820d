"""Requirements and hints in force: which instance counts, merged and made plain. Does not know what they mean to a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SUPPORTED = frozenset({
    "DockerRequirement", "EnvVarRequirement", "InitialWorkDirRequirement", "InlineJavascriptRequirement", "InplaceUpdateRequirement",
    "LoadListingRequirement", "MultipleInputFeatureRequirement", "NetworkAccess", "ResourceRequirement", "ScatterFeatureRequirement",
    "SchemaDefRequirement", "ShellCommandRequirement", "SoftwareRequirement", "StepInputExpressionRequirement",
    "SubworkflowFeatureRequirement", "ToolTimeLimit", "WorkReuse",
})
"""The classes that may stand under `requirements`."""

CUDA = "http://commonwl.org/cwltool#CUDARequirement"
EXTENSIONS = frozenset({CUDA})
"""Classes beyond the standard that are heeded as hints."""


def merged(requirements: Iterable[Mapping[str, Any]], hints: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The instance in force of each class, by class, with `required` telling a requirement from a hint.

    Both lists go from the outermost workflow to the tool itself; the last of a class counts, and requirements come
    before hints (CWL v1.2, Workflow, section 5.2: requirements and hints).
    """
    found: dict[str, dict[str, Any]] = {}
    for entries, required in ((hints, False), (requirements, True)):
        for entry in entries:
            name = str(entry["class"])
            if name in SUPPORTED or name in EXTENSIONS:
                found[name] = {**{key: value for key, value in entry.items() if key != "class"}, "required": required}
    return found


def schema_definitions(requirements: Iterable[Mapping[str, Any]], hints: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The types of every SchemaDefRequirement, of all levels: names are addresses, so that they cannot collide."""
    for entry in [*hints, *requirements]:
        if entry.get("class") == "SchemaDefRequirement":
            yield from entry.get("types") or []


def unknown_hints(hints: Iterable[Any]) -> Iterator[str]:
    """The classes of the hints that nobody here knows."""
    for hint in hints:
        name = str(hint.get("class", "?")) if isinstance(hint, Mapping) else str(hint)
        if name not in SUPPORTED and name not in EXTENSIONS:
            yield name
