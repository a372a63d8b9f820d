"""SSH spoken by the ssh program: whatever it can log in with, and all sessions over one connection that stays for the next command."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from asyncio.subprocess import Process
from pathlib import Path

from hyflow.errors import SiteError, Unreachable
from hyflow.shell.processes import ProcessChannel, started
from hyflow.shell.reach import BLOCK, GREETING
from hyflow_ssh.framing import waiting
from hyflow_ssh.master import Master, Setting, login, setting
from hyflow_ssh.sockets import alone
from hyflow_ssh.target import Target
from hyflow_ssh.terminal import terminal
from hyflow_ssh.transport import Login, NoRoom, NotAdmitted

OPENING = 30.0
"""Seconds that one more session may take."""
OWN_FAILURE = 255
"""The program's exit status for whatever goes wrong with the connection; a command may end with it as well."""
PAUSE, LONGEST = 300.0, 3600.0
"""Seconds until a login that was refused is tried again, doubled each time. Whether somebody has logged in is seen at any time."""


class ProgramChannel(ProcessChannel):
    """`hyflow_ssh.transport.LiveChannel` over a process that shares a connection. `sign`: that of `framing.waiting`."""

    def __init__(self, process: Process, sign: str) -> None:
        super().__init__(process)
        self._sign, self._held = sign.encode(), b""

    def signal(self, name: str) -> None:
        """The program passes none on."""

    async def ready(self) -> bool:
        """Wait until a shell is there at the other end; whether it is. What it has said before is read first."""
        while self._sign not in self._held and len(self._held) <= GREETING:
            if not (block := await super().read(BLOCK)):
                return False
            self._held += block
        return True

    async def read(self, limit: int) -> bytes:
        if not self._held:
            return await super().read(limit)
        given, self._held = self._held[:limit], self._held[limit:]
        return given

    async def wait(self) -> tuple[int, bytes]:
        """The status that the other end has told, where it came to that: the program's own may tell something else."""
        code, said = await super().wait()
        before, _, rest = said.rpartition(self._sign + b" ")
        number, found, after = rest.partition(b"\n")
        if found and number.isdigit():
            return int(number), before + after
        if code == OWN_FAILURE:
            raise Unreachable("the connection was lost")
        return code, said


class ProgramLink:
    """`hyflow_ssh.transport.Link` over a master. `keeps`: it is left standing in the end, for whoever comes next."""

    only = True

    def __init__(self, master: Master, *, keeps: bool) -> None:
        self._master, self._keeps = master, keeps
        self.login = Login("ssh", master.user, "")
        self._watching: asyncio.Task[None] | None = None

    async def watch(self) -> bool:
        """Whether it stands; from now on it is noticed when it does not. Its socket is held, which also keeps it from ending for want of
        use."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._master.socket)
        except OSError:
            return False
        self._watching = asyncio.create_task(_closed(reader), name=f"watches the connection to {self._master.target}")
        self._watching.add_done_callback(lambda _: writer.close())
        return True

    @property
    def alive(self) -> bool:
        return self._watching is not None and not self._watching.done()

    async def channel(self) -> ProgramChannel:
        sign = secrets.token_hex(16)
        argv = self._master.argv("-a", "-x", "-T", "--", self._master.target.host, waiting(sign))
        try:
            channel = ProgramChannel(await started(argv), sign)
        except OSError as error:
            raise Unreachable(f"{argv[0]} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(OPENING):
                await self._opened(channel)
        except TimeoutError as error:
            await channel.close()
            raise Unreachable(f"the server did not open a session in {OPENING:g} seconds") from error
        except BaseException:
            await channel.close()
            raise
        return channel

    async def _opened(self, channel: ProgramChannel) -> None:
        """A login shell that runs nothing says so itself, to whoever reads on. Raises NoRoom, Unreachable."""
        if await channel.ready():
            return
        try:
            await channel.wait()
        except Unreachable:
            if await self._master.lives():
                raise NoRoom from None
            self._lost()
            raise

    def _lost(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def close(self) -> None:
        self._lost()
        if self._watching is not None:
            await asyncio.gather(self._watching, return_exceptions=True)
        if not self._keeps:
            await self._master.dismiss()


class Program:
    """`hyflow_ssh.transport.Transport` by the ssh program. Somebody is asked for the first connection alone: later the terminal shows
    how the run goes on, and who logs in elsewhere is found here."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._asks = True
        self._refusals, self._not_before = 0, -math.inf

    async def connect(self) -> ProgramLink:
        where = await setting(self._target)
        async with alone(Path(where.ours.socket)):
            link = await standing(where) or await self._made(where)
        self._asks, self._refusals = False, 0
        return link

    async def standing(self) -> ProgramLink | None:
        """A connection that is there already."""
        link = await standing(await setting(self._target))
        self._asks = self._asks and link is None
        return link

    async def _made(self, where: Setting) -> ProgramLink:
        self._paced()
        with contextlib.ExitStack() as stack:
            at = stack.enter_context(terminal()) if self._asks else None
            await self._logged_in(where, at)
        if (link := await _link(where.ours, keeps=at is not None)) is None:
            raise Unreachable(f"the connection of ssh to {self._target} ended at once")
        return link

    def _paced(self) -> None:
        if (left := self._not_before - time.monotonic()) > 0:
            what = f"{self._target} has let nobody in; it is tried again in {math.ceil(left)} seconds"
            hint = "Sooner when you log in, in a terminal: hyflow check DEPLOY --connect"
            raise Unreachable(what, hint=hint)

    async def _logged_in(self, where: Setting, at: int | None) -> None:
        """A login that is refused is not tried again soon, for accounts get locked."""
        try:
            await login(where, at)
        except NotAdmitted as error:
            self._not_before = time.monotonic() + min(LONGEST, PAUSE * 2 ** min(self._refusals, 12))
            self._asks, self._refusals = False, self._refusals + 1
            raise SiteError(error.what, transient=error.transient, hint=error.hint) from error


async def standing(where: Setting) -> ProgramLink | None:
    """One that somebody has made already: the user's own, or hyflow's for an earlier command."""
    for master in (where.theirs, where.ours):
        if master is not None and await master.lives() and (link := await _link(master, keeps=True)) is not None:
            return link
    return None


async def _link(master: Master, *, keeps: bool) -> ProgramLink | None:
    link = ProgramLink(master, keeps=keeps)
    return link if await link.watch() else None


async def _closed(reader: asyncio.StreamReader) -> None:
    """Until the other side closes."""
    with contextlib.suppress(OSError):
        while await reader.read(BLOCK):
            pass
