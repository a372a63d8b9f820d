"""Tasks of a shell site whose commands are clients of a container engine. A script stands for the engine: what it starts outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hyflow.connector import SiteContext
from hyflow.model.containers import Enclosure
from hyflow.model.tasks import Task
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings, plugin

ENGINE = """#!/bin/sh
# engine run NAME ARGV...: the client; what it starts is no child of it, has a session of its own, and does not end with it.
# engine end NAME: ends that, and notes that it did. NAME is a path that all its files begin with.
what=$1 name=$2
shift 2
case $what in
run)
    echo $$ >"$name.client"
    (setsid env -i "PATH=$PATH" sh -c '
        echo $$ >"$0.part"
        mv "$0.part" "$0.pid"
        "$@"
        echo $? >"$0.part"
        mv "$0.part" "$0.code"
    ' "$name" "$@" &)
    until [ -e "$name.code" ]; do sleep 0.05; done
    read -r code <"$name.code"
    exit "$code"
    ;;
end)
    read -r pid <"$name.pid" && kill -s KILL -- "-$pid"
    echo "$PWD ${LOGIN-}" >>"$name.ended"
    ;;
esac
"""
DEAF = ("sh", "-c", 'trap "" TERM INT HUP; while :; do sleep 1; done')
"""A command that goes on until it is killed."""


@asynccontextmanager
async def there(tmp_path: Path, tools: str, *settings: str, before: Sequence[str] = ()) -> AsyncIterator[SiteUnderTest]:
    """A site with this search path, whose login sets these variables and is reached by means of `before`."""
    command = [*before, "env", f"PATH={tools}", *settings, "sh", "-c"]
    chosen = Settings(command=command, workdir=str(tmp_path / "site"), poll=0.1)
    async with asyncio.timeout(50), plugin.connect(chosen, SiteContext("there", "run", tmp_path / "state")) as connector:
        yield SiteUnderTest(connector, (await connector.locations())[0])


def enclosed(site: SiteUnderTest, tmp_path: Path, *argv: str, time_limit: float | None = None) -> tuple[Task, str]:
    """A task whose command the engine runs, and the name under which it does."""
    engine = tmp_path / "engine"
    if not engine.exists():
        engine.write_text(ENGINE)
        engine.chmod(0o755)
    task = site.task(time_limit=time_limit)
    name = str(tmp_path / task.key)
    return replace(task, argv=(str(engine), "run", name, *argv), enclosure=Enclosure((str(engine), "end", name))), name


async def until_there(site: SiteUnderTest, *paths: str | Path) -> None:
    await site.sh('for path; do until [ -s "$path" ]; do sleep 0.02; done; done', *map(str, paths))


def number_in(path: str | Path) -> int:
    """The first number in the file."""
    return int(Path(path).read_text().split()[0])
