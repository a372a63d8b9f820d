"""A way to a machine that a program of this one goes: a local process in a group of its own, spoken to through its streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from hyflow.connector import Pipe
from hyflow.errors import SiteError
from hyflow.shell.reach import SignedPipe, last_of, signed
from hyflow.shell.silence import Silence

GRACE = 2.0


class OwnShell:
    """`hyflow.connector.Reach`: this machine's own shell. `patience`: seconds for which nothing may move; `hint`: what to do then."""

    def __init__(self, patience: float, hint: str = "See the site's `patience`.") -> None:
        self._patience, self._hint = patience, hint

    async def __aenter__(self) -> OwnShell:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def open(self, line: str) -> AbstractAsyncContextManager[Pipe]:
        return attached(("sh", "-c"), line, self._patience, self._hint)


class ProcessChannel:
    """`hyflow.shell.reach.Channel` over a process of this machine."""

    def __init__(self, process: Process, heard: Callable[[], None] = lambda: None) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101 (for the type checker: all were asked for)
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self.heard = heard
        self._tail = asyncio.create_task(last_of(process.stderr.read, lambda: self.heard()), name="standard error")

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

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

    async def close(self) -> None:
        """End the process's group unless the process has ended by itself, and let go of the pipes, within GRACE seconds and a moment.

        What a command that ended has left in the background is left alone: it may be about to begin a session of its own.
        """
        self._stdin.close()
        self._tail.cancel()
        if self._process.returncode is None:
            await ended(self._process)
        self._process._transport.close()  # type: ignore[attr-defined]  # asyncio has no other way to let go of the pipes at once
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._tail


@contextlib.asynccontextmanager
async def attached(command: Sequence[str], line: str, patience: float, hint: str) -> AsyncIterator[Pipe]:
    """Run a shell command line as the last word of `command`; leaving ends its process group. SiteError when it cannot be started, and
    from what is awaited of it when nothing has moved for `patience` seconds; `hint` says which settings are concerned."""
    line, sign = signed(line)
    silence = Silence(patience, hint)
    channel = await opened((*command, line), silence.stir, hint)
    try:
        yield SignedPipe(channel, sign, silence, hint)
    finally:
        await channel.close()


async def opened(argv: Sequence[str], heard: Callable[[], None], hint: str) -> ProcessChannel:
    """Start the program in a process group of its own. `heard` is called whenever it says something on standard error.
    Raises SiteError."""
    try:
        process = await started(argv)
    except (OSError, ValueError) as error:
        lasting = isinstance(error, FileNotFoundError | PermissionError | ValueError)
        why = (error.strerror if isinstance(error, OSError) else "") or "it holds a character that no command can"
        raise SiteError(f"{argv[0]} cannot be run: {why}", transient=not lasting, hint=hint) from error
    return ProcessChannel(process, heard)


async def started(argv: Sequence[str]) -> Process:
    """The process, started whole or not at all: who is cancelled in the middle would leave a group that nobody knows."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True), name=f"start of {argv[0]}"
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            await ProcessChannel(await starting).close()
        raise


async def ended(process: Process) -> None:
    """End its group: first gently, then not."""
    signalled(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        signalled(process.pid, signal.SIGKILL)
        await process.wait()


def signalled(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
