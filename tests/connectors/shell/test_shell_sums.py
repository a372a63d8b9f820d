"""Checksums at a site, under every shell: of files and trees with odd names, in one round trip."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from makeshift import there

from hyflow.model.tasks import EntryKind
from hyflow.shell.sums import sums
from hyflow.testing import HOSTILE


async def test_files_and_trees(tmp_path: Path, tools: str) -> None:
    top = tmp_path / "data"
    (top / "d" / "empty").mkdir(parents=True)
    for name in HOSTILE:
        (top / "d" / name).write_bytes(os.fsencode(name))
    (top / "link").symlink_to("d")
    names = {name: hashlib.sha256(os.fsencode(name)).hexdigest() for name in HOSTILE}
    async with there(tmp_path, tools) as site:
        paths = [str(top / "d"), str(top / "link"), *(str(top / "d" / name) for name in HOSTILE)]
        found = await sums(site.connector, paths)
    assert found.keys() == set(paths)
    assert found[str(top / "d")].sums == found[str(top / "link")].sums == names
    assert found[str(top / "d")].kinds["empty"] == (EntryKind.DIRECTORY, 0)
    assert {name: found[str(top / "d" / name)].sums[""] for name in HOSTILE} == names


async def test_what_cannot_be_told_is_left_out(tmp_path: Path, tools: str) -> None:
    for name in ("dangling", "fifo", "fine"):
        (tmp_path / name).mkdir()
    (tmp_path / "dangling" / "l").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo" / "f")
    (tmp_path / "file").write_bytes(b"x")
    async with there(tmp_path, tools) as site:
        for odd in ("dangling", "fifo", "none"):
            found = await sums(site.connector, [str(tmp_path / odd), str(tmp_path / "file")])
            assert found.keys() == {str(tmp_path / "file")}
        asked = [str(tmp_path / name) for name in ("dangling", "none", "fine")]  # what cannot be told keeps nothing else from it
        assert (await sums(site.connector, asked)).keys() == {str(tmp_path / "fine")}
        assert await sums(site.connector, []) == {}


async def test_without_reading(tmp_path: Path, tools: str) -> None:
    """What is only looked at has its seal, and no sums."""
    (tmp_path / "a").write_bytes(b"x")
    async with there(tmp_path, tools) as site:
        read = await sums(site.connector, [str(tmp_path / "a")])
        looked = await sums(site.connector, [], [str(tmp_path / "a")])
        assert looked[str(tmp_path / "a")].sums == {}
        assert looked[str(tmp_path / "a")].seal == read[str(tmp_path / "a")].seal
        (tmp_path / "a").write_bytes(b"xy")
        assert (await sums(site.connector, [], [str(tmp_path / "a")]))[str(tmp_path / "a")].seal != read[str(tmp_path / "a")].seal
