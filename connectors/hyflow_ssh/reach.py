"""The way to a machine behind SSH: every line in a session of its own, over connections that stand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from hyflow.connector import Finding, Pipe
from hyflow.errors import SiteError
from hyflow.shell.reach import SignedPipe, signed
from hyflow.shell.silence import Silence
from hyflow_ssh import Settings
from hyflow_ssh.auto import Auto
from hyflow_ssh.framing import framed
from hyflow_ssh.library import Library
from hyflow_ssh.pool import Pool
from hyflow_ssh.program import Program
from hyflow_ssh.target import Target, target
from hyflow_ssh.transport import Login, Transport

HINT = "See the site's `host` and `patience`."
GRACE = 5.0
"""Seconds that ending a command may take at either end."""
END = "kill -s TERM -- -%d 2>/dev/null || kill -s TERM %d 2>/dev/null || exit 0; sleep 2; kill -s KILL -- -%d 2>/dev/null; exit 0"


class SshReach:
    """`hyflow.shell.reach.Reach` over a transport."""

    def __init__(self, transport: Transport, settings: Settings) -> None:
        self._patience = settings.patience
        self._pool = Pool(transport, connections=settings.connections, sessions=settings.sessions)

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
        async with self._said(line) as pipe:
            try:
                yield pipe
            finally:
                if not pipe.ended:
                    await self._end(pipe)

    @contextlib.asynccontextmanager
    async def _said(self, line: str, *, urgent: bool = False) -> AsyncIterator[SignedPipe]:
        line, sign = signed(line)
        silence = Silence(self._patience, HINT)
        async with self._pool.session(urgent=urgent) as channel:
            channel.heard = silence.stir
            pipe = SignedPipe(channel, sign, silence, HINT)
            await pipe.write(framed(line))
            yield pipe

    async def _end(self, pipe: SignedPipe) -> None:
        """End a command that nobody waits for any more: closing the session would leave one that neither reads nor writes."""
        with contextlib.suppress(SiteError, TimeoutError, BrokenPipeError):
            async with asyncio.timeout(GRACE):
                await pipe.begun()
                if pipe.leader is not None:
                    async with self._said(END.replace("%d", str(pipe.leader)), urgent=True) as ending:
                        await ending.close_input()
                        await ending.wait()


def reach(settings: Settings, host: str) -> SshReach:
    """The way to one of the site's hosts that the settings describe. Raises SiteError for what cannot be a host."""
    spoken: dict[str, Callable[[Target], Transport]] = {"auto": Auto, "asyncssh": Library, "openssh": Program}
    return SshReach(spoken[settings.transport](target(settings, host)), settings)
