"""hyflow's connector for machines behind SSH: nothing is installed there, and no file system is shared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal

from hyflow.connector import Connector, Reach, SiteContext
from hyflow.shell.settings import WORKDIR, Patience, ShellSettings

NODE = {"pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)", "title": "a name of letters, digits and ._-"}
NAME = {"pattern": r"^[^\s-]\S*$(?!\n)", "title": "a name without white space that does not begin with -"}


@dataclass(frozen=True, kw_only=True)
class WaySettings(Patience):
    """How a machine is reached: all that a way needs. Without slots, as a site's settings have another base beside it."""

    host: str = field(
        metadata={"doc": "The machine: its name or address, or an alias of the SSH configuration.", "schema": NAME}
    )
    user: str | None = field(
        default=None, metadata={"doc": "The name to log in with; else what the SSH configuration says.", "schema": NAME}
    )
    port: int | None = field(
        default=None,
        metadata={"doc": "The server's port; else what the SSH configuration says.", "schema": {"minimum": 1, "maximum": 65535}},
    )
    jump: str | None = field(
        default=None,
        metadata={
            "doc": "The host to go through, as USER@HOST:PORT or an alias; several are separated by commas.",
            "schema": {**NAME, "examples": ["gate.example.org"]},
        },
    )
    identity: list[str] = field(
        default_factory=list, metadata={"doc": "Files with private keys to use, beside those of the SSH configuration and the agent."}
    )
    config: str | None = field(
        default=None,
        metadata={"doc": "The SSH configuration file to use instead of ~/.ssh/config.", "schema": {"examples": ["~/ssh-config"]}},
    )
    transport: Literal["auto", "asyncssh", "openssh"] = field(
        default="auto",
        metadata={
            "doc": "Who speaks SSH: hyflow itself, with keys and certificates, or the ssh program, which can also ask you for a password "
            "or a code, once. By default the ssh program where it is logged in already or where keys alone do not do."
        },
    )
    connections: int = field(default=2, metadata={"doc": "Open at most this many connections.", "schema": {"minimum": 1, "maximum": 32}})
    sessions: int = field(
        default=8, metadata={"doc": "Open at most this many sessions on one connection; most servers allow ten.", "schema": {"minimum": 1}}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(WaySettings, ShellSettings):
    nodes: list[str] = field(
        default_factory=list,
        metadata={
            "doc": "Machines that run jobs instead of `host`, by name or alias, reached as it is; all see the same `workdir`. Each is a "
            "location of the site.",
            "schema": {"items": {"type": "string", **NODE}, "uniqueItems": True, "examples": [["node1", "node2"]]},
        },
    )
    data_host: str | None = field(
        default=None,
        metadata={
            "doc": "The host that files go through, where it is another one; it sees the same `workdir`.",
            "schema": {**NAME, "examples": ["data.example.org"]},
        },
    )
    workdir: str = field(
        default="~/.local/share/hyflow",
        metadata={
            "doc": "The directory there that hyflow works in, an absolute path or one below the home there, as ~/hyflow; it is made.",
            "schema": WORKDIR,
        },
    )


@dataclass(frozen=True, slots=True)
class SshPlugin:
    name: str = "ssh"
    doc: str = "Runs jobs on a machine behind SSH, where nothing needs to be installed; only what jobs need is copied there."
    settings: type[Settings] = Settings
    reach_settings: type[WaySettings] = WaySettings
    entering: float = 660.0  # somebody may have to look for a code, at either host

    def connect(self, settings: Settings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector for one such machine, or for several that see the same files."""
        from hyflow.shell.site import ShellSite
        from hyflow_ssh.nodes import Lent, Nodes
        from hyflow_ssh.reach import reach

        if settings.nodes:
            way = reach(settings, settings.data_host or settings.host)
            nodes = {name: ShellSite(reach(settings, name), settings, context, Lent(way), name) for name in settings.nodes}
            return Nodes(way, nodes)
        files = None if settings.data_host is None else reach(settings, settings.data_host)
        return ShellSite(reach(settings, settings.host), settings, context, files)

    def locations(self, settings: Settings) -> Sequence[str]:
        """Their names, known before anybody connects."""
        return settings.nodes or ("",)

    def reach(self, settings: WaySettings, context: SiteContext) -> Reach:
        """The way to such a machine alone; the context is none of its concern."""
        from hyflow_ssh.reach import reach

        return reach(settings, settings.host)


plugin = SshPlugin()
