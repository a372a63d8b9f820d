"""A disk that is full keeps no container from its end: neither one of this supervisor's nor one that a dead supervisor has left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hyflow.connector import SiteContext
from hyflow.errors import SiteError
from hyflow.model.containers import Enclosure
from hyflow.testing.enclosures import DEAF, ENGINE
from hyflow.testing.site import SiteUnderTest
from hyflow_local import LocalSettings, plugin
from hyflow_local.supervisor.record import Record

SCRIPT = ("sh", "-c", ENGINE, "engine")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for the supervisor's state."""
    at = tmp_path / "small"
    at.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(at)], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here: mounting needs root")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "fill").open("ab", 0) as file:
        while True:
            file.write(bytes(4096))


@asynccontextmanager
async def container(small: Path, tmp_path: Path) -> AsyncIterator[tuple[SiteUnderTest, str]]:
    """A site at which a container runs; the name of its files."""
    name = tmp_path / "engine"
    name.touch()
    settings = LocalSettings(workdir=str(tmp_path / "work"))
    async with asyncio.timeout(40), plugin.connect(settings, SiteContext("here", "run", small)) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        await site.submit(replace(site.task(*SCRIPT, "run", str(name), *DEAF), enclosure=Enclosure((*SCRIPT, "end", str(name)))))
        await site.sh('until [ -e "$1.pid" ]; do sleep 0.02; done', str(name))
        yield site, str(name)


async def test_a_supervisor_that_can_record_no_more_leaves_no_container(small: Path, tmp_path: Path) -> None:
    async with container(small, tmp_path) as (site, name):
        fill(small)
        for _ in range(40):  # until its record is where the disk ends
            await site.submit(site.task("true", *["x" * 1000]))
        await site.until_gone(Path(f"{name}.pid").read_text().strip())
        await asyncio.sleep(0.1)
        with pytest.raises(SiteError, match="the disk is full"):
            for _ in range(50):
                await site.submit(site.task("true"))
                await asyncio.sleep(0.1)


def test_what_a_dead_supervisor_left_is_ended_though_nothing_can_be_recorded(small: Path, tmp_path: Path) -> None:
    ended, record = tmp_path / "ended", small / "attempts"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    lines = [{"boot": boot}, {"claim": ["k"], "ends": {"k": ["touch", str(ended)]}}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    record.write_text(text + " " * (os.sysconf("SC_PAGE_SIZE") - len(text)))  # the next byte needs room
    fill(small)
    with pytest.raises(OSError, match="No space left"):
        Record(os.open(record, os.O_RDWR | os.O_APPEND))
    assert ended.exists()
