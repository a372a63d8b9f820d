"""The state of many attempts in one round trip, with the whole results of those that ended; and how attempts are ended."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hyflow.connector import Done, Lost, Queued, Running
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.shell.bundle import STARTER_NAME
from hyflow.shell.outcome import parse_outcome, seconds
from hyflow.shell.trips import Opens, script, trip

LOOK = script("family.sh", "detached.sh", "process.sh", "rouse.sh", "markers.sh", "results.sh")
CANCEL = script("family.sh", "detached.sh", "process.sh", "cancel.sh")
FORGET = script("forget.sh")
_size_line = re.compile(r" *(\d{1,18}) (.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is claimed, but its runner has not recorded itself: it is about to, or it died at once."""


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no bundle for the key."""


Mark: TypeAlias = Queued | Running | Done | Lost | Claimed | Gone


async def look(site: Opens, base: str, starter: str, room: str, keys: Collection[Key]) -> dict[Key, Mark]:
    """What became of the attempts whose bundles lie in `base`. Those that wait are seen to by the starter in that directory; `room`: what
    may be in use at once, as it reads that. Raises SiteError."""
    argv = ("sh", "-c", LOOK, "sh", base, starter, posixpath.join(base, STARTER_NAME), room)
    return parse_marks(await trip(site, argv, lines(keys), what="asking for the state of jobs"))


async def cancel(site: Opens, base: str, keys: Collection[Key]) -> None:
    """End the attempts; see cancel.sh. Raises SiteError."""
    answer = await trip(site, ("sh", "-c", CANCEL, "sh", base), lines(keys), what="ending jobs")
    if answer.strip():
        elsewhere = ", ".join(answer.decode(errors="replace").split("\n")).strip(", ")
        raise SiteError(f"jobs run on a host that was not reached (key and host): {elsewhere}", transient=True)


def parse_marks(answer: bytes) -> dict[Key, Mark]:
    """The answer of markers.sh. Raises SiteError when it is not whole."""
    lines, separator, rest = (b"\n" + answer).partition(b"\n\n")
    if not separator:
        raise SiteError("the answer about the state of jobs is not whole", transient=True)
    results = by_key(rest)
    marks: dict[Key, Mark] = {}
    for line in lines.decode(errors="replace").split("\n")[1:]:
        state, key, *details = [*line.split(" ", 2), ""] if " " in line else ("", "", "")
        if not key:
            raise SiteError(f"the answer about the state of jobs cannot be read: {line[:80]!r}", transient=True)
        marks[Key(key)] = mark(state, results.get(key, {}), details[0] if details else "")
    return marks


def mark(state: str, parts: Mapping[str, bytes], details: str) -> Mark:
    match state:
        case "E":
            return parse_outcome(parts)
        case "R":
            at, _, host = details.partition(" ")
            return Running(seconds(at), host)
        case "L":
            return Lost(details)
        case "C":
            return Claimed()
        case "G":
            return Gone()
        case _:
            return Queued()


def by_key(framed: bytes) -> dict[str, dict[str, bytes]]:
    """The files that follow the list of their sizes, by key and name."""
    found: dict[str, dict[str, bytes]] = {}
    if not framed:
        return found
    listed, separator, data = framed.partition(b"\n\n")
    at = 0
    for size, path in sizes(listed.decode(errors="replace")):
        key, _, name = path.partition("/")
        found.setdefault(key, {})[name.removeprefix("m/")] = data[at:at + size]
        at += size
    if not separator or at != len(data):
        raise SiteError("the results of jobs did not arrive whole", transient=True)
    return found


def sizes(listed: str) -> Iterator[tuple[int, str]]:
    """Sizes and paths as wc lists them, without its totals."""
    for line in listed.split("\n"):
        known = _size_line.fullmatch(line)
        if known is None:
            raise SiteError(f"the list of results of jobs cannot be read: {line[:80]!r}", transient=True)
        if "/" in known[2]:
            yield int(known[1]), known[2]


async def present(site: Opens, base: str, keys: Collection[Key]) -> set[Key]:
    """Those of the keys that have a bundle in `base`. Raises SiteError."""
    listing = 'cd "$1" || exit 1; while read -r key; do [ ! -e "$key/run.sh" ] || echo "$key"; done; exit 0'
    answer = await trip(site, ("sh", "-c", listing, "sh", base), lines(keys), what="looking for jobs")
    return {Key(key) for key in answer.decode(errors="replace").split()}


async def forget(site: Opens, base: str, keys: Collection[Key]) -> None:
    """Remove the bundles of ended attempts, and of their directories what is neither `out` nor a log. Raises SiteError."""
    await trip(site, ("sh", "-c", FORGET, "sh", base), lines(keys), what="removing what jobs left", long=True)


def lines(keys: Collection[Key]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()
