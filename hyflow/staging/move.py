"""Bringing data to where it is needed, and answering questions about it, wherever it lies.

Every file system is asked through a `Files`: this machine's directly, any other through the connector of a site that sees it.
What two jobs need at the same time is moved once.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hyflow.errors import SiteError
from hyflow.model.facts import Fact
from hyflow.model.places import HERE, Location, Replica
from hyflow.staging import here, web
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import FarFiles, Files
from hyflow.staging.plan import Move, landing, plan

_DOWNLOADS = 4
"""How many inputs are fetched from the web at a time."""


class Mover:
    """`files` by file system; `data`: the directory on this machine where copies for it land."""

    def __init__(self, run: str, files: Mapping[str, Files], data: Path, catalog: Catalog) -> None:
        self.catalog = catalog
        self._run, self._files, self._data = run, files, data
        self._moving: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._real: dict[str, str] = {}

    async def localize(self, uris: Iterable[str], to: Location) -> dict[str, str]:
        """Make the data be there; its absolute paths as the location sees them, links resolved. SiteError when it cannot be."""
        what = plan(uris, to, self.catalog, posixpath.join(to.workdir, self._run, "data"))
        if what.moves:
            await self._move_all(what.moves)
        if HERE not in to.mounts:
            return what.present
        return {uri: self._resolved(path) for uri, path in what.present.items()}

    async def answer(self, facts: Collection[Fact]) -> dict[Fact, Any]:
        """What the pure code asked for. One round trip for each file system that is concerned."""
        asked: dict[str, dict[Fact, str]] = {}
        for fact in facts:
            replica = self._nearest(fact.uri) or await self._fetched(fact.uri)
            asked.setdefault(replica.filesystem, {})[fact] = "/" + replica.path
        found = await asyncio.gather(*(self._reach(name).answer(questions) for name, questions in asked.items()))
        return {fact: answer for answers in found for fact, answer in answers.items()}

    def _resolved(self, path: str) -> str:
        known = self._real.get(path)
        if known is None:
            known = self._real[path] = here.real(path)
        return known

    def _nearest(self, uri: str) -> Replica | None:
        return min(self.catalog.replicas(uri), key=lambda copy: copy.filesystem != HERE, default=None)

    def _reach(self, filesystem: str) -> Files:
        try:
            return self._files[filesystem]
        except KeyError:
            known = ", ".join(sorted(self._files))
            raise SiteError(f"no site of this run sees the file system {filesystem!r} (known: {known})", transient=False) from None

    async def _move_all(self, moves: Sequence[Move]) -> None:
        fresh: dict[tuple[Replica | str | None, str], list[Move]] = {}
        for move in moves:
            if (move.uri, move.destination.filesystem) not in self._moving:
                origin = move.source.filesystem if isinstance(move.source, Replica) else None
                fresh.setdefault((origin, move.destination.filesystem), []).append(move)
        for batch in fresh.values():
            task = asyncio.create_task(self._carry(batch), name=f"moving {len(batch)} to {batch[0].destination.filesystem}")
            keys = [(move.uri, move.destination.filesystem) for move in batch]
            self._moving.update(dict.fromkeys(keys, task))
            task.add_done_callback(partial(self._moved, keys))
        await asyncio.gather(*{self._moving[move.uri, move.destination.filesystem] for move in moves})

    def _moved(self, keys: Iterable[tuple[str, str]], task: asyncio.Task[None]) -> None:
        for key in keys:
            self._moving.pop(key, None)

    async def _carry(self, moves: Sequence[Move]) -> None:
        """Moves that share their origin and their goal, in one stream. Data between two other places passes through this machine."""
        first = moves[0]
        to_here = first.destination.filesystem == HERE
        if isinstance(first.source, str):
            await (self._from_web(moves) if to_here else self._relay(moves))
        elif to_here:
            await self._to_here(moves, self._far(first.source.filesystem))
        elif first.source.filesystem == HERE:
            await self._from_here(moves, self._far(first.destination.filesystem))
        else:
            await self._relay(moves)
        for move in moves:
            self.catalog.add(move.uri, move.destination)

    async def _from_web(self, moves: Sequence[Move]) -> None:
        limit = asyncio.Semaphore(_DOWNLOADS)

        async def one(move: Move) -> None:
            async with limit:
                await asyncio.to_thread(web.fetch, move.uri, "/" + move.destination.path)

        await asyncio.gather(*(one(move) for move in moves))

    async def _relay(self, moves: Sequence[Move]) -> None:
        here_now = [await self._fetched(move.uri) for move in moves]
        hops = [Move(move.uri, copy, move.destination) for move, copy in zip(moves, here_now, strict=True)]
        await self._from_here(hops, self._far(hops[0].destination.filesystem))

    async def _from_here(self, moves: Sequence[Move], far: FarFiles) -> None:
        await far.receive([("/" + _path(move.source), "/" + move.destination.path) for move in moves])

    async def _to_here(self, moves: Sequence[Move], far: FarFiles) -> None:
        await far.send([("/" + _path(move.source), "/" + move.destination.path) for move in moves])

    async def _fetched(self, uri: str) -> Replica:
        """The copy on this machine, fetched now if there is none."""
        if (copy := self.catalog.at(uri, HERE)) is not None:
            return copy
        source = self._nearest(uri)
        if source is None and not web.is_web(uri):
            raise SiteError(f"nobody knows how to read {web.redacted(uri)}", transient=False)
        destination = Replica(HERE, landing(str(self._data), uri).lstrip("/"))
        await self._move_all([Move(uri, source or uri, destination)])
        return destination

    def _far(self, filesystem: str) -> FarFiles:
        files = self._reach(filesystem)
        if not isinstance(files, FarFiles):
            raise SiteError(f"{filesystem} is not a file system of a site", transient=False)
        return files


def _path(source: Replica | str) -> str:
    return source.path if isinstance(source, Replica) else source
