"""Bringing data to where it is needed, and answering questions about it, wherever it lies.

Every file system is asked through a `Files`: this machine's directly, any other through the connector of a site that sees it.
What two jobs need at the same time is moved once.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyflow.errors import SiteError
from hyflow.model.facts import Fact
from hyflow.model.places import HERE, Location, Replica
from hyflow.staging import here, web
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import Files
from hyflow.staging.plan import Move, plan


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
            for move in batch:
                key = (move.uri, move.destination.filesystem)
                self._moving[key] = task
                task.add_done_callback(lambda _, key=key: self._moving.pop(key, None))
        await asyncio.gather(*{self._moving[move.uri, move.destination.filesystem] for move in moves})

    async def _carry(self, moves: Sequence[Move]) -> None:
        """Moves that share their origin and their goal, in one stream; data from elsewhere passes through this machine."""
        if isinstance(moves[0].source, str) or HERE not in (moves[0].source.filesystem, moves[0].destination.filesystem):
            hops = [Move(move.uri, await self._fetched_here(move), move.destination) for move in moves]
            moves = [hop for hop in hops if hop.destination.filesystem != HERE]
        ...
