"""Content digests of data by address, wherever it lies: what proves that an input is the same as it was in another run.

A digest that is known stays known as long as the file system says the same of the data, and says so for long enough. What cannot be
told has none: its job is not compared with others.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hyflow.model.places import HERE
from hyflow.model.tasks import EntryKind
from hyflow.shell.sums import Seen, sums
from hyflow.shell.trips import Opens
from hyflow.staging import trees
from hyflow.staging.catalog import Catalog
from hyflow.staging.plan import nearest
from hyflow.staging.remembered import Remembered
from hyflow.staging.trees import Digest, Look, Unsure

_QUICK = 1 << 18
"""Bytes, in a few files, that are read at once; more on a thread."""
_FEW = 16

__all__ = ["Digest", "Digests"]


@dataclass(frozen=True, slots=True)
class _Known:
    """A digest, and the seal of what had it."""

    digest: Digest
    seal: str


@dataclass(slots=True, eq=False)
class _Desk:
    """Where a site is asked. `told`: the latest answer about each path, and how old it is at the most (`time.monotonic`)."""

    site: Opens
    wanted: set[str] = field(default_factory=set)
    told: dict[str, tuple[float, Digest | None]] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def lacks(self, path: str, since: float) -> bool:
        known = self.told.get(path)
        return known is None or known[0] < since


class Digests:
    """`sites` by file system: through what its files are seen. `remembered`: what is known of this machine's files from other runs."""

    def __init__(self, catalog: Catalog, sites: Mapping[str, Opens], remembered: Remembered | None) -> None:
        self._catalog, self._sites, self._remembered = catalog, sites, remembered
        self._known: dict[tuple[str, str], _Known] = {}
        self._desks: dict[str, _Desk] = {}

    async def of(self, uris: Collection[str]) -> dict[str, Digest]:
        """The digests of files and directories by address; what has none is left out. One round trip a site for what is not known yet.
        Raises SiteError for a site that does not answer."""
        placed: dict[str, dict[str, str]] = {}
        for uri in uris:
            replica = nearest(uri, self._catalog)
            if replica is not None:
                placed.setdefault(replica.filesystem, {})[uri] = "/" + replica.path
        if placed.keys() == {HERE}:
            return await self._here(placed[HERE])
        asked = [self._here(paths) if name == HERE else self._there(name, paths) for name, paths in placed.items()]
        found = await asyncio.gather(*asked)
        return {uri: digest for each in found for uri, digest in each.items()}

    async def unchanged(self, digests: Mapping[str, Digest]) -> bool:
        """Whether all of this data has these digests now, as far as can be told. Costs a look at each file, and reads those again that
        had just been changed when they were read. Raises SiteError."""
        return await self.of(digests) == dict(digests)

    def note(self, digests: Mapping[str, Digest]) -> None:
        """These files of this machine have these digests, as whoever wrote them says. Nothing is noted of one that was just changed, or
        has another size."""
        for uri, digest in digests.items():
            replica = self._catalog.at(uri, HERE)
            seen = None if replica is None else _looked("/" + replica.path)
            if replica is None or seen is None or seen.young or seen.directory or seen.files[0][1].st_size != digest.size:
                continue
            self._known[HERE, "/" + replica.path] = _Known(digest, seen.seal)

    # -- this machine ---------------------------------------------------------------------------------------------

    async def _here(self, paths: Mapping[str, str]) -> dict[str, Digest]:
        if len(paths) > _FEW or not all(map(os.path.isfile, paths.values())):
            return await asyncio.to_thread(self._all_here, paths)
        looks = {uri: seen for uri, path in paths.items() if (seen := _looked(path))}
        open_ = {uri: seen for uri, seen in looks.items() if self._still(HERE, paths[uri], seen.seal) is None}
        if sum(status.st_size for seen in open_.values() for _, status in seen.files) <= _QUICK:
            return self._read(paths, looks)
        return await asyncio.to_thread(self._read, paths, looks)

    def _all_here(self, paths: Mapping[str, str]) -> dict[str, Digest]:
        return self._read(paths, {uri: seen for uri, path in paths.items() if (seen := _looked(path))})

    def _read(self, paths: Mapping[str, str], looks: Mapping[str, Look]) -> dict[str, Digest]:
        found: dict[str, Digest] = {}
        for uri, seen in looks.items():
            path = paths[uri]
            known = self._still(HERE, path, seen.seal)
            if known is None:
                try:
                    known = trees.read(path, seen, self._remembered)
                except Unsure:
                    continue
                self._keep(HERE, path, known, seen.seal, seen.young)
            found[uri] = known
        return found

    # -- sites ----------------------------------------------------------------------------------------------------

    async def _there(self, filesystem: str, paths: Mapping[str, str]) -> dict[str, Digest]:
        """What several jobs ask at the same time, or while an answer is on its way, is asked in one round trip."""
        site = self._sites.get(filesystem)
        if site is None:
            return {}
        desk = self._desks.setdefault(filesystem, _Desk(site))
        asked = time.monotonic()
        desk.wanted.update(paths.values())
        async with desk.turn:
            await asyncio.sleep(0)  # what begins at the same time has its turn to ask
            if any(desk.lacks(path, asked) for path in paths.values()):
                await self._ask(filesystem, desk, desk.wanted | set(paths.values()))
        return {uri: digest for uri, path in paths.items() if (digest := desk.told[path][1]) is not None}

    async def _ask(self, filesystem: str, desk: _Desk, paths: set[str]) -> None:
        """What is known is looked at while the rest is read; what turns out to have changed is read in another round trip."""
        began = time.monotonic()
        known = {path for path in paths if (filesystem, path) in self._known}
        found = self._sealed(filesystem, await sums(desk.site, paths - known, known), known)
        if changed := known - found.keys():
            found |= self._sealed(filesystem, await sums(desk.site, changed), set())
        desk.told.update({path: (began, found.get(path)) for path in paths})
        desk.wanted -= paths

    def _sealed(self, filesystem: str, looks: Mapping[str, Seen], known: Collection[str]) -> dict[str, Digest]:
        found: dict[str, Digest] = {}
        for path, seen in looks.items():
            if path in known:
                digest = self._still(filesystem, path, seen.seal)
            else:
                digest = _digest(seen)
                self._keep(filesystem, path, digest, seen.seal, seen.young)
            if digest is not None:
                found[path] = digest
        return found

    # -- what is known --------------------------------------------------------------------------------------------

    def _still(self, filesystem: str, path: str, seal: str) -> Digest | None:
        known = self._known.get((filesystem, path))
        return known.digest if known is not None and known.seal == seal else None

    def _keep(self, filesystem: str, path: str, digest: Digest, seal: str, young: bool) -> None:
        if young:
            self._known.pop((filesystem, path), None)
        else:
            self._known[filesystem, path] = _Known(digest, seal)


def _looked(path: str) -> Look | None:
    try:
        return trees.look(path)
    except Unsure:
        return None


def _digest(seen: Seen) -> Digest:
    """The digest of what a site told of one path."""
    if seen.kinds[""][0] is EntryKind.FILE:
        return Digest(seen.sums[""], seen.kinds[""][1], seen.executable)
    entries = [(inner, kind.value, size, seen.sums.get(inner, "")) for inner, (kind, size) in seen.kinds.items() if inner]
    return Digest(trees.tree_digest(entries), sum(size for _, size in seen.kinds.values()))
