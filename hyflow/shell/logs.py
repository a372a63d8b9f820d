"""What attempts write, read where it lies: as it is, or as it grows, by one command that stays open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from hyflow.connector import Argv
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.shell.trips import CHUNK, Opens, alive, failure, script, trip

FOLLOW = script("process.sh", "follow.sh")
PLAIN = '[ -f "$1" ] && [ ! -L "$1" ] || exit 0\n'


async def size(site: Opens, path: str) -> int | None:
    """How many bytes the plain file has; None: there is none. Raises SiteError."""
    answer = await trip(site, ("sh", "-c", f'{PLAIN} wc -c <"$1"', "sh", path), what="asking for the size of a log")
    if not (said := answer.strip()):
        return None
    if not said.isdigit():
        raise SiteError(f"the size of a log cannot be read: {answer[:80]!r}", transient=True)
    return int(said)


async def read(site: Opens, path: str, offset: int) -> AsyncGenerator[bytes, None]:
    """The plain file from there on, in pieces. Raises SiteError."""
    argv = alive(("sh", "-c", f'{PLAIN} exec tail -c "+$2" "$1"', "sh", path, str(offset + 1)))
    async with aclosing(_said(site, argv, "reading a log")) as pieces:
        async for piece in pieces:
            yield piece


async def follow(site: Opens, base: str, key: Key, path: str, offset: int) -> AsyncGenerator[bytes, None]:
    """The same, and what is added until the attempt has ended whose bundle lies in `base`. Raises SiteError."""
    async with aclosing(_said(site, ("sh", "-c", FOLLOW, "sh", base, key, path, str(offset + 1)), "following a log")) as pieces:
        async for piece in pieces:
            offset += len(piece)
            yield piece
    async with aclosing(read(site, path, offset)) as pieces:
        async for piece in pieces:
            yield piece


async def _said(site: Opens, argv: Argv, what: str) -> AsyncGenerator[bytes, None]:
    async with site.open(argv) as pipe:
        while piece := await pipe.read(CHUNK):
            yield piece
        code, said = await pipe.wait()
    if code != 0:
        raise SiteError(failure(what, code, said), transient=True)
