"""The way to a machine behind SSH: every line in a session of its own, over connections that stand."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from hyflow.connector import Finding, Pipe
from hyflow.shell.reach import SignedPipe, end, signed
from hyflow.shell.silence import Silence
from hyflow_ssh import WaySettings
from hyflow_ssh.auto import Auto
from hyflow_ssh.framing import framed
from hyflow_ssh.library import Library
from hyflow_ssh.pool import Pool
from hyflow_ssh.program import Program
from hyflow_ssh.target import Target, target
from hyflow_ssh.transport import Login, Transport

HINT = "See the site's `host` and `patience`."


class SshReach:
    """`hyflow.connector.Reach` over a transport."""

    def __init__(self, transport: Transport, settings: WaySettings) -> None:
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
                    await end(pipe, lambda ending: self._said(ending, urgent=True))

    @contextlib.asynccontextmanager
    async def _said(self, line: str, *, urgent: bool = False) -> AsyncIterator[SignedPipe]:
        line, sign = signed(line)
        silence = Silence(self._patience, HINT)
        async with self._pool.session(urgent=urgent) as channel:
            channel.heard = silence.stir
            pipe = SignedPipe(channel, sign, silence, HINT)
            await pipe.write(framed(line))
            yield pipe


def reach(settings: WaySettings, host: str) -> SshReach:
    """The way to the host, or to another one that is reached alike. Raises SiteError for what cannot be a host."""
    spoken: dict[str, Callable[[Target], Transport]] = {"auto": Auto, "asyncssh": Library, "openssh": Program}
    return SshReach(spoken[settings.transport](target(settings, host)), settings)
