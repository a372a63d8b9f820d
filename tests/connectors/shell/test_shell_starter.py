"""What waits at a site begins there by itself, in its order, whoever is connected, and never more at once than fits."""

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hyflow.connector import Done, Lost, SiteContext
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow.shell.site import ShellSite
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings, plugin

NOTES = 'printf "+%s %s\\n" "$1" "$2" >>"$0"; sleep "$3"; printf -- "-%s %s\\n" "$1" "$2" >>"$0"'


def connect(tmp_path: Path, tools: str, **settings: object) -> ShellSite:
    command = ["env", f"PATH={tools}", "sh", "-c"]
    chosen = Settings(command=command, workdir=str(tmp_path / "site"), **{"poll": 0.1, **settings})  # type: ignore[arg-type]  # as in a file
    found = plugin.connect(chosen, SiteContext("there", "run", tmp_path / "state"))
    assert isinstance(found, ShellSite)
    return found


async def seen(connector: ShellSite) -> SiteUnderTest:
    return SiteUnderTest(connector, (await connector.locations())[0])


def noting(site: SiteUnderTest, log: Path, name: str, cores: float = 1, memory: int = 0, seconds: str = "0.3") -> Task:
    """A task that notes its begin and its end, each with its cores."""
    return replace(site.task("sh", "-c", NOTES, str(log), f"{cores:g}", name, seconds), resources=Resources(cores, memory))


def began(log: Path) -> list[str]:
    """Who has begun, in that order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1] for line in lines if line.startswith("+")]


def most(log: Path) -> float:
    """How many cores were in use at once; all are free in the end."""
    used = highest = 0.0
    for line in log.read_text().splitlines():
        used += float(line.split()[0])
        highest = max(highest, used)
    assert used == 0
    return highest


def starters(tmp_path: Path) -> list[int]:
    """The processes of starters of this site."""
    mine = f"{tmp_path}/site/run/.starter".encode()
    found = []
    for entry in os.listdir("/proc"):
        try:
            words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mine in words and any(b"/starter-" in word for word in words):
            found.append(int(entry))
    return found


async def gone(tmp_path: Path) -> None:
    """Until nothing of a starter is left."""
    while starters(tmp_path) or (tmp_path / "site/run/.starter").exists():  # noqa: ASYNC110 (there is no event for it)
        await asyncio.sleep(0.05)


async def all_of(site: SiteUnderTest, tasks: Sequence[Task]) -> list[object]:
    return [type(end) for end in (await site.ends((await site.submit(*tasks)).values())).values()]


async def test_in_their_order_and_never_more_than_fit(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50), connect(tmp_path, tools, cores=2) as connector:
        site = await seen(connector)
        cores = [1, 1, 2, 0.5, 1, 0.5, 2, 1, 99]
        tasks = [noting(site, log, str(number), asked) for number, asked in enumerate(cores)]
        assert await all_of(site, tasks[:4]) + await all_of(site, tasks[4:]) == [Done] * 9
        assert [name for name in began(log) if name in "268"] == ["2", "6", "8"]
        assert set(began(log)[:2]) == {"0", "1"} and began(log)[-1] == "8"  # one that can never fit begins when it is alone
        await gone(tmp_path)
    log.write_text("".join(line for line in log.read_text().splitlines(keepends=True) if " 8" not in line))
    assert most(log) == 2


async def test_memory_counts_too(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50), connect(tmp_path, tools, memory="1GiB") as connector:
        site = await seen(connector)
        assert await all_of(site, [noting(site, log, str(number), 0.25, 600 << 20) for number in range(4)]) == [Done] * 4
    assert most(log) == 0.25


async def test_it_goes_on_while_nobody_is_connected(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50):
        async with connect(tmp_path, tools, max_jobs=1) as connector:
            site = await seen(connector)
            tasks = [noting(site, log, str(number)) for number in range(4)]
            await site.submit(*tasks)
        await gone(tmp_path)
        assert began(log) == ["0", "1", "2", "3"] and most(log) == 1
        async with connect(tmp_path, tools) as connector:
            assert await all_of(await seen(connector), tasks) == [Done] * 4
    assert len(began(log)) == 4


async def test_a_starter_that_is_killed_is_replaced_and_knows_what_runs(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50), connect(tmp_path, tools, max_jobs=1) as connector:
        site = await seen(connector)
        tasks = [noting(site, log, str(number), seconds="1") for number in range(3)]
        tickets = await site.submit(*tasks)
        await site.until_running(tickets[tasks[0].key])
        os.kill(int(os.readlink(tmp_path / "site/run/.starter/lock").split()[0]), signal.SIGKILL)
        assert {type(end) for end in (await site.ends(tickets.values())).values()} == {Done}
        await gone(tmp_path)
    assert began(log) == ["0", "1", "2"] and most(log) == 1


@pytest.mark.parametrize("slow", [": >{reached}; sleep 1; {mkdir} \"$@\"", "{mkdir} \"$@\"; code=$?; : >{reached}; sleep 1; exit $code"],
                         ids=["before its claim", "after its claim"])
async def test_a_starter_that_is_killed_just_before_what_it_begins_can_be_seen(tmp_path: Path, slow: str) -> None:
    """The next one begins it too, in vain, or waits for its runner's record; and it begins nothing else as long as it runs."""
    log, tools, reached = tmp_path / "log", tmp_path / "tools", tmp_path / "reached"
    tools.mkdir()
    delayed = slow.format(reached=reached, mkdir=shutil.which("mkdir"))
    (tools / "mkdir").write_text(f"#!/bin/sh\ncase $* in */claim) {delayed} ;; *) {shutil.which('mkdir')} \"$@\" ;; esac\n")
    (tools / "mkdir").chmod(0o755)
    async with asyncio.timeout(50), connect(tmp_path, f"{tools}:{os.environ['PATH']}", max_jobs=1) as connector:
        site = await seen(connector)
        tickets = await site.submit(*[noting(site, log, str(number), seconds="2") for number in range(2)])
        while not reached.exists():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.02)
        os.kill(int(os.readlink(tmp_path / "site/run/.starter/lock").split()[0]), signal.SIGKILL)
        assert {type(end) for end in (await site.ends(tickets.values())).values()} == {Done}
        await gone(tmp_path)
    assert began(log) == ["0", "1"] and most(log) == 1


