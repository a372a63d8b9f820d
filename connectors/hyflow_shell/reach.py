"""The way that a command of the deployment file goes."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from hyflow.connector import Pipe
from hyflow.errors import SiteError
from hyflow.shell.processes import attached
from hyflow_shell import Settings


class CommandReach:
    """`hyflow.shell.reach.Reach`: each line is the last argument of the command. Nothing is kept open between two of them."""

    def __init__(self, settings: Settings, site: str) -> None:
        self._settings, self._site = settings, site

    async def __aenter__(self) -> CommandReach:
        if not self._settings.command:
            raise SiteError(f"site {self._site}: `command` is empty", transient=False, hint="For this machine's shell: command: [sh, -c]")
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def open(self, line: str) -> AbstractAsyncContextManager[Pipe]:
        return attached(self._settings.command, line, self._settings.patience, "See the site's `command` and `patience`.")
