"""A server that takes few sessions, falls silent or lets nobody in any more; commands that were given up: met without harm."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from commandline import until
from distant import at_work, impatient, sites_of_our_own
from sshlab import Site

from hyflow.connector import Pipe
from hyflow.errors import Unreachable
from hyflow_ssh import Settings, pool
from hyflow_ssh.reach import SshReach, reach


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sites_of_our_own(tmp_path_factory.mktemp("lab")) as site:
        yield site


@contextlib.asynccontextmanager
async def reached(site: Site, top: Path, **given: object) -> AsyncIterator[SshReach]:
    """The site; a connection that says nothing for two seconds is lost."""
    async with reach(Settings(host="cluster", config=impatient(site, top), transport="asyncssh", **given), "cluster") as way:  # type: ignore[arg-type]  # as in a file
        yield way


async def said(way: SshReach, line: str) -> str:
    async with way.open(line) as pipe:
        await pipe.close_input()
        heard = b""
        while block := await pipe.read():
            heard += block
        assert (await pipe.wait())[0] == 0
    return heard.decode()


def sessions(site: Site) -> int:
    """How many programs were started for ada's logins and run."""
    return len([line for line in site.steer("exec", "sh", "-c", "ps -u ada -o args= || :").splitlines() if "sshd: " not in line])


async def came(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    await asyncio.to_thread(until, condition, seconds)


@contextlib.contextmanager
def configured(site: Site, line: str) -> Iterator[None]:
    """The server has one more line of configuration meanwhile."""
    file = site.root / "etc/ssh/sshd_config"
    before = file.read_text()
    try:
        file.write_text(f"{line}\n{before}")
        restart(site)
        yield
    finally:
        file.write_text(before)
        restart(site)


def restart(site: Site) -> None:
    site.steer("kill-sshd")
    site.steer("start-sshd")


@pytest.mark.parametrize("most", [1, 2])
async def test_a_server_that_takes_few_sessions(site: Site, tmp_path: Path, most: int) -> None:
    """All get their turn."""
    with configured(site, f"MaxSessions {most}"):
        async with reached(site, tmp_path) as way:
            heard = await asyncio.gather(*(said(way, f"sleep 0.05; echo {number}") for number in range(20)))
        assert heard == [f"{number}\n" for number in range(20)]


async def test_what_is_given_up_is_ended_though_the_server_takes_few_sessions(site: Site, tmp_path: Path) -> None:
    with configured(site, "MaxSessions 4"):
        async with reached(site, tmp_path) as way:
            await given_up(way, 12)
            assert at_work(site) == []


async def test_many_that_are_given_up_at_once_are_ended_together(site: Site, tmp_path: Path) -> None:
    """Also those that heed no signal. Nothing else can be known to end them: they neither read nor write."""
    async with reached(site, tmp_path) as way:
        began = time.monotonic()
        await given_up(way, 40, "trap '' TERM; ")
        assert at_work(site) == []
        assert time.monotonic() - began < 40
        assert await said(way, "echo still here") == "still here\n"


async def given_up(way: SshReach, count: int, before: str = "") -> None:
    """So many commands, of which as many as possible run at once, are left early."""

    async def leave() -> None:
        async with way.open(f"{before}echo begun; while :; do sleep 1009; done") as pipe:
            assert await pipe.read() == b"begun\n"

    await asyncio.gather(*(leave() for _ in range(count)))


async def test_sessions_are_not_left_open(site: Site, tmp_path: Path) -> None:
    """Of 200, some were used to their end, some left early, some cancelled at whatever moment."""
    async with reached(site, tmp_path) as way:

        async def one(number: int) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02 * (number % 10) if number % 3 == 0 else None):
                    if number % 3 == 1:
                        async with way.open("cat") as pipe:
                            await pipe.write(b"x")
                    else:
                        assert await said(way, f"echo {number}") == f"{number}\n"

        await asyncio.gather(*(one(number) for number in range(200)))
        await came(lambda: sessions(site) <= 2 * pool.READY, 5)
        assert (counts := site.gate.count())["open"] <= 2, counts
    await came(lambda: site.gate.count()["open"] == 0)
    await came(lambda: sessions(site) == 0)


async def test_a_connection_that_falls_silent_is_given_up_for_another(site: Site, tmp_path: Path) -> None:
    """By keep-alive, also where the command itself may be silent for long."""
    async with reached(site, tmp_path, patience=600) as way:
        async with way.open("echo begun; cat") as pipe:
            assert await pipe.read() == b"begun\n"
            site.gate.tell("stall")
            try:
                with pytest.raises(Unreachable, match="the connection was lost"):
                    await pipe.read()
            finally:
                site.gate.tell("cut")
                site.gate.tell("go")
        assert await until_answered(way) == "again\n"
    assert at_work(site) == []


async def until_answered(way: SshReach) -> str:
    """What `echo again` says, as soon as the site can be reached."""
    for _ in range(20):
        with contextlib.suppress(Unreachable):
            return await said(way, "echo again")
        await asyncio.sleep(0.5)
    raise AssertionError("the site is not reached again")


async def test_who_is_not_let_in_any_more_knocks_seldom(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked all the time, it says why it does not try, and goes on when it is let in again."""
    monkeypatch.setattr(pool, "REFUSED_PAUSE", 4.0)
    keys = site.root / "etc/ssh/keys/ada"
    async with reached(site, tmp_path) as way:
        assert await said(way, "echo in") == "in\n"
        keys.rename(keys.with_name("away"))
        try:
            site.gate.tell("cut")
            site.gate.tell("reset-count")
            await asyncio.sleep(0.1)  # the cut is noticed
            heard = [await refused(way) for _ in range(20)]
            assert site.gate.count()["connections"] == 1
        finally:
            keys.with_name("away").rename(keys)
        assert heard[0] == "cluster does not let you in with the keys that were tried"
        assert all(one.startswith(f"{heard[0]}; it will be tried again in ") for one in heard[1:]), heard
        assert await until_answered(way) == "again\n"


async def refused(way: SshReach) -> str:
    with pytest.raises(Unreachable) as caught:
        await said(way, "true")
    await asyncio.sleep(0.1)
    return caught.value.what


async def test_a_pipe_whose_connection_is_cut_says_so_whatever_it_does(site: Site, tmp_path: Path) -> None:
    """Reading, writing, closing and waiting: never an error of the operating system's."""

    async def reads(pipe: Pipe) -> None:
        while await pipe.read():
            pass
        await pipe.wait()

    async def writes(pipe: Pipe) -> None:
        with contextlib.suppress(BrokenPipeError):  # it looks as if the command took no more: its exit status would say why
            while True:
                await pipe.write(b"x" * 65536)
        await pipe.close_input()
        await pipe.wait()

    async def waits(pipe: Pipe) -> None:
        await pipe.wait()

    async with reached(site, tmp_path) as way:
        for how in (reads, writes, waits):
            for line in ("sleep 2", "cat", "cat >/dev/null"):
                with pytest.raises(Unreachable):
                    async with way.open(line) as pipe:
                        using = asyncio.create_task(how(pipe))
                        await asyncio.sleep(0.1)
                        site.gate.tell("cut")
                        await using
                assert await until_answered(way) == "again\n"
