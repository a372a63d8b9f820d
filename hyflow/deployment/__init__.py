"""The deployment file: reading and checking it, bindings, plug-in lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyflow.deployment.binding import Binding, Override, Target
from hyflow.deployment.standard import default
from hyflow.deployment.values import Deployment, Site

if TYPE_CHECKING:
    from hyflow.deployment.reading import read, reread

__all__ = ["Binding", "Deployment", "Override", "Site", "Target", "default", "read", "reread"]


def __getattr__(name: str) -> Any:
    """`read` and `reread` when they are first asked for: checking files takes libraries that are slow to import."""
    if name not in ("read", "reread"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hyflow.deployment import reading

    return getattr(reading, name)
