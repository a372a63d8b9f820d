"""The container engine of one site at work: found when a run begins, images brought once, tasks turned into its commands.

Which words the engine wants is `hyflow.containers`' affair; here they are run, where the site's files are seen.
"""

from __future__ import annotations

import asyncio
import posixpath
import signal
from collections.abc import Iterable
from dataclasses import replace

from hyflow.connector import Connector, Errands
from hyflow.containers.engine import Argv, Engine, Facts, Ready, Step
from hyflow.containers.probing import ORDER, Unusable, how_to_start, question, understood, unseen
from hyflow.engine import clients
from hyflow.engine.bringing import Bringing
from hyflow.engine.clients import Answer, bounded, last, run
from hyflow.errors import ImageError, SiteError
from hyflow.model.containers import ContainerSettings, Image
from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.places import HERE
from hyflow.model.tasks import Outcome, Task
from hyflow.outage import Outage

_PROLOGUE = "the site's prologue can put it on the PATH of jobs, as by `module load apptainer`"
_AT_ONCE = 3
"""Images that are brought at the same time."""
_SETTLING = 0.3
"""Seconds that an engine is given to be done with a removal, or with making a container whose client has just been ended."""
_DEADLY = frozenset({signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM})


async def find(site: str, connector: Connector, settings: ContainerSettings) -> Engine:
    """The engine that the settings name, or the first that works. One that is named is believed to be where jobs run, if that is elsewhere
    and images can be brought there. Raises SiteError with all that was tried."""
    kinds = tuple(kind for kind in ORDER if settings.runtime in ("auto", "none", kind))
    settings, tried = replace(settings, cache=settings.cache or await _cache(connector)), []
    for kind in kinds:
        try:
            async with asyncio.timeout(clients.ANSWERING):
                answer = await run(connector, Step(question(kind, settings)))
            return understood(kind, settings, answer.code, answer.output, answer.said)
        except Unusable as error:
            if connector.power(Errands) is not None and (believed := unseen(settings, answer.output)) is not None:
                return believed
            tried.append(f"{kind}: {error}")
        except TimeoutError:
            tried.append(f"{kind}: no answer within {clients.ANSWERING:g} seconds")
    elsewhere = connector.power(Errands) is not None
    raise SiteError(f"no container engine works at {site} ({'; '.join(tried)})", transient=False, hint=how_to_start(kinds, elsewhere))


async def seen_in_job(site: str, connector: Connector, settings: ContainerSettings) -> Facts | None:
    """The engine that was not seen where hyflow's commands run, as a job finds it; None where none has begun within ANSWERING seconds.
    Raises SiteError where a job finds none."""
    errands = connector.power(Errands)
    argv = question("apptainer", settings)
    try:
        async with asyncio.timeout(clients.ANSWERING):
            answer = await run(connector, Step(tuple(errands.errand(argv)) if errands is not None else argv, long=True))
        return understood("apptainer", settings, answer.code, answer.output, answer.said).facts
    except TimeoutError:
        return None
    except Unusable as error:
        raise SiteError(f"a job at {site} finds no apptainer: {error}", transient=False, hint=_PROLOGUE) from error


async def _cache(connector: Connector) -> str | None:
    """Where the site's images in files are, if nobody says: its jobs see what is below the directory that they work in. None on this
    machine, where that may be the run's own."""
    place = (await connector.locations())[0]
    return None if HERE in place.mounts else posixpath.join(place.workdir, ".images")


