"""A script that stands for docker's client, to fail and dawdle as no real one does on demand. Its images are files in a directory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyflow.connector import SiteContext
from hyflow.containers.engine import Engine, Facts
from hyflow.containers.oci import Oci
from hyflow.engine.archives import Archives
from hyflow.engine.bringing import Bringing
from hyflow.engine.contained import Containers
from hyflow.model.containers import ContainerSettings
from hyflow_local import LocalSettings, plugin

SCRIPT = """#!/bin/sh
# Every call is a line of `calls`; what pull, load and ps do is in files of these names.
cd "${0%/*}" || exit 9
echo "$*" >>calls
has() { echo "[{\\"Id\\": \\"sha256:$(echo "$1" | cksum | cut -d' ' -f1)\\"}]"; }
case $1 in
info) . ./info ;;
image) [ -e "images/$3" ] && has "$3" || { echo '[]'; echo "Error response from daemon: No such image: $3" >&2; exit 1; } ;;
pull) name=$2; . ./pull ;;
load) . ./load ;;
build) cat >recipe; for word; do [ "$word" = - ] || name=$word; done; : >"images/$name" ;;
import) : >"images/$3" ;;
ps) . ./ps ;;
rm) shift 2; printf '%s\\n' "$@" ;;
esac
"""
COMES = ': >"images/$name"'
"""A pull that works."""


@dataclass
class Standin:
    """The script in a directory of its own, and what has been heard of it."""

    home: Path
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.home / "images").mkdir(parents=True)
        self.does("info", "echo '" + json.dumps({"ServerVersion": "1"}) + "'")
        self.does("pull", COMES)
        self.does("ps", ":")
        self.does("load", "echo 'Loaded image: loaded:1'; : >images/loaded:1")
        self.command.write_text(SCRIPT)
        self.command.chmod(0o755)

    @property
    def command(self) -> Path:
        return self.home / "docker"

    def does(self, what: str, script: str) -> None:
        (self.home / what).write_text(script + "\n")

    def settings(self, **settings: Any) -> ContainerSettings:
        return ContainerSettings(runtime="docker", command=[str(self.command)], **settings)

    def engine(self, **settings: Any) -> Engine:
        return Oci(Facts("docker", "1", False, (), (1000, 100), "box", "/c"), self.settings(**settings))

    def calls(self, verb: str) -> list[str]:
        """The calls of one kind, so far."""
        file = self.home / "calls"
        return [line for line in (file.read_text().splitlines() if file.exists() else []) if line.split()[0] == verb]

    async def until_called(self, verb: str) -> None:
        async with asyncio.timeout(20):
            while not self.calls(verb):  # noqa: ASYNC110  # the script tells nobody
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def at_work(self, **settings: Any) -> AsyncIterator[Containers]:
        """The engine of a site on this machine. Archives are where their addresses say; "file:///gone" cannot be brought."""
        async with self.site() as connector, asyncio.TaskGroup() as group:
            archives = Archives(self.home / "archives")
            bringing = Bringing("here", connector, self.engine(**settings), self._localized, archives, self.notes.append)
            made = Containers(bringing, "run1", group)
            yield made
            made.close()
            archives.close()

    @asynccontextmanager
    async def site(self) -> AsyncIterator[Any]:
        context = SiteContext("here", "run1", self.home / "state")
        context.state.mkdir(mode=0o700, exist_ok=True)
        async with asyncio.timeout(50), plugin.connect(LocalSettings(), context) as connector:
            yield connector

    @staticmethod
    async def _localized(uri: str) -> str:
        return uri.removeprefix("file://")
