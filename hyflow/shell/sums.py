"""The SHA-256 of files and of all files below directories at a shell-like site, with what its file system says of them, in one round trip.

Paths are absolute, on that site's machine; links are followed. Knows nothing of addresses, nor of what the sums are for.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hyflow.errors import SiteError
from hyflow.model.tasks import EntryKind
from hyflow.shell.files import ARGUMENTS
from hyflow.shell.globs import plain
from hyflow.shell.manifest import checksums, kind_of, names
from hyflow.shell.quoting import quote
from hyflow.shell.trips import Opens, Sections

_STAT = """if stat -c %f / >/dev/null 2>&1; then set -- -c '%f %d %i %s %Y %Z %n///'; else set -- -f '%Xp %d %i %z %m %c %N///'; fi"""
_LINE = re.compile(rb"([0-9a-fA-F]{1,8}) (\d{1,20}) (\d{1,20}) (\d{1,18}) (-?\d{1,12}) (-?\d{1,12}) (//.*?)///\n", re.DOTALL)
_YOUNG = 2
"""Seconds for which a file counts as just changed, beside the second that a clock of whole seconds hides."""

_Status: TypeAlias = tuple[int, int, int, int, int, int]
"""Mode, device, inode, size in bytes, times of modification and of change in seconds."""


@dataclass(slots=True)
class Seen:
    """What lies at a path: kind and size (bytes, of files), and the SHA-256 in hex of the files that were read, by the path relative to
    it ("" is itself). `seal`: what the file system says of all of it, the same as long as nothing changes; `young`: some of it has just
    changed, and may do so again without its seal telling; `executable`: it is a file that somebody may execute."""

    kinds: dict[str, tuple[EntryKind, int]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    seal: str = ""
    young: bool = False
    executable: bool = False


async def sums(site: Opens, paths: Collection[str], unread: Collection[str] = ()) -> dict[str, Seen]:
    """What lies at each path of `paths`, with all sums, and of `unread`, without. Left out is what is not there, cannot be read, changes
    meanwhile, or holds anything but files and directories. Raises SiteError."""
    asked = list(dict.fromkeys([*paths, *unread]))
    if not asked:
        return {}
    sections = Sections()
    for part in ("date +%s", _status(asked), _whole(asked), _read(paths), _status(asked)):
        sections.add(part)
    clock, before, good, read, after = await sections.run(site, what="reading checksums", long=True)
    known, later, hashes, whole = _statuses(before), _statuses(after), checksums(read), set(map(plain, names(good)))
    if not clock.strip().isdigit():
        raise SiteError("the time of the machine cannot be read", transient=True)
    changed = _by_root(asked, later)
    found = {}
    for path, status in _by_root(asked, known).items():
        seen = _seen(path, status, hashes, path in paths, int(clock)) if status == changed[path] else None
        if seen is not None and (seen.kinds[""][0] is EntryKind.FILE or plain(path) in whole):
            found[path] = seen
    return found


def _seen(path: str, status: Mapping[str, _Status], hashes: Mapping[str, str], read: bool, now: int) -> Seen | None:
    """What lies at one path, or None where something is missing."""
    seen, seal = Seen(), hashlib.sha256()
    for inner, told in sorted(status.items(), key=lambda entry: os.fsencode(entry[0])):
        kind = kind_of(told[0], told[3])
        if kind is None:
            return None
        seen.kinds[inner] = kind
        seen.executable = seen.executable or (not inner and kind[0] is EntryKind.FILE and bool(told[0] & 0o111))
        seen.young = seen.young or now - told[5] <= _YOUNG
        seal.update(b"%s\0%s;" % (os.fsencode(inner), repr(told).encode()))
        if read and kind[0] is EntryKind.FILE:
            digest = hashes.get(plain(posixpath.join(path, inner)))
            if digest is None:
                return None
            seen.sums[inner] = digest
    seen.seal = seal.hexdigest()
    return seen if "" in seen.kinds else None


def _statuses(data: bytes) -> dict[str, _Status]:
    """What stat said, by path."""
    found: dict[str, _Status] = {}
    for line in _LINE.finditer(data):
        mode, device, inode, size, modified, changed = int(line[1], 16), *map(int, line.group(2, 3, 4, 5, 6))
        found[plain(os.fsdecode(line[7]))] = mode, device, inode, size, modified, changed
    return found


def _by_root(roots: Collection[str], statuses: Mapping[str, _Status]) -> dict[str, dict[str, _Status]]:
    """For each of the paths what lies at and below it, by the path relative to it."""
    by_plain = {plain(root): root for root in roots}
    found: dict[str, dict[str, _Status]] = {root: {} for root in roots}
    for path, status in statuses.items():
        above = path
        while True:
            if above in by_plain:
                found[by_plain[above]][path[len(above):].lstrip("/")] = status
            if above in ("/", "", "."):
                break
            above = posixpath.dirname(above)
    return found


# -- the script -------------------------------------------------------------------------------------------------------


def _status(roots: Collection[str]) -> str:
    return f'{_STAT}\n{_each(roots, "-print0 2>/dev/null")} | xargs -0 stat -L "$@" -- 2>/dev/null'


def _whole(roots: Collection[str]) -> str:
    """Names the directories that hold nothing but files and directories that can be read, and no link that leads in a circle."""
    words = quote(["/" + plain(root) for root in roots])
    odd = 'find -L "$each" ! -type f ! -type d -print 2>&1 | head -c 1'
    return f'for each in {words}; do if [ -d "$each" ] && [ -z "$({odd})" ]; then printf "%s\\0" "$each"; fi; done'


def _read(roots: Collection[str]) -> str:
    run = "{ if command -v sha256sum >/dev/null; then xargs -0 sha256sum --; else xargs -0 shasum -a 256 --; fi; } 2>/dev/null"
    return f'{_each(roots, "-type f -print0 2>/dev/null")} | {run}' if roots else ":"


def _each(roots: Collection[str], what: str) -> str:
    return "{ :\n" + "".join(f"find -L {batch} {what}\n" for batch in _batches(roots)) + "}"


def _batches(roots: Collection[str]) -> Iterator[str]:
    """The paths, quoted, in lists that fit a command line. They begin with two slashes, as nothing else in them does."""
    batch: list[str] = []
    size = 0
    for root in roots:
        batch.append("/" + plain(root))
        size += len(os.fsencode(root)) + 2
        if size > ARGUMENTS:
            yield quote(batch)
            batch, size = [], 0
    if batch:
        yield quote(batch)