class Containers:
    """The engine of a site with the images that it has got in this run, which `bringing` brings."""

    def __init__(self, bringing: Bringing, run: str, group: asyncio.TaskGroup) -> None:
        self.engine = bringing.engine
        self._bringing, self._run, self._group = bringing, run, group
        self._site, self._connector, self._note = bringing.site, bringing.connector, bringing.note
        self._images: dict[Image, asyncio.Task[Ready | ImageError]] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._outage = Outage(self._site, self._note)

    def begin(self, images: Iterable[Image]) -> None:
        """Remove what earlier runs left behind, and bring images that will be needed."""
        if not self._bringing.apart:  # from here it cannot be told of what runs elsewhere whether its client is gone
            self._sweeping = self._group.create_task(self._sweep(), name=f"containers left at {self._site}")
        for image in images:
            self._task(image)

    async def ready(self, image: Image) -> Ready:
        """The image, brought to the site when it is asked for the first time. Raises ImageError."""
        found = await asyncio.shield(self._task(image))
        if isinstance(found, ImageError):
            raise ImageError(found.what, transient=found.transient, hint=found.hint)
        return found

    def close(self) -> None:
        """Give up images that are still on their way, and looking for what earlier runs left."""
        for task in self._images.values():
            task.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _task(self, image: Image) -> asyncio.Task[Ready | ImageError]:
        task = self._images.get(image)
        if task is None:
            task = self._images[image] = self._group.create_task(self._brought(image), name=f"image {image}")
        return task

    async def _brought(self, image: Image) -> Ready | ImageError:
        """The image, or why it cannot be had: an image that no job will need must not end the run. Where the way is lost it is asked for
        again as a whole: what had begun there ends by itself, or is found."""
        try:
            async with self._turns:
                return await self._outage.outlasted(lambda: self._bringing.bring(image))
        except ImageError as error:
            return error
        except (SiteError, OSError) as error:
            return self._bringing.error(image, str(error), transient=True)

    async def enter(self, task: Task) -> tuple[Task, str]:
        """The task that runs the given one, which has a container, in it; and the digest of the image. Raises ImageError."""
        if task.container is None:
            raise ValueError("the task has no container")
        image = await self.ready(task.container.image)
        return self.engine.enter(task, self._run, image), image.digest

    def failure(self, image: Image, outcome: Outcome) -> Failure | None:
        """The failure of an attempt that the engine is to blame for, or whose command is not in the image; None for any other."""
        found = self.engine.failure(outcome)
        if found is None:
            return None
        if found.command:
            what = f"the command could not be started: {found.what} ({image})"
            return Failure(FailureClass.TOOL, what, outcome.code, outcome.stderr)
        return Failure(FailureClass.INFRASTRUCTURE, f"{self.engine.facts.kind} failed: {found.what}", outcome.code, outcome.stderr)

    async def _sweep(self) -> None:
        """Remove containers of ours whose client is gone, whatever run they are of."""
        try:
            if command := self.engine.sweep():
                answer = await bounded(self._connector, Step(command))
                if names := answer.output.split():
                    count = "1 container" if len(names) == 1 else f"{len(names):,} containers"
                    self._note(f"{self._site}: removed {count} of runs that were killed: {', '.join(names[:3])}")
        except (SiteError, OSError) as error:
            self._note(f"{self._site}: containers that earlier runs may have left were not looked for: {error}")


async def remove_containers(connector: Connector, engine: Engine, run: str) -> tuple[str, ...]:
    """End and remove all containers of a run, none of whose clients lives; their names. Raises SiteError when some are still there."""
    command, seen, said = engine.list(run), dict[str, None](), ""
    for count in range(clients.TRIES + 1 if command else 0):
        names = tuple((await _asked(connector, command)).output.split())
        if not names and count:
            return tuple(seen)
        if names:
            seen.update(dict.fromkeys(names))
            said = (await bounded(connector, Step(engine.remove(names)))).said  # one that just ends by itself cannot be removed
        await asyncio.sleep(_SETTLING)
    if command:
        raise SiteError(f"containers cannot be removed ({', '.join([*seen][-3:])}): {last(said)}", transient=True)
    return ()


async def _asked(connector: Connector, command: Argv) -> Answer:
    """Ask the engine, which must answer. Raises SiteError."""
    answer = await bounded(connector, Step(command))
    if answer.code != 0:
        raise SiteError(f"the container engine says: {last(answer.said)}", transient=True)
    return answer


def with_signal(failure: Failure) -> Failure:
    """The failure of a command in a container, with the signal that its exit status most likely means there."""
    number = (failure.code or 0) - 128
    if failure.kind is not FailureClass.TOOL or number not in _DEADLY:
        return failure
    return replace(failure, message=f"{failure.message}: most likely it was ended by {signal.Signals(number).name} in its container")
