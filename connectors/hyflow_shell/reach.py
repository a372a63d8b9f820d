"""The way that a command of the deployment file goes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from hyflow.connector import Finding, Pipe, Reach
from hyflow.errors import SiteError
from hyflow.shell.beyond import beyond
from hyflow.shell.processes import attached
from hyflow.shell.reach import Tells
from hyflow_shell import Settings


class CommandReach:
    """`hyflow.connector.Reach`: each line is the last argument of the command, which runs on this machine or at the end of `via`.
    Nothing is kept open between two of them."""

    def __init__(self, settings: Settings, site: str, via: Reach | None = None) -> None:
        self._settings, self._site, self._via = settings, site, via

    async def __aenter__(self) -> CommandReach:
        if not self._settings.command:
            raise SiteError(f"site {self._site}: `command` is empty", transient=False, hint="For this machine's shell: command: [sh, -c]")
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def open(self, line: str) -> AbstractAsyncContextManager[Pipe]:
        command = self._settings.command
        if self._via is not None:
            return beyond(self._via, command, line, "See the site's `command` and `via`.")
        return attached(command, line, self._settings.patience, "See the site's `command` and `patience`.")

    def findings(self) -> Sequence[Finding]:
        """What there is to say of the way to the machine that runs the command."""
        return self._via.findings() if isinstance(self._via, Tells) else ()
