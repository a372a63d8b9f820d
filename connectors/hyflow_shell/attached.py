"""A command that runs attached: a local process in a group of its own, spoken to through its streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence

from hyflow.connector import Pipe
from hyflow.errors import SiteError

TAIL = 1 << 16
GRACE = 2.0
GREETING = 1 << 18
SLICE = 1 << 16
STEP = 1.0


class Activity:
    """Bounds every wait for a command by the time for which nothing at all has moved: no byte to it, and none from it.

    That is counted in steps which this process lived through: while it was stopped it could not listen.
    """

    def __init__(self, patience: float) -> None:
        self._patience, self._step = patience, min(STEP, patience / 4)
        self._waits: set[asyncio.Timeout] = set()
        self._silence = 0.0
        self._counts = False

    def stir(self) -> None:
        """Something has moved."""
        self._silence = 0.0

    @contextlib.asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Raises SiteError when nothing moves for too long."""
        try:
            async with asyncio.timeout(None) as wait:
                self._begin(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError as error:
            what = f"the site gives no answer: nothing has moved for {self._patience:g} seconds"
            raise SiteError(what, transient=True, hint="See the site's `command` and `patience`.") from error
        self.stir()

    def _begin(self, wait: asyncio.Timeout) -> None:
        self.stir()
        self._waits.add(wait)
        if not self._counts:
            self._counts = True
            asyncio.get_running_loop().call_later(self._step, self._count)

    def _count(self) -> None:
        """One more step has passed."""
        loop = asyncio.get_running_loop()
        self._silence += self._step
        for wait in self._waits if self._silence > self._patience else ():
            if not wait.expired():
                wait.reschedule(loop.time())
        self._counts = bool(self._waits)
        if self._counts:
            loop.call_later(self._step, self._count)


class ProcessPipe:
    """`hyflow.connector.Pipe` over a process. Whatever comes before `sign` on its output is a greeting, and passed over."""

    def __init__(self, process: Process, tail: asyncio.Task[bytes], sign: bytes, activity: Activity) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 (for the type checker: both were asked for)
        self._process, self._stdin, self._stdout, self._tail = process, process.stdin, process.stdout, tail
        self._sign, self._greeted, self._silent = sign, False, False
        self._activity = activity

    async def write(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), SLICE):
                self._stdin.write(data[start:start + SLICE])
                async with self._activity.awaited():
                    await self._stdin.drain()
        except ConnectionResetError as error:
            raise BrokenPipeError("the command has closed its standard input") from error

    async def close_input(self) -> None:
        self._stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            async with self._activity.awaited():
                await self._stdin.wait_closed()

    async def read(self, limit: int = TAIL) -> bytes:
        async with self._activity.awaited():
            if not self._greeted:
                await self._pass_over_greeting()
            return b"" if self._silent else await self._stdout.read(limit)

    async def _pass_over_greeting(self) -> None:
        self._greeted = True
        try:
            await self._stdout.readuntil(self._sign)
        except asyncio.IncompleteReadError:
            self._silent = True
        except asyncio.LimitOverrunError as error:
            what = f"the site's command prints more than {GREETING >> 10} KiB before it runs what it is given"
            raise SiteError(what, transient=False, hint="See the site's `command`.") from error

    async def wait(self) -> tuple[int, bytes]:
        while await self.read(TAIL):
            pass
        async with self._activity.awaited():
            said = await asyncio.shield(self._tail)
            code = await self._process.wait()
        if self._silent:
            words = " ".join(said.decode(errors="replace").split())[-100:]
            what = f"the site's command did not run the shell command line that it was given (exit status {code})"
            raise SiteError(f"{what}: {words}" if words else what, transient=True, hint="See the site's `command`.")
        return (code if code >= 0 else 128 - code), said


@contextlib.asynccontextmanager
async def attached(command: Sequence[str], line: str, patience: float) -> AsyncIterator[Pipe]:
    """Run a shell command line through `command`; leaving ends its process group. SiteError when it cannot be started, and from what is
    awaited of it when nothing has moved for `patience` seconds."""
    sign = secrets.token_hex(16)
    argv = (*command, f"printf '%s\\n' {sign}; {line}")
    try:
        process = await started(argv)
    except (OSError, ValueError) as error:
        lasting = isinstance(error, FileNotFoundError | PermissionError | ValueError)
        why = (error.strerror if isinstance(error, OSError) else "") or "it holds a character that no command can"
        raise SiteError(f"{argv[0]} cannot be run: {why}", transient=not lasting, hint="See the site's `command`.") from error
    activity = Activity(patience)
    tail = asyncio.create_task(last_of(process, activity.stir), name=f"standard error of {argv[0]}")
    try:
        yield ProcessPipe(process, tail, f"{sign}\n".encode(), activity)
    finally:
        await end(process, tail)


async def started(argv: Sequence[str]) -> Process:
    """The process, started whole or not at all: who is cancelled in the middle would leave a group that nobody knows."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True, limit=GREETING),
        name=f"start of {argv[0]}",
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
    while block := await process.stderr.read(TAIL):
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
