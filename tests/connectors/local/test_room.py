"""More attempts may be at this machine than fit: never do more run at once, and they start in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hyflow.connector import Done, SiteContext, Ticket
from hyflow.model.jobs import Key
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow_local import LocalSettings, plugin
from hyflow_local.connector import LocalConnector

MIB = 1 << 20


async def tickets_of(connector: LocalConnector, commands: Sequence[tuple[Resources, str]]) -> list[Ticket]:
    """Submits shell commands, all at once."""
    (at,) = await connector.locations()
    tasks = [
        Task(Key(f"t{number}"), f"t{number}", f"{at.workdir}/t{number}", ("sh", "-c", command), {}, resources=wanted)
        for number, (wanted, command) in enumerate(commands)
    ]
    return [ticket async for _, ticket in connector.submit(at, tasks) if isinstance(ticket, str)]


async def ends_of(connector: LocalConnector, tickets: list[Ticket]) -> dict[Ticket, Done]:
    return {ticket: status async for ticket, status in connector.watch(tickets) if isinstance(status, Done)}


def connect(tmp_path: Path, settings: LocalSettings) -> LocalConnector:
    connector = plugin.connect(settings, SiteContext("here", "run", tmp_path))
    assert isinstance(connector, LocalConnector)
    return connector


def most_at_once(ends: dict[Ticket, Done]) -> int:
    turns = sorted(turn for end in ends.values() for turn in ((end.outcome.started, 1), (end.outcome.ended, -1)))
    now = most = 0
    for _, step in turns:
        now += step
        most = max(most, now)
    return most


async def test_no_more_run_at_once_than_fit_and_in_their_order(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, LocalSettings(cores=2)) as connector:
        tickets = await tickets_of(connector, [(Resources(cores=1), "sleep 0.05")] * 9)
        ends = await ends_of(connector, tickets)
    assert most_at_once(ends) <= 2
    started = [ends[ticket].outcome.started for ticket in tickets]
    assert started == sorted(started)


async def test_memory_and_large_requests_hold_back(tmp_path: Path) -> None:
    small, large = Resources(cores=1, memory=10 * MIB), Resources(cores=1, memory=95 * MIB)
    async with asyncio.timeout(30), connect(tmp_path, LocalSettings(cores=8, memory="100MiB")) as connector:
        tickets = await tickets_of(connector, [(small, "sleep 0.2"), (large, "sleep 0.1"), (small, "true")])
        ends = await ends_of(connector, tickets)
    first, second, third = (ends[ticket].outcome for ticket in tickets)
    assert second.started >= first.ended  # type: ignore[operator]  # both have run
    assert third.started >= second.ended  # type: ignore[operator]  # both have run


async def test_what_waits_is_cancelled_at_once_though_nothing_has_room(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, LocalSettings(cores=1)) as connector:
        tickets = await tickets_of(connector, [(Resources(cores=1), "sleep 60")] + [(Resources(cores=1), "touch ran")] * 20)
        async with asyncio.timeout(5):
            await connector.cancel(tickets[1:])
            ends = await ends_of(connector, tickets[1:])
        assert len(ends) == 20
        assert all(not end.manifest.entries for end in ends.values())
        assert await connector.find([Key(tickets[0])])
        await connector.cancel(tickets)


async def test_one_that_asks_for_more_than_there_is_runs_alone(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, LocalSettings(cores=1)) as connector:
        one = Resources(cores=1)
        tickets = await tickets_of(connector, [(one, "sleep 0.1"), (Resources(cores=5), "sleep 0.1"), (one, "true")])
        assert most_at_once(await ends_of(connector, tickets)) == 1


async def test_each_job_sees_gpus_of_its_own(tmp_path: Path) -> None:
    async with connect(tmp_path, LocalSettings(cores=8, gpus=3)) as connector:
        command = 'echo "$CUDA_VISIBLE_DEVICES"; sleep 0.3'
        tickets = await tickets_of(connector, [(Resources(cores=1, gpus=gpus), command) for gpus in (1, 2, 1, 0)])
        said = [end.outcome.stdout.strip() for _, end in sorted((await ends_of(connector, tickets)).items())]
    assert said[:2] == ["0", "1,2"] and said[2] in ("0", "1") and said[3] == ""
