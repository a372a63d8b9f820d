"""Ways to a machine: what a shell-like site needs of one, and the conversation with a command line that runs at the other end."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from hyflow.connector import Argv, Finding, Pipe, Reach
from hyflow.errors import SiteError, Unreachable
from hyflow.shell.quoting import quote
from hyflow.shell.silence import Silence

GREETING = 1 << 18
"""How much a login may print before it runs what it was given, in bytes."""
BLOCK = 1 << 16
TAIL = 1 << 16


@runtime_checkable
class Tells(Protocol):
    """What a reach may have beside the rest."""

    def findings(self) -> Sequence[Finding]:
        """What there is to say of the way, once it has been entered."""


class Lines:
    """Commands over a reach: what `hyflow.shell.trips` needs."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return self.reach.open(f"exec {quote(argv)}")


class Channel(Protocol):
    """The streams of what runs at the other end. Nothing here has a bound in time. Raises Unreachable when the connection is lost."""

    async def write(self, data: bytes) -> None:
        """Waits while the other side is slow. BrokenPipeError or ConnectionResetError when it takes no more."""

    async def close_input(self) -> None:
        """The other side has had everything. The errors of `write`."""

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes of standard output; b"" at its end."""

    async def wait(self) -> tuple[int, bytes]:
        """The exit status and the last TAIL bytes of standard error."""

    async def close(self) -> None:
        """Let go, and end what still runs as far as that can be done from here. Takes seconds at most."""


class SignedPipe:
    """`hyflow.connector.Pipe` over a channel. Whatever comes before the line with `sign` on its outputs is a greeting, and passed over.

    `hint` says where to look when the line was never run. `leader`: the id of the shell that runs it there, once that was read.
    """

    def __init__(self, channel: Channel, sign: bytes, silence: Silence, hint: str) -> None:
        self._channel, self._sign, self._silence, self._hint = channel, sign, silence, hint
        self._greeted, self._unsaid = False, False
        self._held = b""
        self.leader: int | None = None
        self.ended = False

    async def write(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), BLOCK):
                async with self._silence.awaited():
                    await self._channel.write(data[start:start + BLOCK])
        except ConnectionResetError as error:
            raise BrokenPipeError("the command has closed its standard input") from error

    async def close_input(self) -> None:
        try:
            async with self._silence.awaited():
                await self._channel.close_input()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has closed it itself

    async def read(self, limit: int = BLOCK) -> bytes:
        await self.begun()
        if not self._held:
            async with self._silence.awaited():
                return b"" if self._unsaid else await self._channel.read(limit)
        given, self._held = self._held[:limit], self._held[limit:]
        return given

    async def begun(self) -> None:
        """Wait until the line is about to run, or the other end is through without."""
        if not self._greeted:
            async with self._silence.awaited():
                await self._pass_over_greeting()

    async def _pass_over_greeting(self) -> None:
        said = b""
        while (found := signature(said, self._sign)) is None:
            if not (block := await self._channel.read(BLOCK)):
                self._greeted = self._unsaid = True
                return
            self._silence.stir()
            said += block
            if len(said) > GREETING:
                what = f"the site's shell prints more than {GREETING >> 10} KiB before it runs what it is given"
                raise SiteError(what, transient=False, hint=self._hint)
        self._greeted = True
        self.leader, self._held = found

    async def wait(self) -> tuple[int, bytes]:
        while await self.read(BLOCK):
            pass
        async with self._silence.awaited():
            code, said = await self._channel.wait()
        self.ended = True
        _, found, own = said.partition(self._sign + b"\n")
        said = own if found else said
        if self._unsaid:
            words = " ".join(said.decode(errors="replace").split())[-100:]
            what = f"the site's shell did not run the command line that it was given (exit status {code})"
            raise Unreachable(f"{what}: {words}" if words else what, hint=self._hint)
        return code, said


def signed(line: str) -> tuple[str, bytes]:
    """The line with a sign that it says first, with the shell's process id, on standard error as well; and that sign."""
    sign = secrets.token_hex(16)
    return f"printf '%s %s\\n' {sign} $$; echo {sign} >&2; {line}", sign.encode()


def signature(said: bytes, sign: bytes) -> tuple[int | None, bytes] | None:
    """The process id that follows the sign, and what comes after it; None when that is not there yet."""
    _, found, rest = said.partition(sign)
    number, newline, after = rest.partition(b"\n")
    if not (found and newline):
        return None
    return (int(number) if number.strip().isdigit() else None), after


async def last_of(read: Callable[[int], Awaitable[bytes]], heard: Callable[[], None]) -> bytes:
    """The last TAIL bytes of a stream; `heard` is told whenever some come."""
    kept = b""
    while block := await read(BLOCK):
        heard()
        kept = (kept + block)[-TAIL:]
    return kept
