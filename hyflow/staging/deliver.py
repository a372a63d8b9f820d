"""The results of a run, where its user wants them: files are moved out of the run's own directories, others are copied.

What is delivered lies under its basename in the output directory; a name that is taken twice gets a number (name_2.txt).
Nothing outside the output directory is written, and an existing file is replaced only by a whole one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyflow.errors import HyflowError, SiteError
from hyflow.model.places import HERE, Location, Replica
from hyflow.model.values import Value, map_data, walk_data
from hyflow.staging import here
from hyflow.staging.move import Mover


@dataclass(slots=True)
class Delivery:
    """One delivery into `outdir`; `owned`: the directory below which everything is the run's own, and may be moved."""

    outdir: Path
    owned: Path
    mover: Mover
    _names: dict[Path, set[str]] = field(default_factory=dict)
    _placed: dict[str, str] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)
    _same: dict[tuple[str | None, str, Path], dict[str, Any]] = field(default_factory=dict)

    async def deliver(self, outputs: Value, this_machine: Location) -> Value:
        """The output object with every file in place, as it is shown to the user: with listings, checksums and sizes."""
        uris = [str(item["location"]) for item in walk_data(outputs) if "location" in item]
        for uri in uris:
            self._times[uri] = self._times.get(uri, 0) + 1
        paths = await self.mover.localize(uris, this_machine)
        return await asyncio.to_thread(self._place_all, outputs, paths)

    def _place_all(self, outputs: Value, paths: dict[str, str]) -> Value:
        with _explained(self.outdir):
            self.outdir.mkdir(parents=True, exist_ok=True)
            return map_data(outputs, lambda item: self._place(item, paths, self.outdir))

    def _place(self, item: dict[str, Any], paths: dict[str, str], directory: Path) -> dict[str, Any]:
        again = (item.get("location"), _basename(item), directory)
        if again[0] is not None and again in self._same:
            return self._same[again]
        target = directory / self._free_name(directory, _basename(item))
        placed = {key: value for key, value in item.items() if key not in ("listing", "secondaryFiles", "path", "contents", "dirname")}
        if "location" in item:
            self._bring(paths[item["location"]], item["location"], target)
        elif item["class"] == "File":
            target.write_bytes(str(item.get("contents", "")).encode("utf-8", "surrogateescape"))
        else:
            target.mkdir(exist_ok=True)
            for child in item.get("listing") or []:
                self._place(child, paths, target)
        placed |= described(target, item.get("checksum"))
        if item.get("secondaryFiles"):
            placed["secondaryFiles"] = [self._place(other, paths, directory) for other in item["secondaryFiles"]]
        self._same[again] = placed
        return placed

    def _free_name(self, directory: Path, name: str) -> str:
        taken = self._names.setdefault(directory, set())
        free, count = name, 1
        while free in taken:
            count += 1
            stem, suffix = os.path.splitext(name)
            free = f"{stem}_{count}{suffix}"
        taken.add(free)
        return free

    def _bring(self, source: str, uri: str, target: Path) -> None:
        source = self._placed.get(uri, source)
        if target.exists() and os.path.samefile(source, target):
            return
        mine = Path(source).is_relative_to(self.owned) and self._times[uri] == 1 and not os.path.islink(source)
        if os.path.isdir(source):
            _merge_tree(source, target, mine)
        elif mine:
            shutil.move(source, target)
        else:
            _copy_file(source, target)
        self._placed[uri] = str(target)
        if mine:
            self.mover.catalog.move(uri, Replica(HERE, str(target).lstrip("/")))


def described(target: Path, checksum: str | None = None) -> dict[str, Any]:
    """What the output object says of a delivered file or directory."""
    uri = Replica(HERE, str(target).lstrip("/")).uri
    words: dict[str, Any] = {"location": uri, "basename": target.name, "path": str(target)}
    if target.is_dir():
        return words | {"class": "Directory", "listing": [described(Path(child)) for child in _children(target)]}
    return words | {"class": "File", "size": target.stat().st_size, "checksum": checksum or f"sha1${here.sha1(str(target))}"}


def _children(directory: Path) -> Iterator[str]:
    for name in sorted(os.listdir(directory), key=os.fsencode):
        child = os.path.join(directory, name)
        if here.found(child) is not None:
            yield child


def _basename(item: dict[str, Any]) -> str:
    name = str(item.get("basename") or os.path.basename(str(item.get("location", "")).rstrip("/")) or "output")
    if "/" in name or name in (".", ".."):
        raise HyflowError(f"an output has the name {name!r}, which cannot be a file name")
    return name


def _copy_file(source: str, target: Path) -> None:
    part = target.with_name(f".{target.name[:200]}.part")
    try:
        shutil.copy2(source, part)
        part.chmod(part.stat().st_mode | 0o200)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _merge_tree(source: str, target: Path, move: bool) -> None:
    """Bring a directory; where `target` is there already, what it holds beside stays."""
    if move and not os.path.lexists(target) and not _holds_links(source):
        shutil.move(source, target)
        return
    target.mkdir(exist_ok=True)
    for child in _children(Path(source)):
        name = os.path.basename(child)
        if os.path.isdir(child):
            _merge_tree(child, target / name, move=False)
        else:
            _copy_file(child, target / name)


def _holds_links(directory: str) -> bool:
    return any(os.path.islink(os.path.join(top, name)) for top, folders, files in os.walk(directory) for name in folders + files)


@contextlib.contextmanager
def _explained(outdir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename or outdir
        what = f"the results cannot be written: {place}: {error.strerror}"
        raise SiteError(what, transient=False, hint="choose another --outdir") from error


def unwritable(outdir: Path) -> str | None:
    """Why results cannot be put there, known before the run starts; None when they can."""
    existing = outdir
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a directory"
    return None if os.access(existing, os.W_OK | os.X_OK) else f"{existing} cannot be written to"


