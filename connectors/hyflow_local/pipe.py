"""A command of hyflow's own, attached, on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import cast

from hyflow.connector import Argv

TAIL = 1 << 16
LIMIT = 1 << 18
NOT_FOUND, NOT_EXECUTABLE = 127, 126


@contextlib.asynccontextmanager
async def attached(argv: Argv, cwd: str) -> AsyncIterator[LocalPipe | NoPipe]:
    """Start the command; leaving the context kills its process group, if it still runs."""
    try:
        process = await _started(argv, cwd)
    except (FileNotFoundError, NotADirectoryError):
        yield NoPipe(NOT_FOUND, f"{argv[0]}: command not found\n")
        return
    except (OSError, ValueError) as error:
        yield NoPipe(NOT_EXECUTABLE, f"{argv[0]}: cannot be executed: {getattr(error, 'strerror', None) or error}\n")
        return
    errors = asyncio.create_task(_tail(cast(asyncio.StreamReader, process.stderr)), name=f"stderr of {argv[0]}")
    try:
        yield LocalPipe(process, errors)
    finally:
        await _end(process, errors)


async def _started(argv: Argv, cwd: str) -> asyncio.subprocess.Process:
    """The process, started whole or not at all: who is cancelled in the middle would leave a group that nobody knows, and wait for it."""
    starting = asyncio.create_task(asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=cwd, start_new_session=True, limit=LIMIT), name=f"start of {argv[0]}")
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            process = await starting
            await _end(process, asyncio.create_task(_tail(cast(asyncio.StreamReader, process.stderr)), name=f"stderr of {argv[0]}"))
        raise


async def _end(process: asyncio.subprocess.Process, errors: asyncio.Task[bytes]) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    errors.cancel()
    # The transport closes its pipes when the process has been reaped and its output was read or given up.
    transport = process._transport  # type: ignore[attr-defined]  # there is no public way to give up unread output
    transport.close()
    await asyncio.gather(errors, return_exceptions=True)
    await process.wait()


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(TAIL):
        kept = (kept + chunk)[-TAIL:]
    return kept


class LocalPipe:
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process, errors: asyncio.Task[bytes]) -> None:
        self._process, self._errors = process, errors
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)

    async def write(self, data: bytes) -> None:
        if self._stdin.transport.is_closing():
            raise BrokenPipeError
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except ConnectionResetError as error:
            raise BrokenPipeError from error

    async def close_input(self) -> None:
        self._stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._stdin.wait_closed()

    async def read(self, limit: int = 1 << 16) -> bytes:
        return await self._stdout.read(limit)

    async def wait(self) -> tuple[int, bytes]:
        while await self._stdout.read(TAIL):
            pass
        stderr = await asyncio.shield(self._errors)
        code = await self._process.wait()
        return (code if code >= 0 else 128 - code), stderr


class NoPipe:
    """A command that could not be started, told as a shell tells it."""

    def __init__(self, code: int, message: str) -> None:
        self._code, self._message = code, message.encode("utf-8", "surrogateescape")

    async def write(self, data: bytes) -> None:
        raise BrokenPipeError

    async def close_input(self) -> None:
        return

    async def read(self, limit: int = 1 << 16) -> bytes:
        return b""

    async def wait(self) -> tuple[int, bytes]:
        return self._code, self._message
