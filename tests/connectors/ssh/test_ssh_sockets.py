"""The control sockets lie where nobody else can come, under names that a socket can have."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyflow.errors import SiteError
from hyflow_ssh.sockets import alone, directory, serves


@pytest.fixture
def top() -> Iterator[Path]:
    """Its name is short."""
    with tempfile.TemporaryDirectory(prefix="hf-") as place:
        yield Path(place)


@pytest.fixture
def home(top: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYFLOW_HOME", str(top / "h"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(top / "t"))
    return top / "h"


def test_it_is_made(home: Path) -> None:
    assert directory() == home / "ssh"
    assert (home / "ssh").stat().st_mode & 0o777 == 0o700 and list((home / "ssh").iterdir()) == []
    assert directory() == home / "ssh"


def test_one_that_others_can_enter_is_passed_over(home: Path, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "ssh").mkdir(parents=True)
    (home / "ssh").chmod(0o755)
    assert directory() == top / "t" / f"hyflow-{os.getuid()}"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(top / "r"))
    assert directory() == top / "r/hyflow"


def test_links_are_not_followed(home: Path, top: Path) -> None:
    home.mkdir()
    (top / "mine").mkdir(0o700)
    (home / "ssh").symlink_to(top / "mine")
    assert directory() == top / "t" / f"hyflow-{os.getuid()}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_one_of_another_user_is_passed_over(top: Path) -> None:
    (top / "x").mkdir(0o700)
    os.chown(top / "x", 1, 1)
    assert not serves(top / "x")


def test_names_that_ssh_would_not_take(top: Path) -> None:
    assert not serves(top / ("x" * 80)) and not serves(top / "%h")


def test_there_may_be_none(home: Path, top: Path) -> None:
    for place in (home, top / "t"):
        place.write_text("")
    with pytest.raises(SiteError, match="there is no place for the socket of a shared connection of ssh"):
        directory()


async def test_one_at_a_time(top: Path) -> None:
    inside: list[int] = []

    async def enter(number: int) -> None:
        async with alone(top / "socket"):
            inside.append(number)
            await asyncio.sleep(0)
            assert inside[-1] == number

    await asyncio.gather(*map(enter, range(3)))
    assert sorted(inside) == [0, 1, 2]
