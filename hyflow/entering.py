"""Entering the sites that a command works with, and reaching their files: what running, pulling images and cleaning have in common."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from hyflow.connector import Connector, SiteContext
from hyflow.cwl.processes import Processes
from hyflow.deployment import Deployment, Site
from hyflow.errors import HyflowError, SiteError
from hyflow.model.places import HERE, Location
from hyflow.outage import Outage
from hyflow.staging.files import FarFiles, Files, HereFiles

_CONNECTING = 60.0
"""Seconds that a site may take until it can be used."""


def used(deployment: Deployment, processes: Processes) -> list[str]:
    """The sites that some step is bound to, by name, sorted."""
    placed = set(processes.step_paths()) - set(processes.evaluated_paths())
    return sorted({target.site for step in placed for target in deployment.targets(step)})


async def enter(site: Site, run: str, state: Path, stack: AsyncExitStack) -> Connector:
    """The site's connector, which the stack leaves again; what it must remember goes into the directory `state`. Raises SiteError."""
    os.makedirs(state, 0o700, exist_ok=True)
    try:
        async with asyncio.timeout(_CONNECTING):
            return await stack.enter_async_context(site.plugin.connect(site.settings, SiteContext(site.name, run, state)))
    except TimeoutError as error:
        what = f"the site {site.name} gives no answer within {_CONNECTING:g} seconds"
        raise SiteError(what, transient=True, hint="hyflow check DEPLOY --connect looks at it") from error


def reached(
    connectors: Mapping[str, Connector], places: Mapping[str, Location], outages: Mapping[str, Outage] | None = None
) -> dict[str, Files]:
    """How to reach each file system: this machine's directly, others by the first site that sees them. `outages`: by site, where one that
    gives no answer is to be asked until it does."""
    files: dict[str, Files] = {HERE: HereFiles()}
    for place in places.values():
        for filesystem in place.mounts:
            files.setdefault(filesystem, FarFiles(connectors[place.site], (outages or {}).get(place.site)))
    return files


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a person should hear, of several that came together."""
    errors = list(_flat(group))
    return next((error for error in errors if isinstance(error, HyflowError)), errors[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
