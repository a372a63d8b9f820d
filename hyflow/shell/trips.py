"""One script, one round trip: a POSIX sh script is run where the site's files are seen, fed, and its output taken whole."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from hyflow.connector import Argv, Pipe
from hyflow.errors import SiteError

CHUNK = 1 << 18
_MOMENT = 1.0
"""Seconds by which the end of a command's input may be heard of later than its own."""
_ALIVE = """
(cd /; trap 'kill $!; exit' TERM; while :; do sleep 10 >/dev/null 2>&1 & wait $!; printf '\\0' >&2 || exit; done) </dev/null >/dev/null &
alive=$!
"$@"
code=$?
kill "$alive" 2>/dev/null
exit $code
"""


class Opens(Protocol):
    """What of a connector is needed here."""

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]: ...


def script(*files: str) -> str:
    """The text of this package's scripts, one after the other."""
    return "".join(Path(__file__).with_name(file).read_text() for file in files)


def alive(argv: Argv) -> Argv:
    """The command, which may say nothing for long; meanwhile a NUL on standard error tells now and then that somebody is there."""
    return ("sh", "-c", _ALIVE, "sh", *argv)


async def trip(site: Opens, argv: Argv, feed: bytes = b"", *, what: str, long: bool = False) -> bytes:
    """The standard output of the command, fed with `feed`. `long`: it may say nothing for as long as it works.

    Raises SiteError (transient) naming `what` when its exit status is not 0.
    """
    async with site.open(alive(argv) if long else argv) as pipe, feeding(pipe, feed):
        blocks = []
        while block := await pipe.read(CHUNK):
            blocks.append(block)
        code, said = await pipe.wait()
    if code != 0:
        raise SiteError(failure(what, code, said), transient=True)
    return b"".join(blocks)


async def ask(site: Opens, text: str, *, what: str) -> bytes:
    """The standard output of a script of any length, which may say nothing for as long as it works. Raises SiteError as `trip` does."""
    return await trip(site, ("sh",), read_whole(text), what=what, long=True)


def read_whole(text: str) -> bytes:
    """The script as the input of a shell. No argument holds it, as those have a limit; a shell that has not heard it to its end begins
    nothing of it; and its commands find nothing to read."""
    return os.fsencode(f"{{\n{text}\n}} </dev/null\n")


@asynccontextmanager
async def feeding(pipe: Pipe, data: bytes) -> AsyncIterator[None]:
    """Feed the command while its output is read: one that answers before it has heard everything must not be waited for in vain."""
    task = asyncio.create_task(_feed(pipe, data), name="feeding a command")
    try:
        await asyncio.sleep(0)  # what it takes at once, it has before anything is read
        yield
        await asyncio.wait([task], timeout=_MOMENT)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()


async def _feed(pipe: Pipe, data: bytes) -> None:
    try:
        for start in range(0, len(data), CHUNK):
            await pipe.write(data[start:start + CHUNK])
        await pipe.close_input()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has ended early, and its exit status says why


def failure(what: str, code: int, said: bytes) -> str:
    """The message for a command that failed: what was tried, its status, the end of what it said."""
    words = said.replace(b"\0", b"")[-1000:].decode(errors="replace").strip()
    return f"{what} failed with exit status {code}" + (f": {words}" if words else "")


class Sections:
    """A script made of parts whose outputs are told apart by a line that nobody can foresee."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(16)
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        self._parts.append(f"{part}\nprintf '\\n%s\\n' {self._token}\n")

    async def run(self, site: Opens, *, what: str, long: bool = False, argv: Argv = ("sh",), preamble: str = "") -> list[bytes]:
        """The output of each part, in the order of `add`, in one round trip. `argv`: the shell that is to run it; `preamble`: functions
        for all parts. Raises SiteError."""
        if not self._parts:
            return []
        asked = os.fsencode("".join(["LC_ALL=C; export LC_ALL\n", preamble, *self._parts, "exit 0\n"]))
        output = await trip(site, argv, asked, what=what, long=long)
        outputs = output.split(f"\n{self._token}\n".encode())
        if len(outputs) != len(self._parts) + 1:
            raise SiteError(f"{what} gave an answer that is not whole", transient=True)
        return outputs[:-1]
