"""Data between this machine and two that are reached through a shell: where it lands, how often it moves, and who hears of failures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hyflow.connector import SiteContext
from hyflow.errors import SiteError
from hyflow.model.facts import Checksum, Contents, Fact, Found, Listing, Localize, Stat
from hyflow.model.places import HERE, Location, Replica
from hyflow.shell.site import ShellSite
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import FarFiles, Files, HereFiles
from hyflow.staging.move import Mover, landings
from hyflow.testing import HOSTILE, FakeConnector, FakeSite
from hyflow_shell import Settings, plugin

BOX = Location("box", "", HERE, "/work", {HERE: "/"})


class Counting(FarFiles):
    """Far files that tell what went each way."""

    def __init__(self, connector: ShellSite) -> None:
        super().__init__(connector)
        self.moves: list[tuple[str, int]] = []

    async def receive(self, directory: str, items: Mapping[str, str]) -> None:
        self.moves.append(("receive", len(items)))
        await super().receive(directory, items)

    async def send(self, items: Mapping[str, str]) -> None:
        self.moves.append(("send", len(items)))
        await super().send(items)


@dataclass
class World:
    """This machine and the sites `one` and `two`, each in a directory of its own."""

    mover: Mover
    places: dict[str, Location]
    far: dict[str, Counting]
    top: Path
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.top / "home"
        self.home.mkdir()

    def here(self, name: str, data: bytes = b"here") -> str:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return Replica(HERE, str(path).lstrip("/")).uri

    def there(self, site: str, name: str, data: bytes = b"there") -> str:
        path = self.top / site / "born" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return Replica(site, str(path).lstrip("/")).uri

    async def get(self, site: str, *uris: str) -> dict[str, str]:
        async with asyncio.timeout(20):
            return await self.mover.localize(uris, self.places[site])


@asynccontextmanager
async def world(top: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        far: dict[str, Counting] = {}
        places = {HERE: BOX}
        for name in ("one", "two"):
            connected = plugin.connect(Settings(command=["sh", "-c"], workdir=str(top / name)), SiteContext(name, "run", top))
            connector = await stack.enter_async_context(connected)
            assert isinstance(connector, ShellSite)
            far[name] = Counting(connector)
            [places[name]] = await connector.locations()
        files: dict[str, Files] = {HERE: HereFiles(), **far}
        yield World(Mover(files, landings("run", places.values(), top / "own"), Catalog()), places, far, top)


async def test_landings_are_the_run_s_own(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        assert landings("r", it.places.values(), Path("/own")) == {
            HERE: "/own/data", "one": f"{tmp_path}/one/r/data", "two": f"{tmp_path}/two/r/data",
        }  # fmt: skip


async def test_here_to_far_with_every_name(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uris = {it.here(f"d/{name}", os.fsencode(name)): name for name in HOSTILE}
        paths = await it.get("one", *uris)
        assert {uri: Path(path).read_bytes() for uri, path in paths.items()} == {uri: os.fsencode(name) for uri, name in uris.items()}
        assert all(path.startswith(f"{tmp_path}/one/run/data/") for path in paths.values())
        assert await it.get("one", *uris) == paths
        assert it.far["one"].moves == [("receive", len(uris))]


async def test_directories_move_whole_both_ways(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        for name in HOSTILE:
            it.here(f"tree/deep/{name}", os.fsencode(name))
        (it.home / "tree" / "empty").mkdir()
        (it.home / "tree" / "link").symlink_to("deep")
        tree = it.here("tree/file").rpartition("/")[0]
        [path] = (await it.get("one", tree)).values()
        assert all({*os.listdir(os.path.join(path, name))} == {*HOSTILE} for name in ("deep", "link"))
        assert Path(path, "empty").is_dir() and not Path(path, "link").is_symlink()
        back = Replica("one", path.lstrip("/")).uri
        [again] = (await it.get(HERE, back)).values()
        assert {child.name: child.read_bytes() for child in Path(again, "deep").iterdir()} == {name: os.fsencode(name) for name in HOSTILE}
        assert Path(again, "empty").is_dir()


async def test_names_of_one_file_become_files_of_their_own(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        tree = it.there("one", "tree/a", b"same").rpartition("/")[0]
        os.link(tmp_path / "one" / "born" / "tree" / "a", tmp_path / "one" / "born" / "tree" / "b")
        [path] = (await it.get(HERE, tree)).values()
        found = {child.name: (child.read_bytes(), child.stat().st_nlink) for child in Path(path).iterdir()}
        assert found == {"a": (b"same", 1), "b": (b"same", 1)}


async def test_far_to_here_with_every_name(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uris = {it.there("one", name, os.fsencode(name)): name for name in HOSTILE}
        paths = await it.get(HERE, *uris)
        assert {uri: Path(path).read_bytes() for uri, path in paths.items()} == {uri: os.fsencode(name) for uri, name in uris.items()}
        assert it.far["one"].moves == [("send", len(uris))]
        assert not list((tmp_path / "own").rglob("*.part"))


async def test_far_to_far_passes_through_here_once(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uri = it.there("one", "x")
        there, again, here = await asyncio.gather(it.get("two", uri), it.get("two", uri), it.get(HERE, uri))
        assert there == again
        assert Path(there[uri]).read_bytes() == Path(here[uri]).read_bytes() == b"there"
        assert (it.far["one"].moves, it.far["two"].moves) == ([("send", 1)], [("receive", 1)])


async def test_what_many_ask_for_moves_once(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uris = [it.here(f"f{number}") for number in range(6)]
        answers = await asyncio.gather(*(it.get("one", *uris[: 1 + number % 6]) for number in range(20, 0, -1)))
        assert len({answer[uris[0]] for answer in answers}) == 1
        assert sum(count for _, count in it.far["one"].moves) == 6


async def test_what_is_at_the_place_does_not_move(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uri = it.there("one", "x")
        assert (await it.get("one", uri))[uri] == f"{tmp_path}/one/born/x"
        (it.home / "link").symlink_to(it.home / "target")
        it.here("target")
        link = Replica(HERE, f"{it.home}/link".lstrip("/")).uri
        assert await it.get(HERE, link) == {link: f"{it.home}/target"}
        assert it.far["one"].moves == []


async def test_a_failure_wakes_all_and_spares_who_did_not_ask_for_what_failed(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        good, bad = it.here("good"), it.here("bad")
        (it.home / "bad").unlink()
        both, alone, other = await asyncio.gather(
            it.get("one", good, bad), it.get("one", good), it.get("one", bad), return_exceptions=True
        )
        assert isinstance(both, SiteError) and "bad" in str(both)
        assert isinstance(other, SiteError)
        assert isinstance(alone, dict) and Path(alone[good]).read_bytes() == b"here"


@pytest.mark.parametrize("site", [HERE, "two"])
async def test_what_is_missing_at_a_site_is_said(tmp_path: Path, site: str) -> None:
    async with world(tmp_path) as it:
        with pytest.raises(SiteError, match="gone"):
            await it.get(site, f"site://one{tmp_path}/one/gone")
        assert not list((tmp_path / "own").rglob("*.part"))


async def test_a_file_system_that_nobody_sees_is_named(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        with pytest.raises(SiteError, match=r"'mars'.*known: local, one, two"):
            await it.get(HERE, "site://mars/x")
        with pytest.raises(SiteError, match="'mars'"):
            await it.mover.answer([Stat("site://mars/x")])


async def test_facts_are_found_wherever_the_data_lies(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        for uri in (it.here("d/x", b"abc"), it.there("one", "d/x", b"abc")):
            d = uri.rpartition("/")[0]
            facts: list[Fact] = [Stat(uri), Stat(d), Stat(uri + "y"), Contents(uri), Listing(d, True), Checksum(uri)]
            assert await it.mover.answer(facts) == {
                Stat(uri): Found("f", 3), Stat(d): Found("d"), Stat(uri + "y"): None, Contents(uri): b"abc",
                Listing(d, True): (("x", Found("f", 3)),), Checksum(uri): "a9993e364706816aba3e25717850c26c9cd0d89d",
            }  # fmt: skip
            for fact in (Contents(uri + "y"), Listing(uri, False), Checksum(uri + "y")):
                with pytest.raises(SiteError, match="cannot be read"):
                    await it.mover.answer([fact])
            assert str((await it.mover.answer([Localize(uri)]))[Localize(uri)]).endswith("/d/x")


async def test_very_many_paths_are_looked_up_beside_the_loop(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        (it.home / "real").mkdir()
        (it.home / "folder").symlink_to("real")
        uris = [it.here(f"folder/{number}") for number in range(3000)]
        (it.home / "real" / "link").symlink_to("7")
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        link = f"file://{it.home}/folder/link"
        paths = await it.get(HERE, *uris, link)
        counting.cancel()
        assert paths == {uri: f"{it.home}/real/{number}" for number, uri in enumerate(uris)} | {link: f"{it.home}/real/7"}
        assert turns >= 3


async def test_who_leaves_does_not_stop_the_others(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uri = it.here("large", os.urandom(8 << 20))
        first, second = (asyncio.create_task(it.get("one", uri)) for _ in range(2))
        await asyncio.sleep(0.02)
        first.cancel()
        assert Path((await second)[uri]).stat().st_size == 8 << 20
        assert it.far["one"].moves == [("receive", 1)]


async def test_a_copy_for_nobody_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        uri = it.here("large", bytes(64 << 20))
        work = asyncio.create_task(it.get("one", uri))
        await asyncio.sleep(0.1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        async with asyncio.timeout(10):
            while any("moving" in task.get_name() for task in asyncio.all_tasks()):  # noqa: ASYNC110  # nobody holds it any more
                await asyncio.sleep(0.02)
        assert not list((tmp_path / "one" / "run").rglob("*large*"))
        assert Path((await it.get("one", uri))[uri]).stat().st_size == 64 << 20


async def test_damage_on_the_way_here_is_seen(tmp_path: Path) -> None:
    """A site whose stream does not hold what it says that its files are."""
    site = FakeSite(answer=lambda argv, stdin: (0, b"0" * 64 + b"  .//x/y\n" if b"sha256" in stdin else bytes(10240), b""))
    async with FakeConnector(site) as connector, asyncio.timeout(10):
        with pytest.raises(SiteError, match="arrived damaged"):
            await FarFiles(connector).send({"/x/y": str(tmp_path / "y")})
