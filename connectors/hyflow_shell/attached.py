"""A command that runs attached: a local process in a group of its own, spoken to through its streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence

from hyflow.connector import Pipe
from hyflow.errors import SiteError

TAIL = 1 << 16
GRACE = 2.0


class ProcessPipe:
    """`hyflow.connector.Pipe` over a process."""

    def __init__(self, process: Process, tail: asyncio.Task[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 (for the type checker: both were asked for)
        self._process, self._stdin, self._stdout, self._tail = process, process.stdin, process.stdout, tail

    async def write(self, data: bytes) -> None:
        self._stdin.write(data)
        try:
            await self._stdin.drain()
        except ConnectionResetError as error:
            raise BrokenPipeError("the command has closed its standard input") from error

    async def close_input(self) -> None:
        self._stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._stdin.wait_closed()

    async def read(self, limit: int = TAIL) -> bytes:
        return await self._stdout.read(limit)

    async def wait(self) -> tuple[int, bytes]:
        while await self._stdout.read(TAIL):
            pass
        said = await self._tail
        code = await self._process.wait()
        return (code if code >= 0 else 128 - code), said


@contextlib.asynccontextmanager
async def attached(argv: Sequence[str]) -> AsyncIterator[Pipe]:
    """Run the command; leaving ends its process group. SiteError when it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True)
    except (OSError, ValueError) as error:
        lasting = isinstance(error, FileNotFoundError | PermissionError | ValueError)
        raise SiteError(f"{argv[0]} cannot be run: {error}", transient=not lasting, hint="See the site's `command`.") from error
    tail = asyncio.create_task(last_of(process), name=f"standard error of {argv[0]}")
    try:
        yield ProcessPipe(process, tail)
    finally:
        await end(process, tail)


async def last_of(process: Process) -> bytes:
    """The last TAIL bytes of the process's standard error."""
    assert process.stderr is not None  # noqa: S101 (for the type checker: it was asked for)
    kept = b""
    while block := await process.stderr.read(TAIL):
        kept = (kept + block)[-TAIL:]
    return kept


async def end(process: Process, tail: asyncio.Task[bytes]) -> None:
    """End the process's group unless the process has ended by itself, and let go of the pipes; takes GRACE seconds at most and a moment.

    What a command that ended has left in the background is left alone: it may be about to begin a session of its own.
    """
    if process.stdin is not None:
        process.stdin.close()
    tail.cancel()
    if process.returncode is None:
        signalled(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            signalled(process.pid, signal.SIGKILL)
            await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # asyncio has no other way to let go of the pipes at once
    with contextlib.suppress(asyncio.CancelledError, OSError):
        await tail


def signalled(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
