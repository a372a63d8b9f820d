"""SSH spoken by asyncssh: keys, certificates and agents; never a question to anybody."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import asyncssh

from hyflow.errors import SiteError, Unreachable
from hyflow.shell.reach import last_of
from hyflow_ssh.framing import WAITING
from hyflow_ssh.hostkeys import Visitor, files_known, fingerprint, refusal
from hyflow_ssh.target import Target
from hyflow_ssh.transport import Login, NoRoom, NotAdmitted

LOGIN = 60.0
"""Seconds that connecting and logging in may take."""
OPENING = 30.0
"""Seconds that one more session may take."""
CLOSING = 2.0
KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")
"""What a host is asked for to see its key without a certificate."""
KEEP_ALIVE = 15.0
"""A connection on which three questions in a row, so many seconds apart, got no answer is lost; the SSH configuration may have it otherwise
(ServerAliveInterval, ServerAliveCountMax)."""
WINDOW = 16 << 20
"""How much may be on its way to here in one session, in bytes."""


class LibraryChannel:
    """`hyflow_ssh.transport.LiveChannel` over a session of asyncssh."""

    def __init__(self, channel: Any, stdin: Any, stdout: Any, stderr: Any) -> None:
        self._channel, self._stdin, self._stdout = channel, stdin, stdout
        self._tail = asyncio.create_task(last_of(stderr.read, self._hear), name="standard error")
        self.heard = _nothing

    def _hear(self) -> None:
        self.heard()

    @property
    def alive(self) -> bool:
        return not self._channel.is_closing() and not self._stdout.at_eof()

    def signal(self, name: str) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            self._channel.send_signal(name)

    async def write(self, data: bytes) -> None:
        with translated(ConnectionResetError, BrokenPipeError):
            self._stdin.write(data)
            await self._stdin.drain()

    async def close_input(self) -> None:
        with translated(ConnectionResetError, BrokenPipeError):
            self._stdin.write_eof()

    async def read(self, limit: int) -> bytes:
        with translated():
            return bytes(await self._stdout.read(limit))

    async def wait(self) -> tuple[int, bytes]:
        with translated():
            said = await asyncio.shield(self._tail)
            await self._channel.wait_closed()
        if (code := status(self._channel.get_exit_status(), self._channel.get_exit_signal())) is None:
            raise Unreachable("the connection was lost")
        return code, said

    async def close(self) -> None:
        self._tail.cancel()
        self._channel.abort()
        with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
            async with asyncio.timeout(CLOSING):
                await self._channel.wait_closed()
        await asyncio.gather(self._tail, return_exceptions=True)


class LibraryLink:
    """`hyflow_ssh.transport.Link` over a connection of asyncssh, and over those to the hosts on the way."""

    only = False

    def __init__(self, connection: asyncssh.SSHClientConnection, hops: Sequence[asyncssh.SSHClientConnection]) -> None:
        self._connection, self._hops = connection, hops
        key = connection.get_server_host_key()
        self.login = Login("asyncssh", connection.get_extra_info("username"), "" if key is None else fingerprint(key))

    @property
    def alive(self) -> bool:
        return not self._connection.is_closed()

    async def channel(self) -> LibraryChannel:
        try:
            async with asyncio.timeout(OPENING):
                with translated(asyncssh.ChannelOpenError):
                    stdin, stdout, stderr = await self._connection.open_session(WAITING, encoding=None, window=WINDOW, request_pty=False)
        except asyncssh.ChannelOpenError as error:
            if self.alive:
                raise NoRoom from error
            raise Unreachable("the connection was lost") from error
        except TimeoutError as error:
            self._connection.abort()
            raise Unreachable(f"the server did not open a session in {OPENING:g} seconds") from error
        return LibraryChannel(stdin.channel, stdin, stdout, stderr)

    async def close(self) -> None:
        for connection in (self._connection, *reversed(self._hops)):
            await closed(connection)


class Library:
    """`hyflow_ssh.transport.Transport` by asyncssh."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def connect(self) -> LibraryLink:
        hops: list[asyncssh.SSHClientConnection] = []
        try:
            async with asyncio.timeout(LOGIN):
                *_, last = [connection async for connection in connections(self._target, hops)]
        except TimeoutError as error:
            await asyncio.gather(*map(closed, hops))
            raise Unreachable(f"{self._target} did not answer in {LOGIN:g} seconds") from error
        except BaseException:
            await asyncio.gather(*map(closed, hops))
            raise
        return LibraryLink(last, hops[:-1])


