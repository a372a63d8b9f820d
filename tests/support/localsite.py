"""The connector of this machine as its tests use it, and its supervisor's process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hyflow.connector import SiteContext, Status, Stay, Ticket
from hyflow.model.jobs import Key
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow_local import LocalSettings, plugin
from hyflow_local.connector import LocalConnector


def state_of(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    return state


@asynccontextmanager
async def connected(tmp_path: Path, cores: float | None = None) -> AsyncIterator[LocalConnector]:
    context = SiteContext("here", "run", state_of(tmp_path))
    async with asyncio.timeout(30), plugin.connect(LocalSettings(cores=cores), context) as connector:
        assert isinstance(connector, LocalConnector)
        yield connector


def let_go(connector: LocalConnector) -> None:
    """Leaving lets everything go on from now on."""
    stay = connector.power(Stay)
    assert stay is not None
    stay.stay()


async def submit(connector: LocalConnector, key: str, *argv: str, cores: float = 0, time_limit: float | None = None) -> Ticket:
    (at,) = await connector.locations()
    task = Task(Key(key), key, f"{at.workdir}/{key}", argv, {}, resources=Resources(cores=cores), time_limit=time_limit)
    async for _, ticket in connector.submit(at, [task]):
        assert isinstance(ticket, str)
        return ticket
    raise AssertionError


async def end_of(connector: LocalConnector, ticket: str) -> Status:
    return [status async for _, status in connector.watch([Ticket(ticket)])][-1]


async def text_of(path: Path) -> str:
    while True:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return text.strip()
        await asyncio.sleep(0.02)


async def there_is_no(path: Path) -> None:
    while True:
        if not path.exists():
            return
        await asyncio.sleep(0.02)


async def gone(pid: int, patience: float = 10) -> None:
    """Wait for the process to be gone, or to be a zombie that its new parent has not reaped."""
    until = time.monotonic() + patience
    while True:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        assert time.monotonic() < until, f"process {pid} is still there"
        await asyncio.sleep(0.02)


def supervisor_of(connector: LocalConnector) -> int:
    assert connector._link
    return connector._link.pid


def supervisors(tmp_path: Path) -> list[int]:
    """The supervisors that live in the state directory."""
    found, state = [], str(state_of(tmp_path))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if state.encode() in words and any(b"supervisor.main" in word for word in words):
                found.append(int(path.parent.name))
    return found
