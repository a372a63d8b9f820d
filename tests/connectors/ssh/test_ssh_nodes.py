"""Several machines as one site. Two aliases of one machine of the lab stand for two that share their files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import afar
import pytest

from hyflow.connector import Connector, Done, Examine, Forget, Logs, Lost, SiteContext, Status, Ticket, Unknown
from hyflow.errors import SiteError
from hyflow.model.resources import Resources
from hyflow.shell.site import ShellSite, node_of
from hyflow.testing.attempts import AttemptSuite
from hyflow.testing.pipes import PipeSuite
from hyflow.testing.powers import PowerSuite
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings
from hyflow_shell.reach import CommandReach
from hyflow_ssh.nodes import Lent, Nodes

NODES = ["cluster", "cluster-certified"]
NOTES = 'echo + >>"$0"; sleep 0.4; echo - >>"$0"'


@pytest.fixture
def context(tmp_path: Path) -> SiteContext:
    return SiteContext("far", "run", tmp_path)


@asynccontextmanager
async def nodes(context: SiteContext, *names: str, **given: object) -> AsyncIterator[tuple[Connector, list[SiteUnderTest]]]:
    chosen = {"workdir": f"/scratch/ada/{context.state.name}", "nodes": [*(names or NODES)], "transport": "asyncssh", **given}
    async with asyncio.timeout(60), afar.connect(context, **chosen) as site:
        yield site, [SiteUnderTest(site, place) for place in await site.locations()]


class TestNodes(AttemptSuite, PipeSuite, PowerSuite):
    """A site of several machines is one like any other."""

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return afar.connect(context, nodes=NODES, transport="asyncssh", workdir=f"~/nodes-{context.state.parent.name}")


async def test_each_node_is_a_location_with_its_own_room(context: SiteContext) -> None:
    async with nodes(context, cores=1) as (site, sites):
        places = await site.locations()
        assert [(place.name, place.filesystem, place.capacity.cores) for place in places if place.capacity] == [
            (name, "far", 1.0) for name in NODES
        ]
        logs = {one.location.name: f"{one.root}/log-{one.location.name}" for one in sites}
        await sites[0].sh('mkdir -p "$1"', sites[0].root)
        tickets = []
        for one in sites:
            task = one.task("sh", "-c", NOTES, logs[one.location.name])
            sent = [replace(task, key=one.task("true").key, dir=one.task("true").dir, resources=Resources(1.0, 0)) for _ in range(3)]
            tickets += list((await one.submit(*sent)).values())
        assert [node_of(ticket) for ticket in tickets] == [NODES[0]] * 3 + [NODES[1]] * 3
        ends = await sites[0].ends(tickets)
        assert all(isinstance(end, Done) and end.outcome.code == 0 for end in ends.values())
        for log in logs.values():
            assert await sites[0].read(log) == b"+\n-\n" * 3


async def test_found_again_cancelled_and_forgotten_where_they_are(context: SiteContext) -> None:
    async with nodes(context) as (_, sites):
        tasks = [one.task("sleep", "300") for one in sites]
        sent = {key: ticket for one, task in zip(sites, tasks, strict=True) for key, ticket in (await one.submit(task)).items()}
    async with nodes(context) as (site, sites):
        assert await site.find([task.key for task in tasks]) == sent
        await site.cancel([*sent.values()])
        ends = await sites[0].ends(sent.values())
        assert all(isinstance(end, Lost) or (isinstance(end, Done) and end.outcome.code is None) for end in ends.values()), ends
        forget = site.power(Forget)
        assert forget is not None
        await forget.forget([*sent.values()])
        assert await site.find([task.key for task in tasks]) == {}


async def test_what_is_written_at_any_node_can_be_followed(context: SiteContext) -> None:
    async with nodes(context) as (site, sites):
        task = sites[1].task("sh", "-c", "echo one; sleep 0.5; echo two")
        await sites[1].submit(task)
        logs = site.power(Logs)
        assert logs is not None
        assert b"".join([block async for block in logs.follow(task.key, f"{task.dir}/stdout", 0)]) == b"one\ntwo\n"
        assert await logs.size(f"{task.dir}/stdout") == 8


async def test_all_nodes_are_looked_at(context: SiteContext) -> None:
    async with nodes(context) as (site, _):
        examine = site.power(Examine)
        assert examine is not None
        found = [one.name for one in await examine.examine()]
        assert {f"{node}: login" for node in NODES} <= set(found)
        assert found[-3:] == ["clock", "latency", "throughput"]


async def test_a_node_that_sees_other_files_is_refused(context: SiteContext) -> None:
    with pytest.raises(SiteError, match=r"the machine for files does not see the /scratch/ada/.* of the node cloud") as told:
        async with nodes(context, "cluster", "cloud"):
            pass
    assert told.value.hint == "Name a `workdir` that all see, or leave this node out."


async def test_a_node_that_dies_holds_up_no_other(tmp_path: Path, context: SiteContext) -> None:
    """The way to one of them breaks while both have jobs."""
    broken = tmp_path / "broken"
    settings = Settings(command=["sh", "-c"], workdir=str(tmp_path / "work"), poll=0.1)
    breaks = replace(settings, command=["sh", "-c", f'[ ! -e {broken} ] || exit 1; eval "$1"', "sh"])
    host = CommandReach(settings, "far")
    ways = {"whole": CommandReach(settings, "far"), "breaks": CommandReach(breaks, "far")}
    site = Nodes(host, {name: ShellSite(way, settings, context, Lent(host), name) for name, way in ways.items()})
    async with asyncio.timeout(30), site:
        sites = {place.name: SiteUnderTest(site, place) for place in await site.locations()}
        lasting = await sites["breaks"].submit(sites["breaks"].task("sleep", "3"))
        broken.touch()
        with pytest.raises(SiteError):
            await sites["breaks"].submit(sites["breaks"].task("true"))
        others = await sites["whole"].submit(sites["whole"].task("true"), sites["whole"].task("sleep", "300"))
        quick, long = others.values()
        with pytest.raises(SiteError):
            await site.cancel([*lasting.values(), long])
        seen: dict[Ticket, list[Status]] = {ticket: [] for ticket in (quick, long, *lasting.values())}
        async for ticket, status in site.watch(seen):
            seen[ticket].append(status)
            if any(isinstance(each, Unknown) for each in seen[next(iter(lasting.values()))]):
                broken.unlink(missing_ok=True)
        assert all(isinstance(each[-1], Done | Lost) for each in seen.values())
        (mine,) = lasting.values()
        assert any(isinstance(each, Unknown) for each in seen[mine])
