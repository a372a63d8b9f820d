"""Who speaks SSH where the deployment file leaves it open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import afar
import pytest
from commandline import until

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh.auto import Auto
from hyflow_ssh.library import LibraryLink
from hyflow_ssh.program import Program, ProgramLink
from hyflow_ssh.target import Target, target


@pytest.fixture(autouse=True)
def home() -> Iterator[Path]:
    with afar.short_home() as made:
        yield made


def at(host: str = "cluster") -> Target:
    return target(afar.settings(), host)


async def test_asyncssh_where_keys_do(home: Path) -> None:
    auto = Auto(at())
    for _ in range(2):
        link = await auto.connect()
        assert isinstance(link, LibraryLink) and afar.masters(home) == []
        await link.close()


async def test_ssh_where_somebody_is_logged_in_already_and_again_when_that_is_lost(home: Path) -> None:
    before = await Program(at()).connect()
    auto = Auto(at())
    link = await auto.connect()
    assert isinstance(link, ProgramLink) and len(afar.masters(home)) == 1
    await link.close()
    await before.close()
    until(lambda: not afar.masters(home))
    again = await auto.connect()
    assert isinstance(again, ProgramLink)
    await again.close()


async def test_ssh_once_where_keys_do_not_do(home: Path) -> None:
    """Nobody is there to be asked: what is told is what ssh says."""
    auto = Auto(at("quentin"))
    with pytest.raises(SiteError, match="ssh is not let in at quentin without a question"):
        await auto.connect()


async def test_without_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SiteError, match="quentin does not let you in with the keys that were tried") as told:
        await Auto(at("quentin")).connect()
    assert told.value.hint is not None and "install OpenSSH's client" in told.value.hint
    link = await Auto(at()).connect()
    await link.close()


async def test_the_program_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SiteError, match="ssh cannot be run: No such file or directory") as told:
        await Program(at()).connect()
    assert not told.value.transient


async def test_a_host_that_does_not_answer_is_tried_by_one_alone(tmp_path: Path) -> None:
    config = afar.configured(tmp_path, "none", "Host nowhere", "HostName 127.0.0.1", "Port 1")
    with pytest.raises(Unreachable):
        await Auto(target(afar.settings(config=config), "nowhere")).connect()
