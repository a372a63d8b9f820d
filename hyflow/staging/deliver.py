"""The results of a run, where its user wants them: what is the run's own gets a further name there, other files are copied.

What is delivered lies under its basename in the output directory; a name that is taken twice, or by an input of the run, gets a
number (name_2.txt). Nothing outside the output directory is written, and an existing file is replaced only by a whole one. Nothing is taken
away, so that a delivery which was cut short is simply done again, to the same names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyflow.errors import HyflowError, SiteError
from hyflow.model.places import HERE, Location, Replica
from hyflow.model.values import Value, map_data
from hyflow.staging import destination, here
from hyflow.staging.claims import Claims
from hyflow.staging.move import Mover
from hyflow.staging.placing import Placing

_LISTED = 5
"""Results that were not delivered and are named."""

_ELSEWHERE = ("listing", "secondaryFiles", "path", "contents", "dirname")
"""Fields of an output that are said anew where it is placed, or not at all."""

_GIVING_UP = 2.0
"""Seconds that the file which is just being copied has when the delivery is given up."""


@dataclass(slots=True)
class Delivery:
    """One delivery into `outdir`; `owned`: the run's directory, below which everything is its own, and may be linked to; `inputs` of
    the run: what they name is never written over."""

    outdir: Path
    owned: Path
    mover: Mover
    inputs: Value = None
    _given_up: bool = False
    _kept: set[Path] = field(default_factory=set)
    _alone: set[str] = field(default_factory=set)
    _names: dict[Path, dict[str, int]] = field(default_factory=dict)
    _folded: dict[Path, set[str]] = field(default_factory=dict)
    _folds: bool | None = None
    _placed: set[str] = field(default_factory=set)
    _same: dict[tuple[str, str, Path], dict[str, Any]] = field(default_factory=dict)
    _placing: Placing = field(init=False)
    _claims: Claims | None = None

    def __post_init__(self) -> None:
        self._placing = Placing(self.owned.name)

    async def deliver(self, outputs: Value, this_machine: Location) -> Value:
        """The output object with every file in place, as it is shown to the user: with listings, checksums and sizes."""
        uris = [str(item["location"]) for item in _to_place(outputs) if "location" in item]
        self._alone = _alone(uris)
        paths = await self._fetched(uris, this_machine)
        placing = asyncio.ensure_future(asyncio.to_thread(self._place_all, outputs, paths))
        try:
            return await asyncio.shield(placing)
        except asyncio.CancelledError:
            await self._give_up(placing)
            raise

    async def _fetched(self, uris: Sequence[str], this_machine: Location) -> dict[str, str]:
        """Where they lie on this machine, brought here where they do not."""
        try:
            return await self.mover.localize(dict.fromkeys(uris), this_machine)
        except SiteError as error:
            places = [where for uri in dict.fromkeys(uris) if (where := self._elsewhere(uri)) is not None]
            names = "".join(f"\n    {_shown(place)}" for place in places[:_LISTED])
            more = f"\n    and {len(places) - _LISTED:,} more" if len(places) > _LISTED else ""
            hint = f"they are still where they were made:{names}{more}"
            raise SiteError(f"the results cannot be brought here: {error.what}", transient=error.transient, hint=hint) from error

    def _elsewhere(self, uri: str) -> str | None:
        """The place of a copy at a site, as "SITE:/path"."""
        copies = (copy for copy in self.mover.catalog.replicas(uri) if copy.filesystem != HERE)
        return next((f"{copy.filesystem}:/{copy.path}" for copy in copies), None)

    async def _give_up(self, placing: asyncio.Future[Value]) -> None:
        """Place nothing more, and leave nothing half done; a file that takes long is not waited for."""
        self._given_up = True
        self._placing.stop()
        await asyncio.wait([placing], timeout=_GIVING_UP)
        self._placing.give_up()
        if placing.done():
            placing.exception()  # nobody else asks for it

    def _place_all(self, outputs: Value, paths: dict[str, str]) -> Value:
        with self._explained(paths):
            self.owned = self.owned.resolve()
            self._kept = {path for path in destination.local(self.inputs) if not path.is_relative_to(self.owned)}
            self.outdir.mkdir(parents=True, exist_ok=True)
            self._placing.sweep(str(self.outdir))
            if any(self.outdir.resolve().is_relative_to(kept) for kept in self._kept):
                self._claims = Claims.of(self.owned)
            return map_data(outputs, lambda item: self._place(item, paths, self.outdir))

    def _place(self, item: dict[str, Any], paths: dict[str, str], directory: Path) -> dict[str, Any]:
        if self._given_up:
            raise InterruptedError
        uri, name = str(item.get("location", "")), _basename(item)
        found = self._same.get((uri, name, directory)) if uri else None
        if found is None:
            found = self._place_new(item, uri, name, paths, directory)
        # of one file two outputs may say different things: its format, what belongs to it
        placed = {key: value for key, value in item.items() if key not in _ELSEWHERE} | found
        if item.get("secondaryFiles"):
            placed["secondaryFiles"] = [self._place(other, paths, directory) for other in item["secondaryFiles"]]
        return placed

    def _place_new(self, item: dict[str, Any], uri: str, name: str, paths: dict[str, str], directory: Path) -> dict[str, Any]:
        """Put it there; what can be said of it wherever it is named."""
        source = paths[uri] if uri else None
        target = directory / self._free_name(directory, name, source)
        if source is not None:
            self._bring(source, uri, target)
        else:
            self._make(item, paths, target)
        found = described(str(target), item.get("checksum"))
        if uri and uri not in self._alone:
            self._same[uri, name, directory] = found
        return found

    def _make(self, item: dict[str, Any], paths: dict[str, str], target: Path) -> None:
        """What is a literal and lies nowhere yet."""
        if item["class"] == "File":
            self._placing.write(str(target), _text(item))
            return
        self._placing.directory(str(target))
        for child in item.get("listing") or []:
            self._place(child, paths, target)

    def _free_name(self, directory: Path, name: str, source: str | None) -> str:
        taken, folded = self._names.setdefault(directory, {}), self._folded.setdefault(directory, set())
        free, count = name, taken.get(name, 1)
        while free in taken or self._is_same(free, folded) or self._is_kept(directory / free, source):
            count += 1
            stem, suffix = os.path.splitext(name)
            free = f"{stem}_{count}{suffix}"
        # Where to go on counting when the name comes again: thousands of outputs may share one.
        taken[name] = count
        taken.setdefault(free, 1)
        folded.add(destination.folded(free))
        if self._claims is not None and not (directory / free).exists():
            self._claims.add(os.path.join(os.path.realpath(directory), free))
        return free

    def _is_same(self, name: str, folded: set[str]) -> bool:
        """Whether the file system takes the name for another one that is taken."""
        if destination.folded(name) not in folded:
            return False
        if self._folds is None:
            self._folds = destination.folds(self.outdir)
        return self._folds

    def _is_kept(self, target: Path, source: str | None) -> bool:
        """Whether what is there is an input, lies in one or holds one, and is not the very thing that is to be put there."""
        if not self._kept or not target.exists() or (source is not None and os.path.samefile(source, target)):
            return False
        real = target.resolve()
        if self._claims is not None and str(real) in self._claims.paths:
            return False
        return any(real.is_relative_to(kept) or kept.is_relative_to(real) for kept in self._kept)

    def _bring(self, source: str, uri: str, target: Path) -> None:
        real = os.path.realpath(source)
        own = real.startswith(f"{self.owned}/")
        if not (own and target.is_symlink()) and target.exists() and os.path.samefile(source, target):
            return
        # Of what has several places each gets a copy: who changes the one would change the others.
        shared = own and uri in self._alone
        if os.path.isdir(source):
            self._placing.tree(source, str(target), shared, self._claims.paths if self._claims is not None else ())
        else:
            self._placing.file(source, str(target), shared and not os.path.islink(source))
        self._placed.add(uri)

    @contextlib.contextmanager
    def _explained(self, paths: dict[str, str]) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = _shown(error.filename2 or error.filename or self.outdir)
            what = f"the results cannot be written: {place}: {destination.reason(error)}"
            raise SiteError(what, transient=False, hint=self._left(paths)) from error
        except RecursionError as error:
            what = "the results cannot be delivered: a directory among them is nested too deeply"
            raise SiteError(what, transient=False, hint=self._left(paths)) from error

    def _left(self, paths: dict[str, str]) -> str:
        """What was delivered, and where the rest is."""
        there = self._placed | {uri for uri, _, _ in self._same}
        left = [path for uri, path in paths.items() if uri not in there]
        names = [f"\n    {_shown(path)}" for path in left[:_LISTED]]
        more = f"\n    and {len(left) - _LISTED:,} more" if len(left) > _LISTED else ""
        told = f"{len(paths) - len(left):,} of {len(paths):,} were delivered; " if paths else ""
        return f"{told}those that were not delivered are still below {self.owned}{''.join(names)}{more}"


def described(
    target: str, checksum: str | None = None, above: frozenset[str] = frozenset(), real: str | None = None
) -> dict[str, Any]:
    """What the output object says of a delivered file or directory; `above`: the directories that it was reached through, `real`: where it
    is indeed, if that is known."""
    uri, status = Replica(HERE, target.lstrip("/")).uri, os.stat(target)
    words: dict[str, Any] = {"location": uri, "basename": os.path.basename(target), "path": target}
    if not stat.S_ISDIR(status.st_mode):
        return words | {"class": "File", "size": status.st_size, "checksum": checksum or f"sha1${here.sha1(target)}"}
    real = real or os.path.realpath(target)  # which looks at every directory above
    children = sorted(here.children(target), key=lambda child: os.fsencode(child.name)) if real not in above else ()
    inner = [described(child.path, None, above | {real}, None if child.link else f"{real}/{child.name}") for child in children]
    return words | {"class": "Directory", "listing": inner}


def _to_place(outputs: Value) -> list[dict[str, Any]]:
    """The files and directories that get a place of their own; what a directory with an address lists comes along with it."""
    found: list[dict[str, Any]] = []

    def note(item: dict[str, Any]) -> dict[str, Any]:
        found.append(item)
        for part in (*(item.get("secondaryFiles") or ()), *(() if "location" in item else item.get("listing") or ())):
            note(part)
        return item

    map_data(outputs, note)
    return found


def _alone(uris: Iterable[str]) -> set[str]:
    """Those that are named once, and neither hold another one nor lie in one."""
    counts = Counter(uri.rstrip("/") for uri in uris)
    shared = {uri for uri, count in counts.items() if count > 1}
    for uri in counts:
        above = uri.rpartition("/")[0]
        while above.count("/") > 2:
            if above in counts:
                shared |= {uri, above}
            above = above.rpartition("/")[0]
    return counts.keys() - shared


def _basename(item: dict[str, Any]) -> str:
    name = str(item.get("basename") or os.path.basename(str(item.get("location", "")).rstrip("/")) or "output")
    try:
        possible = not {"/", "\0"} & {*name} and name not in (".", "..") and os.fsencode(name)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise HyflowError(f"an output has the name {name!r}, which cannot be a file name")
    return name


def _text(item: dict[str, Any]) -> bytes:
    try:
        return str(item.get("contents", "")).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise HyflowError(f"the contents of the output {_basename(item)!r} are no text: {error.reason}") from error


def _shown(path: object) -> str:
    """A path with its name cut where no terminal would hold it."""
    above, name = os.path.split(str(path))
    return os.path.join(above, name if len(name) <= 100 else f"{name[:60]}... ({len(name)} characters)")
