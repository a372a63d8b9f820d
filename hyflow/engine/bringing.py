"""How one image comes to one site: looked for there, else fetched there, in a job of it, or here and sent over."""

from __future__ import annotations

import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from hyflow.connector import Connector, Errands
from hyflow.containers.engine import Engine, Ready, Step, architecture
from hyflow.containers.making import Wanted
from hyflow.engine.archives import Archives
from hyflow.engine.clients import Failed, bounded, tried
from hyflow.errors import DeploymentError, ImageError, SiteError
from hyflow.model.containers import Image, ImageKind

_HOW = {ImageKind.PULL: "pulling", ImageKind.LOAD: "loading", ImageKind.IMPORT: "importing", ImageKind.BUILD: "building"}


@dataclass(frozen=True, slots=True)
class Bringing:
    """`localize` brings the data at an address to the site and gives its path there; `archives`: what this machine makes for it; `note`
    hears what takes its time. `apart`: jobs run on other machines of the site than what is opened there."""

    site: str
    connector: Connector
    engine: Engine
    localize: Callable[[str], Awaitable[str]]
    archives: Archives
    note: Callable[[str], None]
    apart: bool = False

    def check(self) -> None:
        """Raises DeploymentError when the site cannot fetch images as its settings say."""
        if self.engine.settings.fetch != "job":
            return
        if self.connector.power(Errands) is None:
            raise DeploymentError(f"images cannot be fetched in a job at {self.site}: it has no batch system that runs one (`fetch: job`)",
                                  hint="say `fetch: site`, or `fetch: here`")
        if self.engine.facts.kind != "apptainer":
            where = f"{self.engine.facts.kind} has them on the machine that fetched them alone"
            raise DeploymentError(f"images cannot be fetched in a job at {self.site}: {where}",
                                  hint="say `fetch: site` or `fetch: here`, or `runtime: apptainer`")

    async def bring(self, image: Image) -> Ready:
        """The image, as jobs at the site find it. Raises ImageError, SiteError and OSError."""
        found = await self._brought(image)
        kept = self.engine.keep(found) if self.apart else None
        if kept is None:
            return found
        step, there = kept
        await self._run(image, step, f"saving {image} for the machines that run jobs")
        return there

    def error(self, image: Image, why: str, *, transient: bool) -> ImageError:
        return ImageError(f"the image {image} cannot be had at {self.site}: {why}", transient=transient,
                          hint="hyflow pull WORKFLOW [DEPLOY] brings images ahead of time; --container none runs with what is installed")

    async def _brought(self, image: Image) -> Ready:
        settings = self.engine.settings
        if settings.pull != "always" and not self.engine.may_be_stale(image) and (known := await self._known(image)) is not None:
            return known
        if settings.pull == "never" and image.kind is ImageKind.PULL:
            raise self.error(image, "it is not there, and the deployment says `pull: never`", transient=False)
        began = time.monotonic()
        called = await (self._sent(image) if self._is_sent(image) else self._fetched(image))
        self.note(f"{self.site}: {image} is there ({time.monotonic() - began:.0f} s)")
        found = await self._look(called)
        if found is None:
            raise self.error(image, f"{self.engine.facts.kind} says that it has it, and yet it is not there", transient=False)
        return found

    def _is_sent(self, image: Image) -> bool:
        """Whether it is fetched here. Archives are sent anyway."""
        fetched = image.kind in (ImageKind.PULL, ImageKind.BUILD)
        return self.engine.settings.fetch == "here" and fetched and bool(self.engine.forms(image))

    async def _known(self, image: Image) -> Ready | None:
        """The image if it is there, under its own name or that of one which was sent."""
        sent = self.engine.sent(image) if self._is_sent(image) else image
        return await self._look(image) or (await self._look(sent) if sent != image else None)

    async def _look(self, image: Image) -> Ready | None:
        answer = await bounded(self.connector, Step(self.engine.look(image)))
        if answer.code != 0:
            return None
        try:
            return self.engine.found(answer.output)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise self.error(image, f"what the engine says of it cannot be read: {error}", transient=False) from error

    async def _fetched(self, image: Image) -> Image:
        """What the image is called when the site has fetched it. Raises ImageError."""
        try:
            archive = await self._localized(image, image.source) if image.kind in (ImageKind.LOAD, ImageKind.IMPORT) else None
            step = self.engine.fetch(image, archive)
            job = self._errand(step) if self.engine.settings.fetch == "job" else self._where_it_is(step)
            output = await self._run(image, job, f"{_HOW[image.kind]} {image}{'' if job is step else ', in a job'}")
            return self.engine.fetched(image, output)
        except ValueError as error:
            raise self.error(image, str(error), transient=False) from error

    async def _sent(self, image: Image) -> Image:
        """What the image is called when it was fetched here and sent. Raises ImageError."""
        settings, machine = self.engine.settings, self.engine.facts.machine
        other = architecture(machine) if machine != platform.machine() else ""
        wanted = Wanted(image, self.engine.forms(image), other, afresh=settings.pull == "always")
        try:
            archive = await self.archives.make(wanted, lambda text: self.note(f"{self.site}: {text}"))
        except Failed as error:
            raise self.error(image, str(error), transient=error.transient) from error
        self.note(f"{self.site}: sending {image}")
        path = await self._localized(image, archive.uri)
        await self._run(image, self._where_it_is(self.engine.take(image, path, archive.form)), f"loading {image}")
        return self.engine.sent(image)

    async def _localized(self, image: Image, uri: str) -> str:
        try:
            return await self.localize(uri)
        except SiteError as error:
            raise self.error(image, str(error), transient=error.transient) from error

    def _where_it_is(self, step: Step) -> Step:
        """The same, run in a job where the engine is nowhere else."""
        return self._errand(step) if self.engine.facts.absent else step

    def _errand(self, step: Step) -> Step:
        """The same, run in a job."""
        errands = self.connector.power(Errands)
        return step if errands is None else replace(step, argv=tuple(errands.errand(step.argv)))

    async def _run(self, image: Image, step: Step, how: str) -> str:
        """Its standard output. Tries again when that may help. Raises ImageError."""
        self.note(f"{self.site}: {how}")
        try:
            return await tried(self.connector, step, f"{self.site}: {how}", self.note)
        except Failed as error:
            raise self.error(image, f"{self.engine.facts.kind} says: {error}", transient=error.transient) from error
