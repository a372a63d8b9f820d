"""How values flow along the links of a workflow: linkMerge, pickValue, defaults. Pure.

Source: CWL v1.2 Workflow Description, WorkflowStepInput and WorkflowOutputParameter.
"""

from __future__ import annotations

from collections.abc import Callable

from hyflow.model.values import Value
from hyflow.model.workflow import Link, Pick, Source


class LinkError(ValueError):
    """The values do not allow what the link asks for; the text says why."""


def flow(link: Link, read: Callable[[Source], Value]) -> Value:
    """What arrives at the link's port. Raises LinkError when pickValue cannot be satisfied."""
    value = _merge(link, [read(source) for source in link.sources])
    if link.pick is not None and isinstance(value, list):
        value = _pick(link.pick, value, link.port)
    return link.default if value is None and link.has_default else value


def _merge(link: Link, values: list[Value]) -> Value:
    if not link.listed:
        return values[0] if values else None
    if link.merge == "merge_nested":
        return values
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _pick(how: Pick, values: list[Value], port: str) -> Value:
    present = [value for value in values if value is not None]
    if how == "all_non_null":
        return present
    if not present:
        raise LinkError(f"pickValue {how} of {port}: all values are null")
    if how == "the_only_non_null" and len(present) > 1:
        raise LinkError(f"pickValue {how} of {port}: {len(present)} values are not null, expected one")
    return present[0]
