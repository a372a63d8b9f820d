# ruff: noqa: S101 - assertions are what a test is made of
"""The life of attempts: submit, watch, find, cancel, come back. Its commands are `true`, `sh -c "exit N"` and `sleep N` alone."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from hyflow.connector import Done, Lost, Running
from hyflow.model.jobs import Key
from hyflow.testing.returning import ReturnSuite


class _NobodyOffersThis:
    """A power that does not exist."""


class AttemptSuite(ReturnSuite):
    """What must hold for attempts, whatever their commands do."""

    async def test_locations_are_complete_and_stay_the_same(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            locations = await site.connector.locations()
            assert locations
            assert list(locations) == list(await site.connector.locations())
            assert len({str(location) for location in locations}) == len(locations)
            for location in locations:
                assert location.site == "under-test"
                assert location.workdir.startswith("/")
                assert location.filesystem in location.mounts
                assert all(path.startswith("/") for path in location.mounts.values())
                assert location.capacity is None or location.capacity.cores > 0

    async def test_a_task_runs_to_its_end(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            outcome = (await site.done(site.task("true"))).outcome
            assert (outcome.code, outcome.signal, outcome.timed_out, outcome.trouble) == (0, None, False, None)
            assert outcome.host
            assert 0 < outcome.started <= outcome.ended

    async def test_exit_codes_come_back(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tasks = {code: site.task("sh", "-c", f"exit {code}") for code in (1, 3, 125, 255)}
            tickets = await site.submit(*tasks.values())
            ends = await site.ends(tickets.values())
            for code, task in tasks.items():
                status = ends[tickets[task.key]]
                assert isinstance(status, Done)
                assert (status.outcome.code, status.outcome.signal) == (code, None)

    async def test_submitting_nothing_and_watching_nothing(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            assert await site.submit() == {}
            assert await site.ends([]) == {}
            assert await site.connector.find([]) == {}
            await site.connector.cancel([])

    async def test_fifty_at_once(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(*(site.task("true") for _ in range(50)))
            assert len(set(tickets.values())) == 50
            ends = await site.ends(tickets.values())
            assert len(ends) == 50
            assert all(isinstance(status, Done) and status.outcome.code == 0 for status in ends.values())

    async def test_a_key_submitted_again_gives_the_first_ticket(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "exit 4")
            first = await site.submit(task)
            assert await site.submit(task) == first
            await site.ends(first.values())
            assert await site.submit(task) == first
            status = (await site.ends(first.values()))[first[task.key]]
            assert isinstance(status, Done)
            assert status.outcome.code == 4

    async def test_running_is_said_before_the_end(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(site.task("sleep", f"{self.lasting:g}"))
            seen = [status async for _, status in site.connector.watch(tickets.values())]
            assert any(isinstance(status, Running) and status.host and status.at > 0 for status in seen)
            assert isinstance(seen[-1], Done)
            assert all(one != other for one, other in itertools.pairwise(seen))

    async def test_several_watches_at_once(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            slow, quick = site.task("sleep", "1"), site.task("true")
            tickets = await site.submit(slow, quick)
            both, one, again = await asyncio.gather(
                site.ends(tickets.values()), site.ends([tickets[quick.key]]), site.ends(tickets.values()))
            assert set(both) == set(again) == set(tickets.values())
            assert set(one) == {tickets[quick.key]}
            assert all(isinstance(status, Done) for ends in (both, one, again) for status in ends.values())

    async def test_a_watch_after_the_end_tells_the_same(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(site.task("sh", "-c", "exit 9"))
            assert await site.ends(tickets.values()) == await site.ends(tickets.values())

    async def test_find_knows_what_was_submitted_and_nothing_else(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            ended, runs, never = site.task("true"), site.task("sleep", "30"), Key("never-submitted")
            tickets = await site.submit(ended, runs)
            await site.ends([tickets[ended.key]])
            assert dict(await site.connector.find([ended.key, runs.key, never])) == tickets
            await site.connector.cancel([tickets[runs.key]])

    async def test_cancel_ends_an_attempt_and_passes_over_ended_ones(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            ended, runs = site.task("true"), site.task("sleep", "300")
            tickets = await site.submit(ended, runs)
            await site.ends([tickets[ended.key]])
            await site.until_running(tickets[runs.key])
            async with asyncio.timeout(20):
                await site.connector.cancel(tickets.values())
                ends = await site.ends(tickets.values())
            assert all(isinstance(status, Done | Lost) for status in ends.values())
            status = ends[tickets[runs.key]]
            assert not (isinstance(status, Done) and status.outcome.code == 0)
            status = ends[tickets[ended.key]]
            assert isinstance(status, Done)
            assert status.outcome.code == 0
            await site.connector.cancel(tickets.values())

    async def test_leaving_a_watch_early_harms_nothing(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(site.task("sleep", "1"))
            try:
                async with asyncio.timeout(0.3):
                    await site.ends(tickets.values())
            except TimeoutError:
                pass
            assert all(isinstance(status, Done) for status in (await site.ends(tickets.values())).values())

    async def test_a_new_connector_finds_what_has_ended(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "exit 5")
            tickets = await site.submit(task)
            first = await site.ends(tickets.values())
        async with self.site(tmp_path) as site:
            assert dict(await site.connector.find([task.key])) == tickets
            assert await site.ends(tickets.values()) == first
            assert await site.submit(task) == tickets

    async def test_a_power_that_nobody_has(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            assert site.connector.power(_NobodyOffersThis) is None
