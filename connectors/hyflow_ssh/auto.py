"""Which of the two speaks SSH, where the deployment file leaves it open."""

from __future__ import annotations

import shutil

from hyflow_ssh.asking import PROGRAM
from hyflow_ssh.library import Library
from hyflow_ssh.program import Program
from hyflow_ssh.target import Target
from hyflow_ssh.transport import Link, NotAdmitted, Transport


class Auto:
    """`hyflow_ssh.transport.Transport`: the ssh program where somebody is logged in with it already; else asyncssh; and where that is not
    let in, the ssh program once more, which may ask. Whichever has connected once does so again."""

    def __init__(self, target: Target) -> None:
        self._library, self._program = Library(target), Program(target)
        self._chosen: Transport | None = None

    async def connect(self) -> Link:
        if self._chosen is not None:
            return await self._chosen.connect()
        there = shutil.which(PROGRAM) is not None
        if there and (link := await self._program.standing()) is not None:
            self._chosen = self._program
            return link
        return await (self._with_questions() if there else self._without())

    async def _with_questions(self) -> Link:
        link: Link
        try:
            link, self._chosen = await self._library.connect(), self._library
        except NotAdmitted:
            link, self._chosen = await self._program.connect(), self._program
        return link

    async def _without(self) -> Link:
        try:
            return await self._library.connect()
        except NotAdmitted as error:
            hint = "Where keys alone do not do, install OpenSSH's client: its program ssh can ask for a password or a code."
            raise NotAdmitted(error.what, transient=error.transient, hint=hint) from error
