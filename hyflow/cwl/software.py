"""What a tool's SoftwareRequirement asks: packages, with versions and specs (CWL v1.2, CommandLineTool, section 5.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyflow.model.software import Package


def packages(requirements: Mapping[str, Any]) -> tuple[Package, ...]:
    """The packages that a tool with these requirements and hints asks for, each once: a list in its order, a mapping by name."""
    entries = (requirements.get("SoftwareRequirement") or {}).get("packages") or []
    made = (Package(str(entry["package"]), _texts(entry.get("version")), _texts(entry.get("specs"))) for entry in entries)
    return tuple(dict.fromkeys(made))


def remedy(asked: Sequence[Package]) -> str:
    """What can give the software to a command that did not find it, as a sentence; nothing where none is asked for."""
    if not asked:
        return ""
    return (f" The tool asks for the software {', '.join(map(str, asked))}: an image that holds it (DockerRequirement) can give it, "
            "or modules of the site, in the deployment file.")


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(map(str, value))
