"""Finds connectors: the entry points of the group `hyflow.connectors`."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import entry_points

from hyflow.connector import Plugin
from hyflow.errors import DeploymentError

GROUP = "hyflow.connectors"


def names() -> list[str]:
    """The site types that are installed, sorted; none is imported."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(wanted: Collection[str]) -> dict[str, Plugin]:
    """Those of the wanted site types that are installed. Raises DeploymentError when one is but cannot be imported."""
    found: dict[str, Plugin] = {}
    for point in entry_points(group=GROUP):
        if point.name not in wanted or point.name in found:
            continue
        try:
            found[point.name] = point.load()
        except Exception as error:
            raise DeploymentError(
                f"the plug-in for sites of type {point.name} ({point.value}) cannot be imported: {type(error).__name__}: {error}",
                hint="install it anew, or name another type",
            ) from error
    return found
