"""Whom to connect with, as the deployment file says it; the SSH configuration says the rest."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from hyflow.errors import SiteError
from hyflow_ssh import WaySettings

SYSTEM_CONFIG = "/etc/ssh/ssh_config"


@dataclass(frozen=True, slots=True)
class Target:
    """`host` may be an alias. `jump` as ssh's -J takes it; None: as the configuration says. `config` instead of the user's own."""

    host: str
    user: str | None = None
    port: int | None = None
    jump: str | None = None
    identity: tuple[str, ...] = ()
    config: str | None = None

    def __str__(self) -> str:
        return (f"{self.user}@" if self.user else "") + self.host + (f", port {self.port}" if self.port else "")

    @property
    def options(self) -> list[str]:
        """What the ssh program is to be told, without the host."""
        return [*(["-F", self.config] if self.config else []), *self.own_options]

    @property
    def own_options(self) -> list[str]:
        """Those of them that do not say which configuration to read."""
        words = ["-p", str(self.port)] if self.port else []
        words += [*(["-l", self.user] if self.user else []), *(["-J", self.jump] if self.jump else [])]
        return words + [word for file in self.identity for word in ("-i", file)]

    @property
    def command(self) -> str:
        """How its user would connect by hand."""
        return shlex.join(["ssh", *self.options, self.host])

    def configs(self) -> list[str]:
        """The configuration files to read, as ssh does: one that is named replaces the others."""
        if self.config is not None:
            return [self.config]
        return [file for file in (os.path.expanduser("~/.ssh/config"), SYSTEM_CONFIG) if Path(file).is_file()]

    def hop(self, text: str) -> Target:
        """A host on the way: HOST, USER@HOST or USER@HOST:PORT, with the same configuration."""
        user, _, rest = text.rpartition("@")
        host, _, port = rest.rpartition(":") if rest.rpartition(":")[2].isdigit() else (rest, "", "")
        return Target(host.strip("[]"), user or None, int(port) if port else None, identity=self.identity, config=self.config)


def target(settings: WaySettings, host: str) -> Target:
    """The site's host, or another one that is reached alike. Raises SiteError for files that are not there, and for what cannot be a
    name: to the ssh program it might be an option."""
    for word, value in (("host", host), ("user", settings.user), ("jump", settings.jump)):
        if value is not None and (not value or value.startswith("-") or not value.isprintable() or " " in value):
            what = f"`{word}` must not be empty, begin with - or hold white space, unlike {value!r}"
            raise SiteError(what, transient=False, hint="Mend it in the deployment file.")
    identity = tuple(os.path.expanduser(file) for file in settings.identity)
    config = None if settings.config is None else os.path.expanduser(settings.config)
    for word, file in (("config", config), *(("identity", file) for file in identity)):
        if file is not None and not os.path.isfile(file):
            raise SiteError(f"`{word}`: there is no file {file}", transient=False, hint="Mend it in the deployment file.")
    return Target(host, settings.user, settings.port, settings.jump, identity, config)
