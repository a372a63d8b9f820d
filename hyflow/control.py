"""Steering a run from other terminals: the socket on which its driver hears what others ask, in the run's own directory.

One JSON object a line, each way: {"ask": "ping"} or {"ask": "cancel"}, and {"heard": true} or {"error": WHY} for an answer. The
driver closes no connection before its own end, which is how whoever asked learns of it. What is done about what is asked others know.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from hyflow import plain
from hyflow.errors import HyflowError
from hyflow.journal import RunDir, holder
from hyflow.journal.runs import why

PING, CANCEL = "ping", "cancel"

Asked: TypeAlias = Callable[[str], Awaitable[None]]
"""Told what is asked (CANCEL); returns when that is heard, not when it is done."""

_SOCKET = "control"
_ELSEWHERE = "control.at"
"""Where the socket is, if it cannot be in the run's directory."""
_LONGEST = 4096
"""Bytes of a line."""
_MOST = 64
"""Who may be connected at once."""
_AGAIN = 0.1
"""Seconds until a driver is asked again that does not listen yet."""
_DESCRIPTORS = "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class _Request:
    ask: str


@dataclass(frozen=True, slots=True)
class _Reply:
    heard: bool = False
    error: str = ""


class Unheard(HyflowError):
    """Nobody hears what is asked of a run: nobody drives it, or its driver gives no answer.

    `hung_up`: the driver has closed the connection, so it is ending, or dying; its lock may be held a moment longer.
    """

    hung_up = False


@contextlib.asynccontextmanager
async def serve(run: RunDir, asked: Asked) -> AsyncIterator[str | None]:
    """Hear what others ask, for as long as this lasts. Gives why that cannot be, in words, or None: a run goes on without it, too.

    What a killed driver has left of its socket goes. Whatever clients do, nothing is raised here.
    """
    board, server, trouble = _Switchboard(asked), None, None
    try:
        server = await asyncio.start_unix_server(board.connected, sock=_listener(run.path), limit=_LONGEST)
    except OSError as error:
        trouble = f"other terminals cannot steer this run: its socket cannot be made: {why(error)}"
    try:
        yield trouble
    finally:
        if server is not None:
            server.close()
            await board.close()
        with contextlib.suppress(OSError):
            _remove(run.path)


class _Switchboard:
    """The clients of one driver."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._open: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        task = asyncio.current_task()
        self._open[task] = writer
        try:
            if _is_ours(writer):
                await self._answer(reader, writer)
        except (OSError, ValueError):
            pass  # it is gone, or its line is too long
        finally:
            del self._open[task]
            writer.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        tasks = [task for task in self._open if task is not None]
        for task, writer in list(self._open.items()):
            writer.transport.abort()
            if task is not None:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        many = len(self._open) > _MOST
        while line := await reader.readline():
            reply = _Reply(error="too many ask at once: try again") if many else await self._reply(line)
            writer.write(plain.dumps(reply) + b"\n")
            await writer.drain()
            if many:
                return

    async def _reply(self, line: bytes) -> _Reply:
        try:
            request: _Request = plain.loads(line, _Request)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return _Reply(error="this is no request")
        if request.ask == CANCEL:
            await self._asked(CANCEL)
        elif request.ask != PING:
            return _Reply(error="this hyflow does not know what is asked")
        return _Reply(heard=True)


class Answer:
    """The driver has heard."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def ended(self) -> None:
        """Returns when the driver has ended, however it did. Its lock may be held a moment longer."""
        with contextlib.suppress(OSError):
            while await self._reader.read(_LONGEST):
                pass


@contextlib.asynccontextmanager
async def ask(run: RunDir, what: str, patience: float) -> AsyncIterator[Answer]:
    """Ask the driver of a run, which has so many seconds to begin to listen and to answer. Raises Unheard."""
    silent = f"run {run.id} is driven by {holder(run.lock) or 'a hyflow that ends just now'}, which gives no answer"
    hint = "if it has only begun or is about to end, try again; a signal to that process ends it, too"
    try:
        async with asyncio.timeout(patience):
            reader, writer = await _connected(run)
            reply = await _asked(reader, writer, what)
    except (OSError, ValueError, msgspec.DecodeError) as error:  # a TimeoutError is an OSError
        unheard = Unheard(silent, hint=hint)
        unheard.hung_up = isinstance(error, ConnectionError)
        raise unheard from error
    try:
        if not reply.heard:
            raise Unheard(f"the driver of run {run.id} does not heed it: {reply.error}")
        yield Answer(reader)
    finally:
        writer.close()


async def _connected(run: RunDir) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connected, as soon as the driver listens."""
    while True:
        try:
            with _address(run.path) as address:
                return await asyncio.open_unix_connection(address, limit=_LONGEST)
        except OSError as error:
            if holder(run.lock) is None:
                raise Unheard(f"nobody drives run {run.id}") from error
        await asyncio.sleep(_AGAIN)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: str) -> _Reply:
    try:
        if not _is_ours(writer):
            raise PermissionError("another user listens there")
        writer.write(plain.dumps(_Request(what)) + b"\n")
        if not (line := await reader.readline()):
            raise ConnectionResetError("the driver has hung up")
        reply: _Reply = plain.loads(line, _Reply)
    except BaseException:
        writer.close()
        raise
    return reply


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side is a process of the same user. Where nobody says, the directory's mode has to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", found)[1] == os.geteuid())


def _listener(folder: Path) -> socket.socket:
    """A new socket that listens, in the run's directory or where a note there says."""
    _remove(folder)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            with _short(folder) as short:
                _bind(listener, f"{short}/{_SOCKET}")
        except OSError:
            _bind(listener, _elsewhere(folder))
        listener.listen(_MOST)
    except BaseException:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, address: str) -> None:
    listener.bind(address)
    os.chmod(address, 0o600)


def _elsewhere(folder: Path) -> str:
    """An address in a directory of its own, which is noted."""
    import tempfile  # it is rarely needed, and slow to import

    address = Path(tempfile.mkdtemp(prefix="hyflow-")) / "s"
    note = os.open(folder / _ELSEWHERE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(note, os.fsencode(address))
    finally:
        os.close(note)
    return str(address)


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Where a driver listens. Raises OSError where there is nothing."""
    if (noted := _noted(folder)) is not None:
        yield str(noted)
        return
    with _short(folder) as short:
        yield f"{short}/{_SOCKET}"


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the directory that is short: an address of a socket has 104 bytes at most, or 108."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"{_DESCRIPTORS}/{descriptor}"
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove what a driver's socket has left. Nothing is removed elsewhere that is not such a directory."""
    (folder / _SOCKET).unlink(missing_ok=True)
    noted = _noted(folder)
    if noted is not None and noted.name == "s" and noted.parent.name.startswith("hyflow-"):
        with contextlib.suppress(OSError):
            noted.unlink(missing_ok=True)
            noted.parent.rmdir()
    (folder / _ELSEWHERE).unlink(missing_ok=True)


def _noted(folder: Path) -> Path | None:
    try:
        return Path(os.fsdecode((folder / _ELSEWHERE).read_bytes()))
    except FileNotFoundError:
        return None
