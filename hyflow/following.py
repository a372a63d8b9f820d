"""Brings what attempts write from sites whose files this machine does not see. A site is entered beside whoever drives the run, with a copy
of what the run keeps of it, so that nothing there is changed for anybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from hyflow.connector import Logs
from hyflow.deployment import Site, reread
from hyflow.ending import is_here
from hyflow.entering import enter, first
from hyflow.errors import DeploymentError, HyflowError, SiteError
from hyflow.interruption import interruptible
from hyflow.journal import RunDir, read_meta
from hyflow.report.distant import Distant, Written
from hyflow.report.follow import PERIOD
from hyflow.report.said import SHOWN, Missing, Printed

_FIRST, _LONGEST = 1.0, 30.0
"""Seconds before a site that did not answer is asked again: at first, and when that has happened often."""
_GRACE = 3.0
"""Seconds for which an attempt that has ended elsewhere is waited for at its site."""
_FINISHING = 30.0
"""Seconds in which the rest must come, when an attempt has ended and its site does not answer."""
_TRIES = 3
"""How often a file is asked for that is to be printed once."""


def site_of(run: RunDir, name: str) -> Site | None:
    """The site of the run's deployment, unless it is this machine or nothing is known of it any more."""
    if not (text := read_meta(run.journal).deployment.decode()):
        return None
    try:
        site = reread(text).sites.get(name)
    except DeploymentError:
        return None
    return None if site is None or is_here(site) else site


async def go_on(run: RunDir, distant: Distant, looks: Iterator[Distant | None]) -> None:
    """Bring what is wanted, and go on looking. Raises HyflowError when what is wanted cannot be had, and Interrupted."""
    await interruptible(lambda _: _go_on(run, distant, looks))


async def fetch(run: RunDir, missing: Missing, rest: Iterator[Missing]) -> None:
    """Print this file from where it lies, and those that follow. Raises HyflowError and Interrupted."""
    await interruptible(lambda _: _fetch(run, missing, rest))


async def _go_on(run: RunDir, distant: Distant | None, looks: Iterator[Distant | None]) -> None:
    """Looking, which may have to wait for whoever reads our output, is left to a thread."""
    end = object()
    try:
        async with asyncio.TaskGroup() as group:
            bringing: list[asyncio.Task[None]] = []
            while True:
                if isinstance(distant, Distant):
                    bringing.append(group.create_task(_Bringing(run, distant).work(), name=f"bringing what {distant.name} writes"))
                await asyncio.sleep(PERIOD)
                if (distant := await asyncio.to_thread(next, looks, end)) is end:  # type: ignore[arg-type]  # a sentinel
                    break
            for task in bringing:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise first(errors) from errors


