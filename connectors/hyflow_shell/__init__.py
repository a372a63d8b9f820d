"""hyflow's connector for any machine that a shell command reaches: bundles, a filesystem of its own, nothing shared."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from hyflow.connector import Connector, SiteContext
from hyflow.shell.settings import ShellSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ShellSettings):
    command: list[str] = field(
        metadata={
            "doc": "The command that reaches the machine, as a list; one argument is added to it, a line for a POSIX shell.",
            "schema": {"minItems": 1, "examples": [["sh", "-c"]]},
        }
    )


@dataclass(frozen=True, slots=True)
class ShellPlugin:
    name: str = "shell"
    doc: str = "Runs jobs on a machine that a command reaches, through its shell; only what jobs need is copied there."
    settings: type[Settings] = Settings
    locations: tuple[str, ...] = ("",)
    via: bool = True

    def connect(self, settings: Settings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector for one such machine."""
        from hyflow.shell.site import ShellSite
        from hyflow_shell.reach import CommandReach

        return ShellSite(CommandReach(settings, context.site, context.via), settings, context)


plugin = ShellPlugin()
