"""Questions about files and streams of files, asked of a real shell; every name is hostile."""

import asyncio
import hashlib
import io
import os
import posixpath
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hyflow.connector import Connector, SiteContext
from hyflow.errors import SiteError
from hyflow.model.facts import CONTENTS_LIMIT, Found
from hyflow.shell import files
from hyflow.testing import HOSTILE
from hyflow_shell import Settings, plugin


@pytest.fixture(params=[["sh", "-c"], ["bash", "-c"]], ids=" ".join)
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connector]:
    connection = plugin.connect(Settings(command=request.param, workdir=str(tmp_path / "site")), SiteContext("there", "run", tmp_path))
    async with connection as connector:
        yield connector


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "d").mkdir(parents=True)
    for name in HOSTILE:
        (root / "d" / name).write_bytes(os.fsencode(name))
    return root


async def test_facts_in_one_round_trip(site: Connector, data: Path) -> None:
    paths = [str(data / "d" / name) for name in HOSTILE]
    nothing = str(data / "nothing")
    stats, contents, listings, sums = await files.facts(
        site, stats=[*paths, str(data), nothing], contents=[*paths, nothing],
        listings=[(str(data), True), (str(data), False), (nothing, True)], sums=[*paths, nothing])
    sizes = {name: Found("f", len(os.fsencode(name))) for name in HOSTILE}
    assert stats == {**{str(data / "d" / name): size for name, size in sizes.items()}, str(data): Found("d"), nothing: None}
    assert contents == {**{str(data / "d" / name): os.fsencode(name) for name in HOSTILE}, nothing: None}
    deep = [("d", Found("d")), *((f"d/{name}", size) for name, size in sizes.items())]
    assert listings[str(data), True] == tuple(sorted(deep, key=lambda entry: os.fsencode(entry[0])))
    assert listings[str(data), False] == (("d", Found("d")),) and listings[nothing, True] is None
    assert sums[nothing] is None
    assert [sums[path] for path in paths] == [hashlib.sha1(os.fsencode(name)).hexdigest() for name in HOSTILE]  # noqa: S324 - CWL's own


async def test_contents_are_bounded(site: Connector, data: Path) -> None:
    (data / "big").write_bytes(bytes(range(256)) * 1024)
    [found] = (await files.contents_many(site, [str(data / "big")])).values()
    assert found == (bytes(range(256)) * 1024)[:CONTENTS_LIMIT + 1]


async def test_thousands_of_names_are_asked_for_while_the_answers_already_come(site: Connector, data: Path) -> None:
    (data / "many").mkdir()
    names = [f"many/{number:0200}" for number in range(1500)]
    for name in names:
        (data / name).write_text(name)
    async with asyncio.timeout(30):
        stream = b"".join([block async for block in files.pull(site, str(data), names)])
    with tarfile.open(fileobj=io.BytesIO(stream), ignore_zeros=True) as archive:
        assert sorted(posixpath.normpath(name) for name in archive.getnames()) == names


async def test_pull_and_push(site: Connector, data: Path, tmp_path: Path) -> None:
    stream = b"".join([block async for block in files.pull(site, str(data), ["d"])])
    digests = {f"d/{name}": hashlib.sha256(os.fsencode(name)).hexdigest() for name in HOSTILE}
    assert await files.sha256_trees(site, str(data), ["d"]) == digests

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, len(stream), 1000):
            yield stream[start:start + 1000]

    target = tmp_path / "new dir'$x" / "copy"
    await files.push(site, str(target), source(), digests)
    assert {entry.name: entry.read_bytes() for entry in (target / "d").iterdir()} == {name: os.fsencode(name) for name in HOSTILE}
    with pytest.raises(SiteError, match="damaged"):
        await files.push(site, str(tmp_path / "other"), source(), {**digests, "d/-rf": "0" * 64})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("other")]
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        assert len(tar.getmembers()) == len(HOSTILE) + 1


async def test_remove_follows_no_link(site: Connector, data: Path) -> None:
    (data / "link").symlink_to(data / "d")
    (data / "tree").mkdir()
    (data / "tree" / "to").symlink_to(data / "d")
    await files.remove(site, [f"{data}/link/", f"{data}/tree", f"{data}/nothing"])
    assert [path.name for path in data.iterdir()] == ["d"] and len(list((data / "d").iterdir())) == len(HOSTILE)
    with pytest.raises(ValueError, match="refusing"):
        await files.remove(site, ["//"])
