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
MPI = "http://commonwl.org/cwltool#MPIRequirement"
SECRETS = "http://commonwl.org/cwltool#Secrets"
_CWLTOOL = "http://commonwl.org/cwltool#"
EXTENSIONS = frozenset({CUDA, MPI})
"""Classes beyond the standard that are heeded."""

OLD_NAMES: Mapping[str, str] = {
    "http://arvados.org/cwl#ReuseRequirement": "WorkReuse",
    "http://commonwl.org/cwltool#InplaceUpdateRequirement": "InplaceUpdateRequirement",
    "http://commonwl.org/cwltool#LoadListingRequirement": "LoadListingRequirement",
    "http://commonwl.org/cwltool#NetworkAccess": "NetworkAccess",
    "http://commonwl.org/cwltool#TimeLimit": "ToolTimeLimit",
    "http://commonwl.org/cwltool#WorkReuse": "WorkReuse",
}
"""What came with v1.1 under the names that documents of v1.0 have for it."""


def merged(requirements: Iterable[Mapping[str, Any]], hints: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The instance in force of each class, by class, with `required` telling a requirement from a hint.

    Both lists go from the outermost workflow to the tool itself; the last of a class counts, and requirements come
    before hints (CWL v1.2, Workflow, section 5.2: requirements and hints).
    """
    found: dict[str, dict[str, Any]] = {}
    for entries, required in ((hints, False), (requirements, True)):
        for entry in entries:
            name = _name(entry)
            if (name in SUPPORTED or name in EXTENSIONS) and (required or not _put_in(name, entry)):
                found[name] = {**{key: value for key, value in entry.items() if key != "class"}, "required": required}
    return found


def _name(entry: Mapping[str, Any]) -> str:
    return OLD_NAMES.get(str(entry["class"]), str(entry["class"]))


def _put_in(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether cwltool put the hint into a v1.0 document (it stands nowhere), to say what is the default there.

    As a hint it would also hold for what the document runs, whatever the version of that; `tool` knows the defaults by itself.
    """
    said = {"LoadListingRequirement": ("loadListing", "deep_listing"), "NetworkAccess": ("networkAccess", True)}.get(name)
    mark = getattr(entry, "lc", None)
    return said is not None and mark is not None and mark.data is None and entry.get(said[0]) == said[1]


def unsupported(requirements: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The entries of `requirements` that cannot be given."""
    return (entry for entry in requirements if (name := _name(entry)) not in SUPPORTED and name not in EXTENSIONS)


def called(entry: Mapping[str, Any]) -> str:
    """The class of an entry as its author wrote it, or nearly so."""
    name = str(entry.get("class", "?"))
    if name.startswith(_CWLTOOL):
        return "cwltool:" + name.removeprefix(_CWLTOOL)
    return name.rpartition("#")[2].rpartition("/")[2] if name.startswith("file:") else name


def schema_definitions(requirements: Iterable[Mapping[str, Any]], hints: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The types of every SchemaDefRequirement, of all levels: names are addresses, so that they cannot collide."""
    for entry in [*hints, *requirements]:
        if entry.get("class") == "SchemaDefRequirement":
            yield from entry.get("types") or []


def unknown_hints(hints: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The hints that nobody here knows."""
    for hint in hints:
        if isinstance(hint, Mapping) and (name := str(hint.get("class", "?"))) not in SUPPORTED | EXTENSIONS and name not in OLD_NAMES:
            yield hint
