"""Brings the images that a workflow asks for to the sites that its steps are bound to, as a run does, and runs nothing."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hyflow.connector import Connector
from hyflow.cwl.processes import Processes
from hyflow.deployment import Deployment
from hyflow.engine.archives import Archives
from hyflow.engine.contained import Containers
from hyflow.engine.outfit import Listener, equipped, needs_at
from hyflow.entering import enter, first, reached, used
from hyflow.errors import HyflowError, ImageError, SiteError
from hyflow.interruption import interruptible
from hyflow.model.containers import Image
from hyflow.model.places import HERE, Location
from hyflow.staging.catalog import Catalog
from hyflow.staging.move import Mover, landings
from hyflow.staging.tidy import tidy_site

_TIDYING = 30.0
"""Seconds for removing the archives that images were loaded from, at all sites."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that some `steps` ask for: its `digest` where it is there now, `error` where it is not."""

    image: str
    steps: tuple[str, ...]
    digest: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SitePulled:
    """A site with the images that it needs. Without an `engine` ("docker 28.2") no image was asked for: `error` says why, and
    `unsupported` whether the site could be reached and has none that works."""

    site: str
    images: tuple[Pulled, ...]
    engine: str | None = None
    error: HyflowError | None = None
    unsupported: bool = False


Wanted = Mapping[str, Mapping[Image, tuple[str, ...]]]
"""By site and image: the steps that ask for it."""


async def pull(processes: Processes, deployment: Deployment, listener: Listener) -> list[SitePulled]:
    """Bring them all; what became of it, by site. One site's failure does not keep another from its images.

    Raises HyflowError for what is wrong with the documents, Interrupted when somebody stopped it.
    """
    deployment.check_steps(processes.step_paths(), processes.evaluated_paths())
    wanted = _wanted(processes, deployment)

    async def work() -> list[SitePulled]:
        with tempfile.TemporaryDirectory(prefix="hyflow-pull-") as folder:
            return await _Pull(deployment, listener, Path(folder)).all(wanted)

    return await interruptible(lambda _: work())


def _wanted(processes: Processes, deployment: Deployment) -> Wanted:
    wanted: dict[str, dict[Image, tuple[str, ...]]] = {}
    for site in used(deployment, processes):
        if deployment.sites[site].container.runtime == "none":
            continue
        for need in needs_at(deployment, processes, site):
            if (asked := processes.container(need.process)) is not None:
                images = wanted.setdefault(site, {})
                images[asked.image] = (*images.get(asked.image, ()), need.label)
    return wanted


@dataclass(slots=True)
class _Pull:
    """One command's work. `folder` is for what connectors keep, and for archives on their way."""

    deployment: Deployment
    listener: Listener
    folder: Path
    id: str = field(default_factory=lambda: f"pull-{secrets.token_hex(8)}")
    _engines: list[Containers] = field(default_factory=list)
    _landed: set[str] = field(default_factory=set)

    async def all(self, wanted: Wanted) -> list[SitePulled]:
        try:
            async with AsyncExitStack() as stack:
                found = [await self._entered(site, stack) for site in wanted]
                there = {site: entered for site, entered in zip(wanted, found, strict=True) if not isinstance(entered, HyflowError)}
                self.deployment.check_locations({site: [place.name for place in places] for site, (_, places) in there.items()})
                pulled = await self._at({site: images for site, images in wanted.items() if site in there}, there)
                failed = [SitePulled(site, _untried(wanted[site]), error=entered)
                          for site, entered in zip(wanted, found, strict=True) if isinstance(entered, HyflowError)]
                return sorted([*pulled, *failed], key=lambda one: list(wanted).index(one.site))
        except BaseExceptionGroup as group:
            raise first(group) from group

    async def _entered(self, site: str, stack: AsyncExitStack) -> tuple[Connector, list[Location]] | HyflowError:
        try:
            connector = await enter(self.deployment.sites[site], self.id, self.folder / "sites" / site, stack)
            return connector, list(await connector.locations())
        except HyflowError as error:
            return error

    async def _at(self, wanted: Wanted, there: Mapping[str, tuple[Connector, list[Location]]]) -> list[SitePulled]:
        """All images at all sites that could be entered."""
        places = {str(place): place for _, found in there.values() for place in found}
        connectors = {site: connector for site, (connector, _) in there.items()}
        archives = Archives(self.folder / "images")
        mover = Mover(reached(connectors, places), landings(self.id, places.values(), self.folder), Catalog())

        async def localize(uri: str, site: str) -> str:
            self._landed.add(site)
            return (await mover.localize([uri], there[site][1][0]))[uri]

        async def at(site: str, group: asyncio.TaskGroup) -> SitePulled:
            settings, images = self.deployment.sites[site].container, wanted[site]
            try:
                engine = await equipped(site, connectors[site], settings, images, self.id, localize, archives, self.listener, group)
            except SiteError as error:
                return SitePulled(site, _untried(images), error=error, unsupported=not error.transient)
            self._engines.append(engine)
            pulled = [await _ready(engine, image, steps) for image, steps in images.items()]
            return SitePulled(site, tuple(pulled), f"{engine.engine.facts.kind} {engine.engine.facts.version}".rstrip())

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(at(site, group), name=f"images at {site}") for site in wanted]
        finally:
            for engine in self._engines:
                engine.close()
            await mover.close()
            await self._tidy(there)
        return [task.result() for task in tasks]

    async def _tidy(self, there: Mapping[str, tuple[Connector, list[Location]]]) -> None:
        """Archives that were brought to a site are of no use there any more."""
        try:
            async with asyncio.timeout(_TIDYING):
                for site in self._landed:
                    connector, places = there[site]
                    if HERE not in places[0].mounts:
                        await tidy_site(connector, places[0], self.id)
        except (HyflowError, TimeoutError) as error:
            self.listener.warn(f"what images were loaded from may still be at {', '.join(self._landed)}: {error or 'no answer'}")


def _untried(images: Mapping[Image, tuple[str, ...]]) -> tuple[Pulled, ...]:
    return tuple(Pulled(str(image), steps) for image, steps in images.items())


async def _ready(engine: Containers, image: Image, steps: tuple[str, ...]) -> Pulled:
    try:
        return Pulled(str(image), steps, (await engine.ready(image)).digest)
    except ImageError as error:
        return Pulled(str(image), steps, error=error.what)
