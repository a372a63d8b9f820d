"""A way that begins where another one ends: a command that the machine at the end of the other one runs reaches a further shell."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence

from hyflow.connector import Pipe, Reach
from hyflow.errors import SiteError
from hyflow.shell.quoting import quote
from hyflow.shell.reach import SignedPipe, signed
from hyflow.shell.silence import Silence

ENDING = 5.0
"""Seconds that ending a command may take at the other end."""
_END = "kill -s TERM -- -%d 2>/dev/null || kill -s TERM %d 2>/dev/null || exit 0; sleep 2; kill -s KILL -- -%d 2>/dev/null; exit 0"


class PipeChannel:
    """`hyflow.shell.reach.Channel` over a pipe, whose context closes it."""

    def __init__(self, pipe: Pipe) -> None:
        self.write, self.close_input, self.read, self.wait = pipe.write, pipe.close_input, pipe.read, pipe.wait

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def beyond(via: Reach, command: Sequence[str], line: str, hint: str) -> AsyncIterator[Pipe]:
    """Run a shell command line as the last word of `command`, which runs at the end of `via`; leaving ends it, at either end. How long
    there may be silence is the other way's to say: it alone hears all that moves. `hint` says which settings are concerned."""
    async with _said(via, command, line, hint) as pipe:
        try:
            yield pipe
        finally:
            if not pipe.ended:
                await _end(pipe, via, command, hint)


@contextlib.asynccontextmanager
async def _said(via: Reach, command: Sequence[str], line: str, hint: str) -> AsyncIterator[SignedPipe]:
    line, sign = signed(line)
    async with via.open(f"exec {quote((*command, line))}") as pipe:
        yield SignedPipe(PipeChannel(pipe), sign, Silence(math.inf, hint), hint)


async def _end(pipe: SignedPipe, via: Reach, command: Sequence[str], hint: str) -> None:
    """End a command that nobody waits for any more: the other way may end `command` alone, and not what that began."""
    with contextlib.suppress(SiteError, TimeoutError, BrokenPipeError):
        async with asyncio.timeout(ENDING):
            await pipe.begun()
            if pipe.leader is not None:
                async with _said(via, command, _END.replace("%d", str(pipe.leader)), hint) as ending:
                    await ending.close_input()
                    await ending.wait()
