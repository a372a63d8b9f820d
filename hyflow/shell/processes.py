"""A way to a machine that a program of this one goes: a local process in a group of its own, spoken to through its streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence

from hyflow.connector import Pipe
from hyflow.errors import SiteError
from hyflow.shell.reach import BLOCK, TAIL, SignedPipe, signed
from hyflow.shell.silence import Silence

GRACE = 2.0


class ProcessChannel:
    """`hyflow.shell.reach.Channel` over a process of this machine."""

    def __init__(self, process: Process, tail: asyncio.Task[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 (for the type checker: both were asked for)
        self._process, self._stdin, self._stdout, self._tail = process, process.stdin, process.stdout, tail

    async def write(self, data: bytes) -> None:
        self._stdin.write(data)
        await self._stdin.drain()

    async def close_input(self) -> None:
        self._stdin.close()
        await self._stdin.wait_closed()

    async def read(self, limit: int) -> bytes:
        return await self._stdout.read(limit)

    async def wait(self) -> tuple[int, bytes]:
        said = await asyncio.shield(self._tail)
        code = await self._process.wait()
        return (code if code >= 0 else 128 - code), said


@contextlib.asynccontextmanager
async def attached(command: Sequence[str], line: str, patience: float, hint: str) -> AsyncIterator[Pipe]:
    """Run a shell command line as the last word of `command`; leaving ends its process group. SiteError when it cannot be started, and
    from what is awaited of it when nothing has moved for `patience` seconds; `hint` says which settings are concerned."""
    line, sign = signed(line)
    silence = Silence(patience, hint)
    async with channel((*command, line), silence.stir, hint) as opened:
        yield SignedPipe(opened, sign, silence, hint)


@contextlib.asynccontextmanager
async def channel(argv: Sequence[str], heard: Callable[[], None], hint: str) -> AsyncIterator[ProcessChannel]:
    """Start the program; leaving ends its process group. `heard` is told whenever it says something on standard error. Raises SiteError."""
    try:
        process = await started(argv)
    except (OSError, ValueError) as error:
        lasting = isinstance(error, FileNotFoundError | PermissionError | ValueError)
        why = (error.strerror if isinstance(error, OSError) else "") or "it holds a character that no command can"
        raise SiteError(f"{argv[0]} cannot be run: {why}", transient=not lasting, hint=hint) from error
    tail = asyncio.create_task(last_of(process, heard), name=f"standard error of {argv[0]}")
    try:
        yield ProcessChannel(process, tail)
    finally:
        await end(process, tail)


async def started(argv: Sequence[str]) -> Process:
    """The process, started whole or not at all: who is cancelled in the middle would leave a group that nobody knows."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True), name=f"start of {argv[0]}"
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            process = await starting
            await end(process, asyncio.create_task(last_of(process, lambda: None), name=f"standard error of {argv[0]}"))
        raise


async def last_of(process: Process, heard: Callable[[], None]) -> bytes:
    """The last TAIL bytes of the process's standard error; `heard` is told whenever some come."""
    assert process.stderr is not None  # noqa: S101 (for the type checker: it was asked for)
    kept = b""
    while block := await process.stderr.read(BLOCK):
        heard()
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
