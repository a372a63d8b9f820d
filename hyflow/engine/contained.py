"""The container engine of one site at work: found when a run begins, images brought once, tasks turned into its commands.

Which words the engine wants is `hyflow.containers`' affair; here they are run, where the site's files are seen.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from hyflow.connector import Connector
from hyflow.containers.engine import Argv, Engine, Ready, Step, is_passing
from hyflow.containers.probing import ORDER, Unusable, how_to_start, question, understood
from hyflow.errors import ImageError, SiteError
from hyflow.model.containers import ContainerSettings, Image, ImageKind
from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.tasks import Outcome, Task
from hyflow.shell.trips import alive, feeding

_ANSWERING = 60.0
"""Seconds that an engine may take to answer a question."""
_TRIES = 3
_FIRST_WAIT = 1.0
"""Seconds before a failed pull is tried again; every further time it is four times as long."""
_AT_ONCE = 3
"""Images that are brought at the same time."""
_SETTLING = 0.3
"""Seconds that an engine is given to be done with a removal, or with making a container whose client has just been ended."""
_TOLD = 10.0
"""Seconds between two words on how far a pull is."""
_DEADLY = frozenset({signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM})
_HOW = {ImageKind.PULL: "pulling", ImageKind.LOAD: "loading", ImageKind.IMPORT: "importing", ImageKind.BUILD: "building"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a command of the engine's client gave: exit status, standard output, the end of standard error."""

    code: int
    output: str
    said: str


async def find(site: str, connector: Connector, settings: ContainerSettings) -> Engine:
    """The engine that the settings name, or the first that works. Raises SiteError with all that was tried."""
    kinds = tuple(kind for kind in ORDER if settings.runtime in ("auto", "none", kind))
    tried = []
    for kind in kinds:
        try:
            async with asyncio.timeout(_ANSWERING):
                answer = await _run(connector, Step(question(kind, settings)))
            return understood(kind, settings, answer.code, answer.output, answer.said)
        except Unusable as error:
            tried.append(f"{kind}: {error}")
        except TimeoutError:
            tried.append(f"{kind}: no answer within {_ANSWERING:g} seconds")
    raise SiteError(f"no container engine works at {site} ({'; '.join(tried)})", transient=False, hint=how_to_start(kinds))