async def connections(target: Target, made: list[asyncssh.SSHClientConnection]) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Connections to the hosts on the way and then to the target, each through the one before; they are in `made` as well."""
    options = await resolved(target)
    tunnel = None
    for text in options.tunnel.split(",") if isinstance(options.tunnel, str) else ():
        hop = target.hop(text.strip())
        if tunnel is None:
            async for connection in connections(hop, made):
                tunnel = connection
                yield connection
        else:
            tunnel = await connected(hop, await resolved(hop), tunnel, made)
            yield tunnel
    yield await connected(target, options, tunnel, made)


async def resolved(target: Target) -> asyncssh.SSHClientConnectionOptions:
    """What the deployment file and the SSH configuration say together."""
    given = {"port": target.port, "username": target.user, "tunnel": target.jump}
    try:
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
            host=target.host, config=target.configs(), **{name: value for name, value in given.items() if value is not None}
        )
    except (asyncssh.Error, OSError, ValueError) as error:
        raise trouble(target, error) from error
    return options


async def connected(
    target: Target,
    options: asyncssh.SSHClientConnectionOptions,
    tunnel: asyncssh.SSHClientConnection | None,
    made: list[asyncssh.SSHClientConnection],
) -> asyncssh.SSHClientConnection:
    """One connection, through the tunnel if there is one, logged in. Raises SiteError."""
    visitor = Visitor(files_known(options.known_hosts))
    given: dict[str, Any] = {"port": target.port, "username": target.user, "client_keys": list(target.identity)}
    try:
        connection = await asyncssh.connect(
            target.host, client_factory=lambda: visitor, config=target.configs(), tunnel=tunnel, known_hosts=visitor.known,
            agent_forwarding=False, password_auth=False, kbdint_auth=False, keepalive_interval=options.keepalive_interval or KEEP_ALIVE,
            **{name: value for name, value in given.items() if value},
        )  # fmt: skip
    except asyncssh.HostKeyNotVerifiable as error:
        if visitor.authority is not None:
            visitor.shown = await shown(target, tunnel)
        raise refusal(target, visitor, str(error)) from error
    except asyncssh.PermissionDenied as error:
        what = f"{target} does not let you in with the keys that were tried"
        raise NotAdmitted(what, transient=False, hint=f"Try it by hand: {target.command}") from error
    except (asyncssh.Error, OSError, ValueError) as error:
        raise trouble(target, error) from error
    made.append(connection)
    return connection


async def shown(target: Target, tunnel: asyncssh.SSHClientConnection | None) -> asyncssh.SSHKey | None:
    """The host's key itself, which was not seen behind its certificate; None when it cannot be had."""
    with contextlib.suppress(asyncssh.Error, OSError, ValueError, TimeoutError):
        async with asyncio.timeout(OPENING):
            given: dict[str, Any] = {} if target.port is None else {"port": target.port}
            return await asyncssh.get_server_host_key(
                target.host, tunnel=tunnel or (), config=target.configs(), server_host_key_algs=KEYS, **given
            )
    return None


async def closed(connection: asyncssh.SSHClientConnection) -> None:
    """In good order if that is possible at once."""
    connection.close()
    with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
        async with asyncio.timeout(CLOSING):
            await connection.wait_closed()
    connection.abort()


@contextlib.contextmanager
def translated(*but: type[Exception]) -> Iterator[None]:
    """What goes wrong with the connection is the site's silence, not a failure of whatever used it. `but`: these mean something else."""
    try:
        yield
    except but:
        raise
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(f"the connection was lost: {error}") from error


def status(code: int | None, killed: tuple[str, bool, str, str] | None) -> int | None:
    """The exit status as a shell would tell it; None where the other end said nothing."""
    if killed is not None:
        number = getattr(signal, f"SIG{killed[0]}", None)
        return 128 + int(number) if number is not None else 255
    return code


def trouble(target: Target, error: Exception) -> SiteError:
    """Why there is no connection. What is wrong with files here has to be mended by somebody; the network comes back by itself."""
    lasting = isinstance(error, asyncssh.ConfigParseError | asyncssh.KeyImportError | ValueError | FileNotFoundError | PermissionError)
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        words = f"{words}: {error.filename}"
    what, hint = f"{target} cannot be reached: {words}", f"Try it by hand: {target.command}"
    return SiteError(what, transient=False, hint=hint) if lasting else Unreachable(what, hint=hint)


def _nothing() -> None:
    """Nobody listens yet."""
