"""Digests of data by address: on this machine and at a site they are the same, and they follow every change."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hyflow.connector import Argv, SiteContext
from hyflow.model.places import HERE, Replica
from hyflow.staging import digests as digests_module
from hyflow.staging import trees
from hyflow.staging.catalog import Catalog
from hyflow.staging.digests import Digest, Digests
from hyflow_shell import Settings, plugin


class Counting:
    """A site that counts the commands that it is asked to run."""

    def __init__(self, connector: Any) -> None:
        self.trips, self._connector = 0, connector

    def open(self, argv: Argv) -> Any:
        self.trips += 1
        return self._connector.open(argv)


@asynccontextmanager
async def far(tmp_path: Path) -> AsyncIterator[Counting]:
    settings = Settings(command=["sh", "-c"], workdir=str(tmp_path / "site"), poll=0.1)
    async with plugin.connect(settings, SiteContext("far", "run", tmp_path / "state")) as connector:
        yield Counting(connector)


def uri(path: Path, filesystem: str = HERE) -> str:
    return Replica(filesystem, str(path).lstrip("/")).uri


def laid(path: Path) -> tuple[Path, Path]:
    (path / "d" / "e").mkdir(parents=True)
    (path / "d" / "e" / "g\n\udcff").write_bytes(b"inner")
    (path / "f").write_bytes(b"text")
    for each in (path / "d" / "e" / "g\n\udcff", path / "f"):
        os.utime(each, (1, 1))
    return path / "f", path / "d"


def fake_age(monkeypatch: pytest.MonkeyPatch, path: Path, seconds: int = 100) -> None:
    """It is so long after the last change of what lies at the path."""
    later = path.stat().st_ctime_ns + seconds * 10**9
    monkeypatch.setattr("time.time_ns", lambda: later)


async def test_here_and_there_are_the_same(tmp_path: Path) -> None:
    file, folder = laid(tmp_path / "data")
    async with far(tmp_path) as site:
        digests = Digests(Catalog(), {"far": site}, None)
        here = await digests.of([uri(file), uri(folder)])
        there = await digests.of([uri(file, "far"), uri(folder, "far")])
    assert list(here.values()) == list(there.values())
    assert here[uri(file)] == Digest(hashlib.sha256(b"text").hexdigest(), 4)
    assert site.trips == 1


async def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    laid(tmp_path / "data")
    (tmp_path / "data" / "d" / "dangling").symlink_to("nothing")
    async with far(tmp_path) as site:
        digests = Digests(Catalog(), {"far": site}, None)
        asked = [uri(tmp_path / "data" / name, fs) for fs in (HERE, "far", "else") for name in ("f", "d", "none")]
        found = await digests.of([*asked, "http://example.org/x", "odd:x"])
    assert set(found) == {uri(tmp_path / "data" / "f"), uri(tmp_path / "data" / "f", "far")}


async def test_a_copy_that_lies_here_counts(tmp_path: Path) -> None:
    file, _ = laid(tmp_path)
    catalog = Catalog()
    catalog.add("http://example.org/f", Replica(HERE, str(file).lstrip("/")))
    assert set(await Digests(catalog, {}, None).of(["http://example.org/f"])) == {"http://example.org/f"}


async def test_what_is_known_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = laid(tmp_path)
    fake_age(monkeypatch, file)
    digests = Digests(Catalog(), {}, None)
    first = await digests.of([uri(file), uri(folder)])
    monkeypatch.setattr(trees, "read", None)
    assert await digests.of([uri(file), uri(folder)]) == first
    assert await digests.unchanged(first)


@pytest.mark.parametrize("old", [True, False])
async def test_every_change_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool) -> None:
    file, folder = laid(tmp_path)
    fake_age(monkeypatch, file, 100 if old else 1)
    digests = Digests(Catalog(), {}, None)
    first = await digests.of([uri(file), uri(folder)])
    await asyncio.sleep(0.02 if old else 0)  # a kernel's clock ticks every 4 to 10 ms; what is young is read again anyway
    file.write_bytes(b"Text")
    os.utime(file, (1, 1))
    assert not await digests.unchanged(first)
    assert await digests.unchanged({uri(folder): first[uri(folder)]})
    (folder / "e" / "new").touch()
    assert not await digests.unchanged({uri(folder): first[uri(folder)]})
    folder.rename(tmp_path / "gone")
    assert not await digests.unchanged({uri(folder): first[uri(folder)]})


async def test_at_a_site_what_is_known_is_looked_at(tmp_path: Path) -> None:
    file, folder = laid(tmp_path / "data")
    async with far(tmp_path) as site:
        digests = Digests(Catalog(), {"far": site}, None)
        asked = [uri(file, "far"), uri(folder, "far")]
        first = await digests.of(asked)
        assert await digests.of(asked) == first  # young: read again
        assert site.trips == 2
        await asyncio.sleep(3.1)
        assert await digests.of(asked) == await digests.of(asked) == first
        assert site.trips == 4
        file.write_bytes(b"Text")
        assert (await digests.of(asked))[asked[0]] == Digest(hashlib.sha256(b"Text").hexdigest(), 4)
        assert site.trips == 6


async def test_what_many_ask_at_the_same_time_is_one_round_trip(tmp_path: Path) -> None:
    top = tmp_path / "data"
    top.mkdir()
    for number in range(30):
        (top / str(number)).write_text(str(number))
    async with far(tmp_path) as site:
        digests = Digests(Catalog(), {"far": site}, None)
        asked = [uri(top / str(number), "far") for number in range(31)]
        found = await asyncio.gather(*(digests.of([each]) for each in asked))
        assert [list(each) for each in found] == [[each] for each in asked[:30]] + [[]]
        assert site.trips == 1


async def test_much_does_not_stop_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read on a thread."""
    file, _ = laid(tmp_path)
    monkeypatch.setattr(digests_module, "_QUICK", 1)
    used: list[object] = []
    plain = digests_module.asyncio.to_thread  # type: ignore[attr-defined]  # the module that it imports

    async def to_thread(*args: Any) -> Any:
        used.append(args)
        return await plain(*args)

    monkeypatch.setattr(digests_module.asyncio, "to_thread", to_thread)  # type: ignore[attr-defined]  # the module that it imports
    assert len(await Digests(Catalog(), {}, None).of([uri(file)])) == len(used) == 1


async def test_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = laid(tmp_path)
    said = Digest("said", 4)
    young, digests = Digests(Catalog(), {}, None), Digests(Catalog(), {}, None)
    fake_age(monkeypatch, file, 1)
    young.note({uri(file): said})
    fake_age(monkeypatch, file)
    digests.note({uri(file): said, uri(folder): said, uri(tmp_path / "none"): said, "odd:x": said})
    assert await digests.of([uri(file)]) == {uri(file): said}
    for other in (young, Digests(Catalog(), {}, None)):
        assert (await other.of([uri(file)]))[uri(file)] == Digest(hashlib.sha256(b"text").hexdigest(), 4)
    digests.note({uri(file): Digest("wrong size", 5)})
    assert await digests.of([uri(file)]) == {uri(file): said}
