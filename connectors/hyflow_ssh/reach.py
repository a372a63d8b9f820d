"""The way to a machine behind SSH: every line in a session of its own, over connections that stand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from hyflow.connector import Finding, Pipe
from hyflow.errors import SiteError
from hyflow.shell.reach import SignedPipe, signed
from hyflow.shell.silence import Silence
from hyflow_ssh import WaySettings
from hyflow_ssh.auto import Auto
from hyflow_ssh.ending import Endings
from hyflow_ssh.framing import framed
from hyflow_ssh.library import Library
from hyflow_ssh.pool import Pool
from hyflow_ssh.program import Program
from hyflow_ssh.target import Target, target
from hyflow_ssh.transport import Link, LiveChannel, Login, Transport

HINT = "See the site's `host` and `patience`."
GRACE = 5.0
"""Seconds that ending a command may take at either end."""


class SshReach:
    """`hyflow.connector.Reach` over a transport."""

    def __init__(self, transport: Transport, settings: WaySettings) -> None:
        self._patience = settings.patience
        self._pool = Pool(transport, connections=settings.connections, sessions=settings.sessions)
        self._endings = Endings(self._run_beside)

    async def __aenter__(self) -> SshReach:
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._pool.__aexit__(*exc)

    @property
    def login(self) -> Login | None:
        """Who speaks SSH, as whom, with which host: as long as there is a connection."""
        return self._pool.login

    def findings(self) -> Sequence[Finding]:
        """For `hyflow check --connect`."""
        if (login := self.login) is None:
            return ()
        key = f"host key verified: {login.host_key}" if login.host_key else "host key verified by ssh"
        return [Finding("login", f"as {login.user} by {login.by}; {key}")]

    @contextlib.asynccontextmanager
    async def open(self, line: str) -> AsyncIterator[Pipe]:
        async with self._pool.session() as channel:
            pipe = await self._told(channel, line)
            try:
                yield pipe
            finally:
                if not pipe.ended:
                    await self._end(pipe, channel)

    async def _told(self, channel: LiveChannel, line: str) -> SignedPipe:
        """The channel, with the line on its way."""
        line, sign = signed(line)
        silence = Silence(self._patience, HINT)
        channel.heard = silence.stir
        pipe = SignedPipe(channel, sign, silence, HINT)
        with contextlib.suppress(BrokenPipeError):  # why it takes nothing more is heard when it is read
            await pipe.write(framed(line))
        return pipe

    async def _end(self, pipe: SignedPipe, channel: LiveChannel) -> None:
        """End a command that nobody waits for any more: closing the session would leave one that neither reads nor writes. It is told so in
        its own session, which not every server passes on, and then from beside it, for which there may be no room."""
        channel.signal("TERM")
        try:
            async with asyncio.timeout(GRACE):
                await pipe.begun()
                if pipe.leader is not None:
                    await self._endings.end(self._pool.link_of(channel), pipe.leader)
        except (SiteError, TimeoutError):
            channel.signal("KILL")

    async def _run_beside(self, link: Link, line: str) -> None:
        async with self._pool.session(link) as channel:
            pipe = await self._told(channel, line)
            await pipe.close_input()
            await pipe.wait()

def reach(settings: WaySettings, host: str) -> SshReach:
    """The way to the host, or to another one that is reached alike. Raises SiteError for what cannot be a host."""
    spoken: dict[str, Callable[[Target], Transport]] = {"auto": Auto, "asyncssh": Library, "openssh": Program}
    return SshReach(spoken[settings.transport](target(settings, host)), settings)