class _Bringing:
    """Brings what one attempt writes, for as long as it takes."""

    def __init__(self, run: RunDir, distant: Distant) -> None:
        self._run, self._distant = run, distant
        self._offsets: dict[str, int] = {}
        self._told = False
        self._pause = _FIRST
        self._ended: float | None = None

    async def work(self) -> None:
        """To the end of the attempt; a site that does not answer is asked again."""
        site = await asyncio.to_thread(site_of, self._run, self._distant.site)
        if site is None:
            self._distant.finish(self._distant.unreadable())
            return
        while not await self._all(site):
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST)

    async def _all(self, site: Site) -> bool:
        """Whether nothing more is to be brought."""
        began = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                if (logs := await _logs(self._run, site, stack)) is None:
                    raise self._distant.unreadable()
                await self._streams(logs)
        except HyflowError as error:
            if not isinstance(error, SiteError) or not error.transient:
                self._distant.finish(error)
                return True
            if time.monotonic() - began > _LONGEST:
                self._works()
            return self._lost(site, error)
        self._distant.finish()
        return True

    def _works(self) -> None:
        self._told, self._pause = False, _FIRST

    def _lost(self, site: Site, error: SiteError) -> bool:
        """Tell it, once; whether to give up."""
        distant = self._distant
        if distant.ended and self._ended is None:
            self._ended = time.monotonic()
        if self._ended is not None and time.monotonic() - self._ended > _FINISHING:
            distant.note(f"the rest of what {distant.name} wrote lies at {site.name}, which gives no answer, in {distant.where.dir}")
            distant.finish()
            return True
        if not self._told:
            self._told = True
            distant.note(f"{site.name}: {error.what}; what {distant.name} writes is followed again when it answers")
        return False

    async def _streams(self, logs: Logs) -> None:
        """All that is wanted, at once, until the attempt has ended and nothing is missing. Raises SiteError."""
        streams = self._distant.told.streams
        try:
            async with asyncio.TaskGroup() as group:
                follows = [group.create_task(self._follow(logs, stream), name=f"following {stream}") for stream in streams]
                end = group.create_task(self._end(follows), name="waiting for the end of an attempt")
                await asyncio.wait(follows)
                end.cancel()
        except BaseExceptionGroup as errors:
            raise first(errors) from errors
        for stream, task in zip(streams, follows, strict=True):
            if task.cancelled():
                await self._pass_on(stream, logs.read(self._path(stream), self._offsets.get(stream, 0)))

    async def _end(self, follows: list[asyncio.Task[None]]) -> None:
        """An attempt may have ended, and its site not know: it was ended there without a trace, or lost."""
        while not self._distant.ended:  # noqa: ASYNC110  # another thread says so
            await asyncio.sleep(PERIOD)
        await asyncio.sleep(_GRACE)
        for task in follows:
            task.cancel()

    async def _follow(self, logs: Logs, stream: str) -> None:
        path = self._path(stream)
        if stream not in self._offsets:
            self._offsets[stream] = 0 if self._distant.told.whole else await self._skip(logs, stream)
        await self._pass_on(stream, logs.follow(self._distant.key, path, self._offsets[stream]))

    async def _skip(self, logs: Logs, stream: str) -> int:
        """Where to begin on a terminal: the end of what is long enough to have scrolled away, from the beginning of a line where lines are
        not overlong."""
        path = self._path(stream)
        if (size := await logs.size(path) or 0) <= SHOWN:
            return 0
        start = size - SHOWN
        async with aclosing(logs.read(path, start)) as pieces:
            data = await anext(pieces, b"")
        start += data.find(b"\n", 0, SHOWN // 2) + 1
        self._distant.bring(Written(stream, b"", start, size))
        return start

    async def _pass_on(self, stream: str, pieces: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                while self._distant.full:  # noqa: ASYNC110  # another thread prints it
                    await asyncio.sleep(PERIOD)
                self._distant.bring(Written(stream, piece))
                self._offsets[stream] = self._offsets.get(stream, 0) + len(piece)
                self._works()

    def _path(self, stream: str) -> str:
        return f"{self._distant.where.dir}/{stream}"


async def _logs(run: RunDir, site: Site, stack: AsyncExitStack) -> Logs | None:
    """The site, which the stack leaves again; None: it knows of no logs. Raises SiteError."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hyflow-logs-")))
    await asyncio.to_thread(_copy, run.state(site.name), folder / "state")
    return (await enter(site, run.id, folder / "state", stack)).power(Logs)


def _copy(state: Path, to: Path) -> None:
    """What the run keeps of a site, without what only its own processes can use: sockets and the like."""
    if state.is_dir():
        with contextlib.suppress(shutil.Error):  # whoever drives the run may just have removed a file
            shutil.copytree(state, to, symlinks=True, ignore=_special)


def _special(folder: str, names: list[str]) -> list[str]:
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())]


async def _fetch(run: RunDir, missing: Missing | None, rest: Iterator[Missing]) -> None:
    while missing is not None:
        site = await asyncio.to_thread(site_of, run, missing.site)
        if site is None or not await _Fetched(run, site, missing).found():
            missing.say()
        missing = await asyncio.to_thread(next, rest, None)


class _Fetched:
    """One file, printed from where it lies."""

    def __init__(self, run: RunDir, site: Site, missing: Missing) -> None:
        self._run, self._site, self._missing = run, site, missing
        self._printed, self._offset = Printed(), 0

    async def found(self) -> bool:
        """Print it; whether there is such a file. Raises SiteError when the site does not answer, several times."""
        pause = _FIRST
        for _ in range(_TRIES - 1):
            try:
                return await self._print()
            except SiteError as error:
                if not error.transient:
                    raise
            await asyncio.sleep(pause)
            pause *= 2
        return await self._print()

    async def _print(self) -> bool:
        path = self._missing.path
        async with AsyncExitStack() as stack:
            logs = await _logs(self._run, self._site, stack)
            if logs is None or await logs.size(path) is None:
                return False
            async with aclosing(logs.read(path, self._offset)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(self._printed.add, piece)
                    self._offset += len(piece)
        await asyncio.to_thread(lambda: self._printed.end(headed=self._missing.headed))
        return True
