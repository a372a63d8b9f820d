"""This machine's files: what is told of them, and removing trees without leaving them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from hyflow.errors import SiteError
from hyflow.model.facts import CONTENTS_LIMIT, Checksum, Contents, Fact, Found, Listing, Stat
from hyflow.staging import here
from hyflow.staging.files import HereFiles
from hyflow.testing import HOSTILE


async def test_answers(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f").write_bytes(b"x" * (CONTENTS_LIMIT + 10))
    f = str(tmp_path / "d" / "e" / "f")
    facts: dict[Fact, str] = {Stat("f"): f, Stat("d"): str(tmp_path / "d"), Stat("n"): str(tmp_path / "n"), Contents("f"): f}
    assert await HereFiles().answer(facts) == {
        Stat("f"): Found("f", CONTENTS_LIMIT + 10), Stat("d"): Found("d"), Stat("n"): None, Contents("f"): b"x" * (CONTENTS_LIMIT + 1),
    }  # fmt: skip
    more: dict[Fact, str] = {Listing("d", False): str(tmp_path / "d"), Listing("d", True): str(tmp_path / "d"), Checksum("f"): f}
    assert await HereFiles().answer(more) == {
        Listing("d", False): (("e", Found("d")),),
        Listing("d", True): (("e", Found("d")), ("e/f", Found("f", CONTENTS_LIMIT + 10))),
        Checksum("f"): hashlib.sha1(b"x" * (CONTENTS_LIMIT + 10), usedforsecurity=False).hexdigest(),
    }


async def test_very_many_questions_do_not_stop_the_loop(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    facts: dict[Fact, str] = {Stat(str(number)): f"{tmp_path}/f" for number in range(5000)}
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert set((await HereFiles().answer(facts)).values()) == {Found("f", 1)}
    assert turns >= 5
    counting.cancel()


@pytest.mark.parametrize("fact", [Contents("x"), Listing("x", False), Checksum("x")])
async def test_what_is_not_there_is_named(fact: Fact, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="not there"):
        await HereFiles().answer({fact: str(tmp_path / "not there")})


async def test_a_fifo_is_neither_file_nor_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    async with asyncio.timeout(5):
        assert await HereFiles().answer({Stat("x"): str(tmp_path / "fifo")}) == {Stat("x"): None}
        assert here.listing(str(tmp_path), True) == ()


def test_listings_have_hostile_names_and_no_circles(tmp_path: Path) -> None:
    for name in HOSTILE:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "dangling").symlink_to("nowhere")
    names = [name for name, _ in here.listing(str(tmp_path), True)]
    assert sorted(names, key=os.fsencode) == names
    assert {*HOSTILE, "loop"} == {*names}


def test_removing_follows_no_link_and_stops_at_no_lock(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "f").write_bytes(b"")
    tree = tmp_path / "tree"
    (tree / "locked" / "in").mkdir(parents=True)
    (tree / "locked" / "in" / "f").write_bytes(b"")
    (tree / "locked" / "link").symlink_to(keep)
    (tree / "locked").chmod(0)
    here.remove(str(tree))
    here.remove(str(tree))
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]
    (tmp_path / "link").symlink_to(keep)
    here.remove(str(tmp_path / "link"))
    assert (keep / "f").exists()
