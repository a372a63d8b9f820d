"""Bringing data to where it is needed, and answering questions about it, wherever it lies.

Every file system is asked through a `Files`: this machine's directly, any other through the connector of a site that sees it.
What two jobs need at the same time is moved once; what several need from one place travels in one stream.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyflow.errors import SiteError
from hyflow.model.facts import Fact
from hyflow.model.places import HERE, Location, Replica, redacted
from hyflow.staging import here, web
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import FarFiles, Files, batched
from hyflow.staging.landed import Landed
from hyflow.staging.plan import file_name, nearest, plan
from hyflow.staging.unchanged import Noted

_DOWNLOADS = 4
"""How many inputs are fetched from the web at a time."""

_CLOSING = 5.0
"""Seconds that copies which are given up have to remove what they left half done."""

_FEW = 64
"""How many paths are looked up at once, without a thread."""

_BATCH = 1000

Origin = str | None
"""Where data comes from: a file system, or None for the web."""


@dataclass(slots=True, eq=False)
class _Move:
    """Data on its way, and how many wait for it."""

    uris: frozenset[str]
    task: asyncio.Task[None]
    waiting: int = 0


class Mover:
    """`files` by file system; `landings` by file system: the directory (absolute) below which copies are put there; `landed` hears of
    every copy."""

    def __init__(self, files: Mapping[str, Files], landings: Mapping[str, str], catalog: Catalog, landed: Landed | None = None) -> None:
        self.catalog = catalog
        self._landed = landed
        self.noted = Noted()
        self._files, self._landings = files, landings
        self._moving: dict[tuple[str, str], _Move] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._downloads = asyncio.Semaphore(_DOWNLOADS)
        self._real: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    async def localize(self, uris: Collection[str], to: Location) -> dict[str, str]:
        """Make the data be there; its absolute paths as the location sees them, links resolved. SiteError when it cannot be."""
        what = plan(uris, to, self.catalog)
        if what.missing:
            await self._bring(what.missing, to.filesystem)
            what = plan(uris, to, self.catalog)
        if HERE not in to.mounts:
            return what.present
        return await self._all_resolved(what.present)

    async def answer(self, facts: Collection[Fact]) -> dict[Fact, Any]:
        """What the pure code asked for. One round trip for each file system that is concerned."""
        asked: dict[str, dict[Fact, str]] = {}
        await self._fetch({fact.uri for fact in facts if web.is_web(fact.uri)})
        for fact in facts:
            replica = nearest(fact.uri, self.catalog) or await self._fetched(fact.uri)
            asked.setdefault(replica.filesystem, {})[fact] = "/" + replica.path
        found = await asyncio.gather(*(self._reach(name).answer(questions) for name, questions in asked.items()))
        return {fact: answer for answers in found for fact, answer in answers.items()}

    async def close(self) -> None:
        """Give up what is still on its way, in order but not for long."""
        for task in self._tasks:
            if not task.cancelling():
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING)

    async def _all_resolved(self, paths: Mapping[str, str]) -> dict[str, str]:
        """The real paths. Those of many files are looked up on a thread."""
        if len(paths) > _FEW:
            for batch in batched([path for path in paths.values() if path not in self._real], _BATCH):
                await asyncio.to_thread(self._resolve, batch)
        return {uri: self._resolved(path) for uri, path in paths.items()}

    def _resolve(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._resolved(path)

    def _resolved(self, path: str) -> str:
        known = self._real.get(path)
        if known is None:
            known = self._real[path] = here.real(path, self._folders)
            self.noted.note(known)
        return known

    def _reach(self, filesystem: str) -> Files:
        try:
            return self._files[filesystem]
        except KeyError:
            known = ", ".join(sorted(self._files))
            raise SiteError(f"no site of this run sees the file system {filesystem!r} (known: {known})", transient=False) from None

    def _far(self, filesystem: str) -> FarFiles:
        files = self._reach(filesystem)
        if not isinstance(files, FarFiles):
            raise SiteError(f"{filesystem!r} is this machine, not a site", transient=False)
        return files

    async def _bring(self, missing: Mapping[str, Replica | None], to: str) -> None:
        """Copy what nobody copies yet, and wait for all of it. What fails for the sake of data that only others need is tried again."""
        moves = {self._moving[uri, to] for uri in missing if (uri, to) in self._moving}
        for origin, uris in self._batches({uri: source for uri, source in missing.items() if (uri, to) not in self._moving}, to):
            moves.add(self._begin(origin, uris, to))
        failed = [(move, error) for move, error in await self._ended(moves) if error is not None]
        for move, error in failed:
            if move.uris <= missing.keys() or not isinstance(error, SiteError):
                raise error
        if failed:
            again = {uri: source for uri, source in missing.items() if any(uri in move.uris for move, _ in failed)}
            await self._bring(again, to)

    def _batches(self, missing: Mapping[str, Replica | None], to: str) -> Iterable[tuple[Origin, list[str]]]:
        """What travels together: all from one file system; what comes from the web to this machine travels each on its own."""
        batches: dict[tuple[Origin, str], list[str]] = {}
        for uri, source in missing.items():
            alone = uri if source is None and to == HERE else ""
            batches.setdefault((source.filesystem if source else None, alone), []).append(uri)
        return [(origin, uris) for (origin, _), uris in batches.items()]

    def _begin(self, origin: Origin, uris: Sequence[str], to: str) -> _Move:
        task = asyncio.create_task(self._carry(origin, uris, to), name=f"moving {len(uris)} to {to}")
        move = _Move(frozenset(uris), task)
        self._moving.update({(uri, to): move for uri in uris})
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._forget(move, to))
        return move

    def _forget(self, move: _Move, to: str) -> None:
        self._tasks.discard(move.task)
        for uri in move.uris:
            if self._moving.get((uri, to)) is move:
                del self._moving[uri, to]
        if not move.task.cancelled():
            move.task.exception()  # who waits has it; nobody may wait any more

    async def _ended(self, moves: Collection[_Move]) -> list[tuple[_Move, BaseException | None]]:
        """Wait for all of them; how each ended. A move for which nobody waits any more is cancelled."""
        for move in moves:
            move.waiting += 1
        try:
            await asyncio.wait([move.task for move in moves])
        finally:
            for move in moves:
                move.waiting -= 1
                if not move.waiting and not move.task.done():
                    self._forget_now(move)
        return [(move, _error(move.task)) for move in moves]

    def _forget_now(self, move: _Move) -> None:
        """Who asks for the data from now on must not wait for what is being given up."""
        self._moving = {key: other for key, other in self._moving.items() if other is not move}
        move.task.cancel()

    async def _carry(self, origin: Origin, uris: Sequence[str], to: str) -> None:
        """One batch, all from one place. What lies neither here nor there passes through this machine."""
        if HERE not in (origin, to):
            await self._bring({uri: nearest(uri, self.catalog) for uri in uris}, HERE)
        directory = posixpath.join(self._landings[to], secrets.token_hex(8))
        landed = {uri: posixpath.join(directory, str(number), file_name(uri)) for number, uri in enumerate(uris)}
        if to != HERE:
            sources = {landed[uri].removeprefix(directory + "/"): self._path(uri, HERE) for uri in uris}
            await self._far(to).receive(directory, sources)
        elif origin is None:
            await self._download(landed)
        else:
            await self._receive_here(directory, {self._path(uri, origin): path for uri, path in landed.items()}, self._far(origin))
        copies = {uri: Replica(to, path.lstrip("/")) for uri, path in landed.items()}
        for uri, copy in copies.items():
            self.catalog.add(uri, copy)
        if self._landed is not None:
            self._landed.note(copies)

    async def restore(self) -> None:
        """Know again of the copies that an earlier driver of the run has made."""
        if self._landed is not None:
            await self._landed.restore(self.catalog, self._files)

    def _path(self, uri: str, filesystem: str) -> str:
        replica = self.catalog.at(uri, filesystem)
        if replica is None:
            raise SiteError(f"{redacted(uri)} is not in the file system {filesystem!r}", transient=False)
        path = "/" + replica.path
        return self._resolved(path) if filesystem == HERE else path

    async def _receive_here(self, directory: str, items: Mapping[str, str], far: FarFiles) -> None:
        part = directory + ".part"
        try:
            await far.send({source: part + target.removeprefix(directory) for source, target in items.items()})
            await asyncio.to_thread(os.rename, part, directory)
        finally:
            await asyncio.to_thread(here.remove, part)

    async def _download(self, landed: Mapping[str, str]) -> None:
        for uri, path in landed.items():
            if not web.is_web(uri):
                raise _unreadable(uri)
            async with self._downloads:
                await web.fetched(uri, path)

    async def _fetch(self, uris: Collection[str]) -> None:
        """Bring what is on the web and nowhere else to this machine, several at a time."""
        missing = {uri: None for uri in uris if nearest(uri, self.catalog) is None}
        if missing:
            await self._bring(missing, HERE)

    async def _fetched(self, uri: str) -> Replica:
        """The copy on this machine, fetched now if there is none."""
        if (copy := self.catalog.at(uri, HERE)) is None:
            if not web.is_web(uri):
                raise _unreadable(uri)
            await self._bring({uri: None}, HERE)
            copy = self.catalog.at(uri, HERE)
        if copy is None:
            raise SiteError(f"{redacted(uri)} was fetched and is not there", transient=True)
        return copy


def _unreadable(uri: str) -> web.NotFetched:
    return web.NotFetched(uri, "nobody knows how to read this kind of address", transient=False,
                          hint="files, and addresses that begin with http:// or https://, can be read")  # fmt: skip


def _error(task: asyncio.Task[None]) -> BaseException | None:
    return SiteError("a copy was given up", transient=True) if task.cancelled() else task.exception()


def landings(run: str, locations: Iterable[Location], own: Path) -> dict[str, str]:
    """Where copies land, by file system: below the run's own directory here, below the first location's workdir elsewhere."""
    places = {HERE: str(own / "data")}
    for location in locations:
        places.setdefault(location.filesystem, posixpath.join(location.workdir, run, "data"))
    return places
