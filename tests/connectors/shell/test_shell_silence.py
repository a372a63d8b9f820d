"""A machine that freezes, lies or lets go in the middle: every wait for it has an end, and what it says is doubted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from hyflow.connector import Done, Lost, SiteContext
from hyflow.errors import SiteError
from hyflow.model.jobs import FailureClass, Key
from hyflow.shell import files, markers, trips
from hyflow.shell.outcome import parse_outcome
from hyflow.shell.site import ShellSite
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings, plugin


def connect(tmp_path: Path, command: list[str], **settings: object) -> ShellSite:
    chosen = Settings(command=command, workdir=str(tmp_path / "site"), **settings)  # type: ignore[arg-type]  # as in a file
    found = plugin.connect(chosen, SiteContext("there", "run", tmp_path))
    assert isinstance(found, ShellSite)
    return found


def freezing(tmp_path: Path) -> tuple[list[str], Path]:
    """A command that answers no more once the file is there."""
    file = tmp_path / "frozen"
    return ["sh", "-c", f'[ ! -e {file} ] || exec sleep 600; exec sh -c "$1"', "sh"], file


async def nothing() -> AsyncIterator[bytes]:
    """A stream that never gives anything."""
    await asyncio.sleep(600)
    yield b""


async def test_nothing_waits_for_ever_for_a_machine_that_is_silent(tmp_path: Path) -> None:
    command, frozen = freezing(tmp_path)
    async with asyncio.timeout(30), connect(tmp_path, command, patience=0.4) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        [ticket] = (await site.submit(site.task("sleep", "0.1"))).values()
        frozen.touch()
        asked = [
            site.submit(site.task("true")), connector.cancel([ticket]), connector.find([Key("x")]), connector.forget([ticket]),
            files.facts(connector, stats=["/"]), files.remove(connector, [f"{tmp_path}/nothing"]), pulled(connector, tmp_path),
            files.sha256_trees(connector, "/", ["etc"]),
        ]  # fmt: skip
        began = time.monotonic()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert time.monotonic() - began < 8
        assert [str(answer).splitlines()[0] for answer in answers] == ["the site gives no answer: nothing has moved for 0.4 seconds"] * 8
        assert all(isinstance(answer, SiteError) and answer.transient for answer in answers)
        frozen.unlink()


async def pulled(connector: ShellSite, tmp_path: Path) -> None:
    async with aclosing(files.pull(connector, str(tmp_path), ["x"])) as stream:
        async for _ in stream:
            pass


async def test_who_works_in_silence_is_not_taken_for_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trips, "_ALIVE", trips._ALIVE.replace("sleep 10", "sleep 0.1"))
    async with asyncio.timeout(30), connect(tmp_path, ["sh", "-c"], patience=0.5) as connector:
        assert await trips.trip(connector, ("sh", "-c", "sleep 1.5; cat"), b"heard", what="a long one", long=True) == b"heard"
        with pytest.raises(SiteError, match=r"^a long one failed with exit status 3: words$"):
            await trips.trip(connector, ("sh", "-c", "sleep 0.4; echo words >&2; exit 3"), what="a long one", long=True)
        with pytest.raises(SiteError, match="nothing has moved"):
            await trips.trip(connector, ("sleep", "1.5"), what="a short one")


async def test_a_copy_that_is_given_up_does_not_hold_up_who_gives_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CLEANING", 0.2)
    command, frozen = freezing(tmp_path)
    async with asyncio.timeout(30), connect(tmp_path, command) as connector:
        copy = asyncio.create_task(files.push(connector, f"{tmp_path}/there", nothing(), {}))
        await asyncio.sleep(0.3)
        frozen.touch()
        copy.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await copy
        assert time.monotonic() - began < 6
        frozen.unlink()


async def test_many_are_ended_in_one_round_trip(tmp_path: Path) -> None:
    """As quickly as one, or nearly so: their processes are looked for all at once."""
    log = tmp_path / "log"
    command = ["sh", "-c", f'echo >>{log}; exec sh -c "$1"', "sh"]
    async with asyncio.timeout(60), connect(tmp_path, command, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        tasks = [site.task("sh", "-c", "trap '' TERM; sleep 300 & setsid sleep 300") for _ in range(40)]
        tickets = await site.submit(*tasks)
        await site.sh('cd "$1" && until [ $(ls -d */claim/command | wc -l) = 40 ]; do sleep 0.1; done', f"{tmp_path}/site/.attempts")
        connector._watcher._poll = 60
        await asyncio.sleep(0.2)
        before, began = len(log.read_text()), time.monotonic()
        await connector.cancel(list(tickets.values()))
        assert len(log.read_text()) - before <= 3  # and one or two looks meanwhile
        assert time.monotonic() - began < 15
        connector._watcher._poll = 0.1
        ends = await site.ends(tickets.values())
        assert {end.kind for end in ends.values() if isinstance(end, Lost)} == {FailureClass.CANCELLED} and len(ends) == 40
        for cwd in [Path("/proc", number, "cwd") for number in os.listdir("/proc") if number.isdigit()]:
            with contextlib.suppress(OSError):
                assert not os.readlink(cwd).startswith(f"{tmp_path}/site/suite"), cwd


def bsd_stat(tmp_path: Path) -> list[str]:
    """A command whose stat knows the options of BSD and macOS alone."""
    tools = tmp_path / "tools"
    tools.mkdir()
    script = '#!/bin/sh\nlinks=\ncase $1 in -L) links=-L; shift ;; esac\ncase $1 in -f) ;; *) echo "usage: stat -f" >&2; exit 1 ;; esac\n'
    script += '[ "$2" = "%Xp %z %N///" ] || exit 1\nshift 2\nexec /usr/bin/stat $links -c "%f %s %n///" "$@"\n'
    (tools / "stat").write_text(script)
    (tools / "stat").chmod(0o700)
    return ["sh", "-c", f'PATH={tools}:$PATH; export PATH; eval "$1"', "sh"]


async def test_facts_where_stat_is_that_of_bsd(tmp_path: Path) -> None:
    (tmp_path / "a b").write_text("1234")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "line\nbreak").write_text("1")
    async with asyncio.timeout(30), connect(tmp_path, bsd_stat(tmp_path)) as connector:
        found = await files.stat_many(connector, [f"{tmp_path}/a b", f"{tmp_path}/folder", f"{tmp_path}/nothing"])
        assert [(one.kind, one.size) if one else None for one in found.values()] == [("f", 4), ("d", 0), None]
        held = await files.listing(connector, f"{tmp_path}/folder", deep=True)
        assert held is not None and [(name, one.size) for name, one in held] == [("line\nbreak", 1)]


@pytest.mark.parametrize("first", [
    "code ² 1 2 h", "code 9999999999 1 2 h", "code", "signal -3 1 2 h", "", "code 1e5 1 2 h", "\udcff", "code " + "1" * 5000,
])  # fmt: skip
def test_a_record_that_is_none(first: str) -> None:
    found = parse_outcome({"exit": os.fsencode(first)})
    assert isinstance(found, Done) and found.outcome.trouble is not None and "cannot be read" in found.outcome.trouble


@pytest.mark.parametrize("parts", [
    {"patterns": b"1\0", "matches": b"\0"}, {"patterns": b"\0", "matches": b"\0"}, {"tree": b"81a4 " + b"9" * 5000 + b" x///\n"},
    {"tree": b"f" * 5000 + b" 1 x///\n"}, {"good": b"x\0"}, {"patterns": b"11*\0"},
])  # fmt: skip
def test_a_manifest_that_is_none(parts: dict[str, bytes]) -> None:
    found = parse_outcome({"exit": b"code 0 1 2 h\n", **parts})
    assert isinstance(found, Done) and found.outcome.trouble is not None and "damaged" in found.outcome.trouble


@pytest.mark.parametrize("times", [b"x\n1m2.3.4s 1m1s", b"x\n" + b"9" * 5000 + b"m1s 1m1s", b"x\n1m,s 1m.s", b"\xff\n\xff"])
def test_times_that_are_none(times: bytes) -> None:
    found = parse_outcome({"exit": b"code 0 9999999999999999999999 nan h\n", "cpu0": times, "cpu1": times})
    assert isinstance(found, Done) and found.outcome.usage is not None and found.outcome.usage.cpu is None
    assert 0 <= found.outcome.usage.wall < 1e13


@pytest.mark.parametrize("answer", [
    b"E\n\n", b"\xff\n\n", b"E key\n\n5 key/exit\n\n", b"E k\n\nx\n\n", b"E k\n\n" + b"9" * 5000 + b" k/x\n\n",
])  # fmt: skip
def test_marks_that_are_none(answer: bytes) -> None:
    with pytest.raises(SiteError):
        markers.parse_marks(answer)


async def test_an_answer_about_files_that_is_none(tmp_path: Path) -> None:
    lying = tmp_path / "lying"
    lying.mkdir()
    (lying / "stat").write_text("#!/bin/sh\necho nonsense\n")
    (lying / "stat").chmod(stat.S_IRWXU)
    async with asyncio.timeout(30), connect(tmp_path, ["sh", "-c", f'PATH={lying}:$PATH; export PATH; eval "$1"', "sh"]) as connector:
        with pytest.raises(SiteError, match="the answer about files cannot be read"):
            await files.stat_many(connector, ["/"])


