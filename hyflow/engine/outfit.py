"""What the sites of a run are equipped with: the container engine of each, where some step bound to it asks for a container."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from hyflow.connector import Connector
from hyflow.containers import modules
from hyflow.cwl.processes import ContainerNeed, Processes
from hyflow.deployment import Deployment
from hyflow.engine.archives import Archives
from hyflow.engine.bringing import Bringing
from hyflow.engine.contained import Containers, find
from hyflow.errors import SiteError, UnsupportedRequirement
from hyflow.model.containers import ContainerSettings, Image

Localize = Callable[[str, str], Awaitable[str]]
"""Brings the data at an address to a site; its path there."""


class Listener(Protocol):
    """Who hears of engines and images."""

    def warn(self, text: str) -> None: ...

    def note(self, text: str) -> None: ...


def needs_at(deployment: Deployment, processes: Processes, site: str) -> list[ContainerNeed]:
    """What asks for a container among what may run at a site."""
    return [need for need in processes.containers() if any(target.site == site for target in deployment.targets(need.label))]


async def outfit(
    deployment: Deployment, processes: Processes, connectors: Mapping[str, Connector], run: str,
    localize: Localize, archives: Archives, listener: Listener, group: asyncio.TaskGroup,
) -> dict[str, Containers]:
    """The engines that the run will use, by site. Raises UnsupportedRequirement where a step must have a container and can have none,
    SiteError where an engine that the user names does not work, DeploymentError where the site cannot fetch images as it is told."""
    made: dict[str, Containers] = {}
    for site, connector in connectors.items():
        needs, settings = needs_at(deployment, processes, site), deployment.sites[site].container
        if not needs:
            continue
        if settings.runtime == "none":
            _warn_of_none([need for need in needs if need.required], listener)
            continue
        images = [asked.image for need in needs if (asked := processes.container(need.process)) is not None]
        try:
            made[site] = await equipped(site, connector, settings, images, run, localize, archives, listener, group)
        except SiteError as error:
            _without(error, needs, settings, listener)
    return made


async def equipped(
    site: str, connector: Connector, settings: ContainerSettings, images: Iterable[Image], run: str,
    localize: Localize, archives: Archives, listener: Listener, group: asyncio.TaskGroup,
) -> Containers:
    """The engine of one site, which has begun to bring these images. Raises SiteError where none works, DeploymentError where it cannot
    fetch images as it is told."""
    engine = await find(site, connector, settings)
    if settings.runtime == "auto":
        listener.note(f"{site}: containers run with {engine.facts.kind} {engine.facts.version}")
    if engine.facts.absent:
        listener.note(f"{site}: {engine.facts.kind} is not where commands of hyflow's own run, so jobs bring the images")
    apart = any(place.apart for place in await connector.locations())
    bringing = Bringing(site, connector, engine, lambda uri: localize(uri, site), archives, listener.note, apart)
    bringing.check()
    containers = Containers(bringing, run, group)
    containers.begin(images)
    return containers


def check_modules(
    deployment: Deployment, processes: Processes, sites: Collection[str], contained: Collection[str], listener: Listener
) -> None:
    """Warn of software that a site's modules give in another version than a step asks for. `contained`: the sites that run containers."""
    for site in sites:
        for need in processes.software():
            inside = site in contained and processes.container(need.process) is not None
            if not inside and any(target.site == site for target in deployment.targets(need.label)):
                for doubt in modules.doubts(need.packages, deployment.sites[site].modules):
                    listener.warn(f"{need.label} asks for the software {doubt} ({site})")


def _warn_of_none(needs: Sequence[ContainerNeed], listener: Listener) -> None:
    if needs:
        listener.warn(f"{_names(needs)} asked for a container and runs without one")


def _without(error: SiteError, needs: Sequence[ContainerNeed], settings: ContainerSettings, listener: Listener) -> None:
    """There is no engine: that is a failure, unless nobody insists."""
    required = [need for need in needs if need.required]
    if required:
        what = f"{_names(required)} must run in a container (DockerRequirement: {required[0].image}), and {error.what}"
        raise UnsupportedRequirement(what, hint=error.hint)
    if settings.runtime != "auto":
        raise error
    listener.warn(f"{_names(needs)} would rather run in a container and runs without one: {error.what}")


def _names(needs: Sequence[ContainerNeed]) -> str:
    return ", ".join(dict.fromkeys(need.label for need in needs))
