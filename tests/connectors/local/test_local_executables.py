"""What commands run on this machine is looked up where jobs look it up."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hyflow.connector import SiteContext
from hyflow.shell.executables import Command, Executables
from hyflow.testing import SiteUnderTest
from hyflow_local import LocalSettings, plugin


async def test_the_path_of_jobs_is_where_programs_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "bin" / "own"
    own.parent.mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setenv("PATH", f"{own.parent}:{os.environ['PATH']}")
    settings = LocalSettings(workdir=str(tmp_path / "work"))
    async with asyncio.timeout(40), plugin.connect(settings, SiteContext("here", "run", tmp_path / "state")) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        done = await site.done(site.task("sh", "-c", "echo $PATH"))
        absent = await Executables(connector).of(Command("own"))
        assert (absent.sha256, f"{absent.path}\n") == ("", done.outcome.stdout)
        own.write_text("#!/bin/sh\n")
        own.chmod(0o755)
        there = await Executables(connector).of(Command("own"))
        own.write_text("#!/bin/sh\nexit\n")
        assert there.sha256 and (await Executables(connector).of(Command("own"))).sha256 not in ("", there.sha256)