async def test_what_is_cancelled_while_it_waits_never_begins(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50), connect(tmp_path, tools, max_jobs=1) as connector:
        site = await seen(connector)
        tasks = [noting(site, log, str(number), seconds="1") for number in range(3)]
        tickets = await site.submit(*tasks)
        await site.until_running(tickets[tasks[0].key])
        await connector.cancel([tickets[tasks[1].key]])
        ends = await site.ends(tickets.values())
        [lost] = [end for end in ends.values() if isinstance(end, Lost)]
        assert lost.kind is FailureClass.CANCELLED
        await gone(tmp_path)
    assert began(log) == ["0", "2"]


async def test_whatever_comes_while_it_is_about_to_end_begins(tmp_path: Path, tools: str) -> None:
    async with asyncio.timeout(55), connect(tmp_path, tools, poll=0.05) as connector:
        site = await seen(connector)
        for _ in range(25):
            assert await all_of(site, [site.task("true")]) == [Done]
        await gone(tmp_path)


async def test_many_in_a_row(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(55), connect(tmp_path, os.environ["PATH"], max_jobs=3) as connector:
        site = await seen(connector)
        tasks = [noting(site, log, str(number), seconds="0") for number in range(60)]
        ends = await asyncio.gather(*(all_of(site, tasks[at:at + 6]) for at in range(0, 60, 6)))
        assert [kind for some in ends for kind in some] == [Done] * 60
        await gone(tmp_path)
    assert sorted(began(log)) == sorted(map(str, range(60))) and most(log) <= 3


async def test_a_call_that_came_too_late_harms_nobody(tmp_path: Path, tools: str) -> None:
    """Who calls at a pipe that has just been taken away makes a plain file in its place."""
    async with asyncio.timeout(50), connect(tmp_path, tools) as connector:
        site = await seen(connector)
        own = tmp_path / "site/run/.starter"
        own.mkdir(parents=True)
        (own / "wake").write_text("new\n")
        assert await all_of(site, [site.task("true")]) == [Done]
        await gone(tmp_path)


async def test_what_waits_and_is_in_no_batch_begins_all_the_same(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with asyncio.timeout(50), connect(tmp_path, tools, max_jobs=1) as connector:
        site = await seen(connector)
        tasks = [noting(site, log, str(number), seconds="1") for number in range(3)]
        tickets = await site.submit(*tasks)
        await site.until_running(tickets[tasks[0].key])
        own = tmp_path / "site/run/.starter"
        os.kill(int(os.readlink(own / "lock").split()[0]), signal.SIGKILL)
        shutil.rmtree(own)
        assert {type(end) for end in (await site.ends(tickets.values())).values()} == {Done}
        await gone(tmp_path)
    assert sorted(began(log)) == ["0", "1", "2"]