class Containers:
    """An engine with the images that it has brought in this run. `localize` brings an archive to the site and gives its path there;
    `note` hears what takes its time."""

    def __init__(self, site: str, connector: Connector, engine: Engine, run: str, localize: Callable[[str], Awaitable[str]],
                 note: Callable[[str], None], group: asyncio.TaskGroup) -> None:
        self.engine = engine
        self._site, self._connector, self._run, self._localize, self._note, self._group = site, connector, run, localize, note, group
        self._images: dict[Image, asyncio.Task[Ready | ImageError]] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def begin(self, images: Iterable[Image]) -> None:
        """Remove what earlier runs left behind, and bring images that will be needed."""
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
        """The image, or why it cannot be had: an image that no job will need must not end the run."""
        try:
            async with self._turns:
                return await self._bring(image)
        except ImageError as error:
            return error
        except (SiteError, OSError) as error:
            return self._error(image, str(error), transient=True)

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
                answer = await _bounded(self._connector, Step(command))
                if names := answer.output.split():
                    count = "1 container" if len(names) == 1 else f"{len(names):,} containers"
                    self._note(f"{self._site}: removed {count} of runs that were killed: {', '.join(names[:3])}")
        except (SiteError, OSError) as error:
            self._note(f"{self._site}: containers that earlier runs may have left were not looked for: {error}")

    # -- images ---------------------------------------------------------------------------------------------------

    async def _bring(self, image: Image) -> Ready:
        always = self.engine.settings.pull == "always"
        if not always and not self.engine.may_be_stale(image) and (known := await self._look(image)) is not None:
            return known
        if self.engine.settings.pull == "never" and image.kind is ImageKind.PULL:
            raise self._error(image, "it is not there, and the deployment says `pull: never`", transient=False)
        try:
            archive = await self._localize(image.source) if image.kind in (ImageKind.LOAD, ImageKind.IMPORT) else None
            step = self.engine.fetch(image, archive)
        except ValueError as error:
            raise self._error(image, str(error), transient=False) from error
        except SiteError as error:
            raise self._error(image, str(error), transient=error.transient) from error
        called = await self._fetch(image, step)
        found = await self._look(called)
        if found is None:
            raise self._error(image, f"{self.engine.facts.kind} says that it has it, and yet it is not there", transient=False)
        return found

    async def _look(self, image: Image) -> Ready | None:
        answer = await _bounded(self._connector, Step(self.engine.look(image)))
        if answer.code != 0:
            return None
        try:
            return self.engine.found(answer.output)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise self._error(image, f"what the engine says of it cannot be read: {error}", transient=False) from error

    async def _fetch(self, image: Image, step: Step) -> Image:
        """What the image is called when it has come. Tries again when that may help. Raises ImageError."""
        how = f"{_HOW[image.kind]} {image}"
        self._note(f"{self._site}: {how}")
        began, wait = time.monotonic(), _FIRST_WAIT
        for count in range(1, _TRIES + 1):
            answer = await _run(self._connector, step, self._progress(how))
            if answer.code == 0:
                self._note(f"{self._site}: {image} is there ({time.monotonic() - began:.0f} s)")
                try:
                    return self.engine.fetched(image, answer.output)
                except ValueError as error:
                    raise self._error(image, str(error), transient=False) from error
            why = _last(answer.said) or _last(answer.output) or f"exit status {answer.code}"
            if count == _TRIES or not is_passing(answer.said):
                tries = f" (tried {count} times)" if count > 1 else ""
                raise self._error(image, f"{self.engine.facts.kind} says: {why}{tries}", transient=is_passing(answer.said))
            self._note(f"{self._site}: {how} failed, and is tried again in {wait:.0f} s: {why}")
            await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # noqa: S311 (jitter)
            wait *= 4
        raise AssertionError("the last try returns or raises")

    def _progress(self, how: str) -> Callable[[str], None]:
        """Hears what the engine says, and tells it now and then."""
        last = time.monotonic()

        def heard(line: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _TOLD and line:
                last = time.monotonic()
                self._note(f"{self._site}: {how}: {line[-200:]}")

        return heard

    def _error(self, image: Image, why: str, *, transient: bool) -> ImageError:
        return ImageError(f"the image {image} cannot be had at {self._site}: {why}", transient=transient,
                          hint="hyflow pull WORKFLOW [DEPLOY] brings images ahead of time; --container none runs with what is installed")


async def remove_containers(connector: Connector, engine: Engine, run: str) -> tuple[str, ...]:
    """End and remove all containers of a run, none of whose clients lives; their names. Raises SiteError when some are still there."""
    command, seen, said = engine.list(run), dict[str, None](), ""
    for count in range(_TRIES + 1 if command else 0):
        names = tuple((await _asked(connector, command)).output.split())
        if not names and count:
            return tuple(seen)
        if names:
            seen.update(dict.fromkeys(names))
            said = (await _bounded(connector, Step(engine.remove(names)))).said  # one that just ends by itself cannot be removed
        await asyncio.sleep(_SETTLING)
    if command:
        raise SiteError(f"containers cannot be removed ({', '.join([*seen][-3:])}): {_last(said)}", transient=True)
    return ()


async def _asked(connector: Connector, command: Argv) -> _Answer:
    """Ask the engine, which must answer. Raises SiteError."""
    answer = await _bounded(connector, Step(command))
    if answer.code != 0:
        raise SiteError(f"the container engine says: {_last(answer.said)}", transient=True)
    return answer


async def _bounded(connector: Connector, step: Step) -> _Answer:
    """Ask, and do not wait for ever. Raises SiteError."""
    try:
        async with asyncio.timeout(_ANSWERING):
            return await _run(connector, step)
    except TimeoutError as error:
        raise SiteError(f"the container engine gives no answer within {_ANSWERING:g} seconds", transient=True) from error


async def _run(connector: Connector, step: Step, heard: Callable[[str], None] = lambda line: None) -> _Answer:
    """Run one command where the site's files are seen. Raises SiteError."""
    argv: Argv = tuple(alive(step.argv)) if step.long else step.argv
    output: list[bytes] = []
    async with connector.open(argv) as pipe, feeding(pipe, os.fsencode(step.feed)):
        while block := await pipe.read():
            output.append(block)
            heard(_last(block.decode(errors="replace")))
        code, said = await pipe.wait()
    return _Answer(code, b"".join(output).decode(errors="replace"), said.replace(b"\0", b"").decode(errors="replace"))


def _last(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""


def with_signal(failure: Failure) -> Failure:
    """The failure of a command in a container, with the signal that its exit status most likely means there."""
    number = (failure.code or 0) - 128
    if failure.kind is not FailureClass.TOOL or number not in _DEADLY:
        return failure
    return replace(failure, message=f"{failure.message}: most likely it was ended by {signal.Signals(number).name} in its container")
