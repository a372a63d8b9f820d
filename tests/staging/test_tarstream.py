"""Trees as streams: what goes in comes out, whatever its names; who lies or fails is told of, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import socket
import tarfile
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyflow.errors import SiteError
from hyflow.staging.tarstream import CHUNK, Digests, pack, unpack
from hyflow.testing import HOSTILE

NAMES = st.binary(min_size=1, max_size=30).filter(lambda name: not {0, 47} & {*name} and name not in (b".", b"..")).map(os.fsdecode)
TREES = st.recursive(
    st.binary(max_size=600) | st.just(b""), lambda inner: st.dictionaries(NAMES | st.sampled_from(HOSTILE), inner, max_size=4), max_leaves=8
)
Tree = bytes | dict[str, "Tree"]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """No thread of ours goes on; those of executors have ended with their loop, or do so a moment after their work."""
    before = threading.active_count()
    yield
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.005)
    assert threading.active_count() <= before


def plant(tree: Tree, path: str) -> None:
    if isinstance(tree, bytes):
        with open(path, "wb") as file:
            file.write(tree)
        return
    os.mkdir(path)
    for name, child in tree.items():
        plant(child, os.path.join(path, name))


def grown(path: str) -> Tree:
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    return {name: grown(os.path.join(path, name)) for name in os.listdir(path)}


def sums(tree: Tree, name: str) -> Digests:
    if isinstance(tree, bytes):
        return {name: hashlib.sha256(tree).hexdigest()}
    return {path: digest for child, inner in tree.items() for path, digest in sums(inner, f"{name}/{child}").items()}


async def through(items: dict[str, str], targets: dict[str, str]) -> tuple[Digests, Digests]:
    sent: Digests = {}
    async with asyncio.timeout(20):
        arrived = await unpack(pack(items.items(), sent), targets)
    return sent, arrived


@given(TREES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_goes_in_comes_out(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as top:
        plant(tree, f"{top}/source")
        sent, arrived = asyncio.run(through({"0/name": f"{top}/source"}, {"0/name": f"{top}/copies/here"}))
        assert grown(f"{top}/copies/here") == tree
        assert sent == arrived == sums(tree, "0/name")


async def test_several_trees_travel_together_and_archives_may_follow_each_other(tmp_path: Path) -> None:
    plant({"a": b"1", "b": {"c": b"2"}}, f"{tmp_path}/one")
    plant(b"3", f"{tmp_path}/two")

    async def both() -> AsyncIterator[bytes]:
        for name in ("one", "two"):
            async for chunk in pack([(name, f"{tmp_path}/{name}")], {}):
                yield chunk

    await unpack(both(), {"one": f"{tmp_path}/x/1", "two": f"{tmp_path}/x/2"})
    assert grown(f"{tmp_path}/x") == {"1": {"a": b"1", "b": {"c": b"2"}}, "2": b"3"}


async def test_more_archives_than_threads_pass_at_once(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    plant({str(number): data for number in range(40)}, f"{tmp_path}/source")
    await asyncio.gather(*(through({"s": f"{tmp_path}/source/{number}"}, {"s": f"{tmp_path}/{number}"}) for number in range(40)))
    assert all((tmp_path / str(number)).read_bytes() == data for number in range(40))


async def test_links_are_followed_but_those_that_lead_to_nothing_or_up_again(tmp_path: Path) -> None:
    plant({"file": b"x", "dir": {"inner": b"y"}}, f"{tmp_path}/source")
    source = tmp_path / "source"
    (source / "link").symlink_to("file")
    (source / "dirlink").symlink_to("dir")
    (source / "dir" / "up").symlink_to("..")
    (source / "gone").symlink_to("/no/where")
    (source / "self").symlink_to("self")
    os.link(source / "file", source / "hard")
    packed = b"".join([chunk async for chunk in pack([("s", str(source))], {})])
    with tarfile.open(fileobj=io.BytesIO(packed)) as stream:
        stream.extractall(tmp_path / "copies", filter="fully_trusted")  # noqa: S202 - we have packed it ourselves
    copy = tmp_path / "copies" / "s"
    links = {str(path.relative_to(copy)): os.readlink(path) for path in copy.rglob("*") if path.is_symlink()}
    assert links == {"dir/up": "..", "dirlink/up": "..", "gone": "/no/where", "self": "self"}
    assert (copy / "link").read_bytes() == (copy / "hard").read_bytes() == b"x"
    assert (copy / "dirlink" / "inner").read_bytes() == b"y"


async def test_what_is_neither_file_nor_directory_is_passed_over(tmp_path: Path) -> None:
    plant({"file": b"x"}, f"{tmp_path}/source")
    os.mkfifo(tmp_path / "source" / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path / "source")
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        await through({"s": f"{tmp_path}/source"}, {"s": f"{tmp_path}/copy"})
    assert grown(f"{tmp_path}/copy") == {"file": b"x"}


async def test_a_large_file(tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 24
    plant(data, f"{tmp_path}/source")
    sent, arrived = await through({"s": f"{tmp_path}/source"}, {"s": f"{tmp_path}/copy"})
    assert sent == arrived == {"s": hashlib.sha256(data).hexdigest()}


async def test_modes_arrive_but_for_those_that_lend_rights(tmp_path: Path) -> None:
    plant({"a": b"", "b": b"", "c": {"d": b""}}, f"{tmp_path}/source")
    for name, mode in (("a", 0o640), ("b", 0o4755), ("c", 0o750), ("c/d", 0o400)):
        (tmp_path / "source" / name).chmod(mode)
    await through({"s": f"{tmp_path}/source"}, {"s": f"{tmp_path}/copy"})
    modes = [(tmp_path / "copy" / name).stat().st_mode & 0o7777 for name in ("a", "b", "c", "c/d")]
    assert modes == [0o640, 0o755, 0o750, 0o600]


# -- sites that lie ------------------------------------------------------------------------------------------------------------------


def archive(*members: tuple[str, Callable[[tarfile.TarInfo], None] | None, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, change, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if change is not None:
                change(info)
            made.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def of_type(kind: bytes, link: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = kind, link, 0

    return change


async def stream(data: bytes, size: int = 700) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


LIES = {
    "up": archive(("a/../../evil", None, b"x")),
    "only up": archive(("..", None, b"x")),
    "absolute": archive(("/etc/evil", None, b"x")),
    "unasked": archive(("b", None, b"x")),
    "beginning of a name": archive(("ab", None, b"x")),
    "empty name": archive((".", of_type(tarfile.DIRTYPE), b"")),
    "link": archive(("a", of_type(tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "link, then through it": archive(("a/x", of_type(tarfile.SYMTYPE, "/tmp"), b""), ("a/x/evil", None, b"x")),
    "hard link": archive(("a", of_type(tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "device": archive(("a", of_type(tarfile.CHRTYPE), b"")),
    "fifo": archive(("a", of_type(tarfile.FIFOTYPE), b"")),
    "twice": archive(("a/f", None, b"x"), ("a/f", None, b"y")),
    "a file as a directory": archive(("a", None, b"x"), ("a/f", None, b"y")),
    "NUL": archive(("a/x\0y\N{SNOWMAN}", None, b"x")),
    "nothing": b"",
    "cut short": archive(("a", None, b"x" * 3000))[:2000],
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_site_is_refused_and_writes_nothing_elsewhere(lie: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    async with asyncio.timeout(10):
        with pytest.raises(SiteError):
            await unpack(stream(LIES[lie]), {"a": str(tmp_path / "in" / "a")})
    assert sorted(os.listdir(tmp_path)) == ["in"]
    assert set(os.listdir(tmp_path / "in")) <= {"a"}
    assert not Path("/tmp/evil").exists() and not Path("/etc/evil").exists()


async def test_noise_is_no_file(tmp_path: Path) -> None:
    """What stands between archives is passed over; that something is missing is seen by who compares the checksums."""
    async with asyncio.timeout(10):
        assert await unpack(stream(b"x" * 3000), {"a": str(tmp_path / "a")}) == {}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_broken_streams_end_in_a_site_error_or_whole(data: st.DataObject) -> None:
    good = bytearray(archive(("a/é", None, b"1" * 700), ("a/" + "x" * 200, None, b"2" * 100)))
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=3)):
        good[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))

    async def take(top: str) -> None:
        async with asyncio.timeout(10):
            await unpack(stream(bytes(good[:cut])), {"a": f"{top}/in/a"})

    with tempfile.TemporaryDirectory() as top:
        with suppress(SiteError):
            asyncio.run(take(top))
        assert os.listdir(top) in ([], ["in"])


# -- who fails half-way --------------------------------------------------------------------------------------------------------------


async def endless() -> AsyncIterator[bytes]:
    yield archive(("a", None, b"x" * 5000))[:1024]
    while True:
        await asyncio.sleep(0)
        yield b"x" * CHUNK


async def test_a_receiver_that_fails_stops_the_sender(tmp_path: Path) -> None:
    closed = asyncio.Event()

    async def watched() -> AsyncIterator[bytes]:
        try:
            async with aclosing(endless()) as chunks:  # type: ignore[type-var]  # a generator
                async for chunk in chunks:
                    yield chunk
        finally:
            closed.set()

    async with asyncio.timeout(10):
        with pytest.raises(SiteError):
            await unpack(watched(), {"b": str(tmp_path / "b")})
    assert closed.is_set()


async def test_a_sender_that_fails_is_heard(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield archive(("a", None, b"x" * 5000))[:1024]
        raise SiteError("the line is dead", transient=True)

    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="the line is dead"):
            await unpack(failing(), {"a": str(tmp_path / "a")})


async def test_a_cancelled_receiver_lets_go(tmp_path: Path) -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield archive(("a", None, b"x" * 5000))[:1024]
        await asyncio.sleep(3600)

    async with asyncio.timeout(10):
        work = asyncio.create_task(unpack(silent(), {"a": str(tmp_path / "a")}))
        await asyncio.sleep(0.1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


async def test_a_reader_that_goes_away_stops_the_packing(tmp_path: Path) -> None:
    plant(b"x" * (40 * CHUNK), f"{tmp_path}/large")
    async with asyncio.timeout(10), aclosing(pack([("a", f"{tmp_path}/large")], {})) as chunks:
        async for _ in chunks:
            break


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="missing"):
            async for _ in pack([("a", f"{tmp_path}/missing")], {}):
                pass


async def test_a_file_that_shrinks_is_no_copy(tmp_path: Path) -> None:
    plant(b"x" * (60 * CHUNK), f"{tmp_path}/large")
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="changed"):
            async with aclosing(pack([("a", f"{tmp_path}/large")], {})) as chunks:
                async for _ in chunks:
                    os.truncate(tmp_path / "large", 10)
