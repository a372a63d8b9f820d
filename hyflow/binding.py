"""What a step asks in the end, where it may run, and with which options: the deployment's word, for the locations that there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from hyflow.deployment import Deployment
from hyflow.deployment.binding import Override
from hyflow.engine.house import Binding, Options
from hyflow.model.places import Location
from hyflow.model.resources import Request


def binding_of(deployment: Deployment, places: Mapping[str, Location]) -> Binding:
    """What a step asks in the end, and where it may run, by its path; worked out once a step."""
    known: dict[str, tuple[tuple[str, ...], Override]] = {}

    def bound(step: str, request: Request) -> tuple[Request, float | None, tuple[str, ...]]:
        if step not in known:
            known[step] = (_locations(deployment, step, places), deployment.override(step))
        names, override = known[step]
        return _overridden(request, override), override.time, names

    return bound


def options_of(deployment: Deployment) -> Options:
    """What the bindings say of a step's jobs at a site; worked out once for each pair."""

    @cache
    def options(step: str, site: str) -> Mapping[str, Any]:
        return deployment.options(step, site)

    return options


def _locations(deployment: Deployment, step: str, places: Mapping[str, Location]) -> tuple[str, ...]:
    names: list[str] = []
    for target in deployment.targets(step):
        found = [
            name for name, place in places.items()
            if place.site == target.site and target.location in (None, place.name)
        ]  # fmt: skip
        names += found
    return tuple(names)


def _overridden(request: Request, override: Override) -> Request:
    changes = {name: value for name in ("cores", "memory", "gpus") if (value := getattr(override, name)) is not None}
    return Request(replace(request.least, **changes), replace(request.most, **changes)) if changes else request
