"""A site whose files go another way than its jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.connector import SiteContext
from hyflow.errors import SiteError
from hyflow.shell.site import ShellSite
from hyflow.shell.trips import trip
from hyflow_shell import Settings
from hyflow_shell.reach import CommandReach


def site(place: Path, *files: str) -> ShellSite:
    """Its jobs' way is this machine's shell; that of its files is the command."""
    settings = Settings(command=["env", "WAY=jobs", "sh", "-c"], workdir=str(place / "work"))
    ways = [CommandReach(Settings(command=command, workdir=settings.workdir), "far") for command in (settings.command, [*files])]
    return ShellSite(ways[0], settings, SiteContext("far", "20260101-000000-0000", place), ways[1])


async def test_what_is_opened_goes_the_way_of_files(tmp_path: Path) -> None:
    async with site(tmp_path, "env", "WAY=files", "sh", "-c") as far:
        assert await trip(far, ("sh", "-c", "echo $WAY"), what="asking") == b"files\n"
    assert [file.name for file in (tmp_path / "work").iterdir()] == [".attempts"]


@pytest.mark.parametrize("there", [False, True])
async def test_a_way_that_leads_elsewhere(tmp_path: Path, there: bool) -> None:
    """Where there is no such directory, or another one."""
    if there:
        (tmp_path / "else").mkdir()
    elsewhere = f'eval "$(printf %s "$1" | sed "s|{tmp_path}/work|{tmp_path}/else|g")"'
    with pytest.raises(SiteError, match="the machine for files does not see the"):
        async with site(tmp_path, "sh", "-c", elsewhere, "sh"):
            pass
    assert [file.name for file in (tmp_path / "work").iterdir()] == [".attempts"]
