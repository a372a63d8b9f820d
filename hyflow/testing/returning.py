# ruff: noqa: S101 - assertions are what a test is made of
"""Coming back: a connector is left while attempts run, and a later one that is entered with the same context takes them up again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hyflow.connector import Done, Lost, Stay
from hyflow.model.resources import Resources
from hyflow.model.tasks import Glob, Task
from hyflow.testing.site import SiteUnderTest, Suite

MAKES = 'echo started >>"$1"; sleep "$2"; echo made >made'
"""A script that counts its starts in `$1`, takes `$2` seconds and leaves an output."""


class ReturnSuite(Suite):
    """What must hold whatever the commands do. Those of its tests are `sh -c "exit N"` and `sleep N` alone."""

    @asynccontextmanager
    async def left(self, tmp_path: Path, *, stays: bool = True) -> AsyncIterator[SiteUnderTest]:
        """A connection that is left with what runs there; `stays`: which shall go on, and be found by `back`."""
        async with asyncio.timeout(self.patience), self.connect(self.context(tmp_path)) as connector:
            yield SiteUnderTest(connector, (await connector.locations())[0])
            stay = connector.power(Stay)
            if stay is not None and stays:
                stay.stay()

    @asynccontextmanager
    async def back(self, tmp_path: Path, before: SiteUnderTest) -> AsyncIterator[SiteUnderTest]:
        """The next connection, which cleans up after the one before."""
        async with self.site(tmp_path) as site:
            site.root = before.root
            yield site

    async def taken_up(self, site: SiteUnderTest, *tasks: Task) -> list[Done]:
        """How the tasks end that are submitted a second time, and must be known already."""
        known = await site.connector.find([task.key for task in tasks])
        tickets = await site.submit(*tasks)
        assert tickets == dict(known)
        ends = await site.ends(tickets.values())
        found = [status for status in (ends[tickets[task.key]] for task in tasks) if isinstance(status, Done)]
        assert len(found) == len(tasks), ends
        return found

    def large(self, site: SiteUnderTest, *argv: str) -> Task:
        """A task of which no two have room at once, where the site knows what it has."""
        room = site.location.capacity
        return replace(site.task(*argv), resources=Resources(cores=1.0 if room is None else room.cores))

    async def test_what_ends_when_it_is_left_is_said_to_be_fleeting(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            assert site.connector.power(Stay) is None or site.location.fleeting

    async def test_a_running_attempt_is_taken_up_again(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            task = before.task("sleep", f"{self.lasting:g}")
            await before.until_running((await before.submit(task))[task.key])
        async with self.back(tmp_path, before) as site:
            [end] = await self.taken_up(site, task)
            assert (end.outcome.code, end.outcome.signal) == (0, None)

    async def test_attempts_of_which_one_waits_are_taken_up_again(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            tasks = [self.large(before, "sleep", "0.5") for _ in range(2)]
            await before.submit(*tasks)
        async with self.back(tmp_path, before) as site:
            assert [end.outcome.code for end in await self.taken_up(site, *tasks)] == [0, 0]

    async def test_an_attempt_that_ended_meanwhile_is_told(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            tasks = before.task("sh", "-c", "exit 5"), before.task("sleep", "0.2")
            await before.submit(*tasks)
        await asyncio.sleep(1.0)
        async with self.back(tmp_path, before) as site:
            assert [end.outcome.code for end in await self.taken_up(site, *tasks)] == [5, 0]

    async def test_an_attempt_that_was_not_told_to_go_on_is_ended(self, tmp_path: Path) -> None:
        async with self.left(tmp_path, stays=False) as before:
            if before.connector.power(Stay) is None:
                return
            task = before.task("sleep", "300")
            await before.until_running((await before.submit(task))[task.key])
        async with self.back(tmp_path, before) as site:
            tickets = await site.submit(task)
            [end] = (await site.ends(tickets.values())).values()
            assert isinstance(end, Lost) or (isinstance(end, Done) and end.outcome.code != 0)


class ResumeSuite(ReturnSuite):
    """The same with commands that say how often they were started, and leave outputs."""

    async def _is_whole(self, site: SiteUnderTest, end: Done, log: str, starts: int = 1) -> None:
        assert end.outcome.code == 0
        assert end.manifest.matches == (("made",),)
        assert end.manifest.entries["made"].size == 5
        assert await site.read(log) == b"started\n" * starts

    async def test_a_running_command_is_not_started_again_and_its_outputs_are_told(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            log = await before.write(f"{before.root}/log", b"")
            task = before.task("sh", "-c", MAKES, "sh", log, f"{self.lasting:g}", collect=(Glob("made"),))
            await before.until_running((await before.submit(task))[task.key])
        async with self.back(tmp_path, before) as site:
            [end] = await self.taken_up(site, task)
            await self._is_whole(site, end, log)

    async def test_a_waiting_command_is_started_once(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            log = await before.write(f"{before.root}/log", b"")
            first, second = (replace(self.large(before, "sh", "-c", MAKES, "sh", log, "0.5"), collect=(Glob("made"),)) for _ in range(2))
            await before.submit(first, second)
        async with self.back(tmp_path, before) as site:
            for end in await self.taken_up(site, second, first):
                await self._is_whole(site, end, log, 2)

    async def test_the_outputs_of_what_ended_meanwhile_are_told(self, tmp_path: Path) -> None:
        async with self.left(tmp_path) as before:
            log = await before.write(f"{before.root}/log", b"")
            task = before.task("sh", "-c", MAKES, "sh", log, "0", collect=(Glob("made"),))
            await before.submit(task)
        await asyncio.sleep(1.0)
        async with self.back(tmp_path, before) as site:
            [end] = await self.taken_up(site, task)
            await self._is_whole(site, end, log)

    async def test_a_command_that_was_not_told_to_go_on_is_gone(self, tmp_path: Path) -> None:
        async with self.left(tmp_path, stays=False) as before:
            if before.connector.power(Stay) is None:
                return
            task = before.task("sh", "-c", 'mkdir -p "$1"; echo $$ >"$1/pid"; exec sleep 300', "sh", before.root)
            await before.until_running((await before.submit(task))[task.key])
            pid = await before.sh('until [ -s "$1/pid" ]; do sleep 0.02; done; cat "$1/pid"', before.root)
        async with self.back(tmp_path, before) as site:
            await site.until_gone(pid.decode().strip())
