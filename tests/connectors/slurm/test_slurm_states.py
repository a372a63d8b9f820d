"""Each way in which a job of Slurm can end is told as what it is, with accounting and without; and no command starts twice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from clusters import connected
from commandline import until
from lab import setting
from ownlab import Lab, copy
from slurmlab import Cluster

from hyflow.batch import queue
from hyflow.connector import Done, Lost, SiteContext, Status, Ticket
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import MIB, Resources
from hyflow.model.tasks import Outcome, Task
from hyflow.testing.site import SiteUnderTest
from hyflow_slurm import Defaults

EAT = "python3 -c 'x = bytearray(400 << 20)'"
DEAF = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose clusters nobody else uses."""
    lab = copy(tmp_path_factory.mktemp("checkout"))
    done = lab.run("up", "slurm")
    try:
        assert done.returncode == 0, done.stderr
        setting("SLURM_FAULTS", lab.root / ".lab")
        yield lab
    finally:
        lab.run("down")


both = pytest.mark.parametrize("cluster", ["cluster", "cloud"], indirect=True)
"""Where accounting, or its absence, may make a difference."""


@pytest.fixture
def cluster(request: pytest.FixtureRequest, checkout: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The one with accounting, unless another is asked for; the queue is asked more often than is polite."""
    monkeypatch.setattr(queue, "APART", 2.0)
    monkeypatch.setattr(queue, "URGENT", 1.0)
    monkeypatch.setattr(queue, "EACH", 0.1)
    cluster = Cluster(getattr(request, "param", "cluster"), checkout.root / ".lab")
    yield cluster
    cluster.root("scancel", "--user=ada")
    cluster.until_idle()


@contextlib.asynccontextmanager
async def site(cluster: Cluster, top: Path, *extra: str, **options: str) -> AsyncIterator[SiteUnderTest]:
    """The cluster as a run sees it. `extra`, `options`: what every job asks for."""
    (top / "state").mkdir(mode=0o700, exist_ok=True)
    context = SiteContext("under-test", "states", top / "state")
    defaults = Defaults(extra=list(extra), **options)  # type: ignore[arg-type]  # those that are texts
    async with asyncio.timeout(100), connected(context, cluster.name, defaults, cluster.lab) as connector:
        yield SiteUnderTest(connector, (await connector.locations())[0])


async def ends(site: SiteUnderTest, ticket: Ticket) -> Status:
    return (await site.ends([ticket]))[ticket]


async def submitted(site: SiteUnderTest, task: Task) -> Ticket:
    return (await site.submit(task))[task.key]


async def running(site: SiteUnderTest, script: str = "sleep 300") -> Ticket:
    """A job whose command runs."""
    ticket = await submitted(site, site.task("sh", "-c", script))
    await site.until_running(ticket)
    return ticket


async def came(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(until, condition, 30)


def job(cluster: Cluster) -> str:
    """What the queue calls the one job in it."""
    (line,) = cluster.jobs()
    return line.split()[0]


def outcome(status: Status) -> Outcome:
    assert isinstance(status, Done), status
    return status.outcome


def lost(status: Status) -> tuple[FailureClass, str]:
    assert isinstance(status, Lost), status
    return status.kind, status.evidence


@both
async def test_what_ends_by_itself(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path) as there:
        tasks = [there.task("sh", "-c", script) for script in ("true", "exit 7", "kill -9 $$")]
        tickets = await there.submit(*tasks)
        told = await there.ends(tickets.values())
        ended = [outcome(told[tickets[task.key]]) for task in tasks]
    assert [(each.code, each.signal, each.out_of_memory, each.timed_out) for each in ended] == [
        (0, None, False, False), (7, None, False, False), (None, 9, False, False)]  # fmt: skip


@pytest.mark.parametrize("script", [EAT, f"{EAT} || exit 0"], ids=["killed", "exit 0"])
async def test_memory_over_the_limit(cluster: Cluster, tmp_path: Path, script: str) -> None:
    async with site(cluster, tmp_path) as there:
        task = dataclasses.replace(there.task("sh", "-c", script), resources=Resources(memory=100 * MIB))
        status = await ends(there, await submitted(there, task))
    assert outcome(status).out_of_memory


@both
async def test_the_time_limit_of_its_job(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm looks every half minute who is over it."""
    async with site(cluster, tmp_path, time="1m") as there:
        ticket = await running(there)
        cluster.root("scontrol", "update", f"jobid={job(cluster)}", "endtime=now+1")
        kind, words = lost(await ends(there, ticket))
    assert (kind, "its job reached its time limit" in words) == (FailureClass.TIME, True), words


@both
async def test_a_node_that_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path, "--nodelist=n2") as there:
        ticket = await running(there)
        with cluster.without_node("n2"):
            kind, words = lost(await ends(there, ticket))
    assert (kind, words) == (FailureClass.INFRASTRUCTURE, "the node failed on n2")


async def test_a_job_that_is_pre_empted(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path, "--nodelist=n1", partition="low") as there:
        ticket = await running(there)
        cluster.user("sbatch --partition=high --nodelist=n1 --nodes=1 --ntasks=2 --wrap 'sleep 1'")
        kind, words = lost(await ends(there, ticket))
    assert (kind, words) == (FailureClass.INFRASTRUCTURE, "its job was pre-empted on n1")


@both
async def test_a_job_that_somebody_else_ends(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path) as there:
        ticket = await running(there)
        if cluster.name == "cluster":
            assert cluster.user("scancel --user=ada", "bob").stderr == b""
        else:
            cluster.root("scancel", "--user=ada")
        kind, words = lost(await ends(there, ticket))
    assert (kind, "its job was cancelled by somebody else" in words) == (FailureClass.CANCELLED, True), words


@both
async def test_a_job_that_somebody_ends_before_it_began(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path, "--hold") as there:
        ticket = await submitted(there, there.task("true"))
        cluster.root("scancel", job(cluster))
        kind, words = lost(await ends(there, ticket))
    assert (kind, "its job was cancelled by somebody else" in words) == (FailureClass.CANCELLED, True), words


async def test_a_job_that_is_held_waits(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path, "--hold") as there:
        ticket = await submitted(there, there.task("true"))
        watch = asyncio.create_task(ends(there, ticket))
        assert not (await asyncio.wait([watch], timeout=8))[0]
        cluster.root("scontrol", "release", job(cluster))
        assert outcome(await watch).code == 0


async def test_a_job_that_is_queued_again_starts_no_command_again(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path, "--requeue") as there:
        starts = f"{there.location.workdir}/{tmp_path.name}-{cluster.name}"
        ticket = await running(there, f"echo start >>{starts}; sleep 300")
        cluster.root("scontrol", "requeue", job(cluster))
        kind, _ = lost(await ends(there, ticket))
        assert (kind, await there.read(starts)) == (FailureClass.INFRASTRUCTURE, b"start\n")


async def test_a_job_that_can_never_start(cluster: Cluster, tmp_path: Path) -> None:
    failed = re.findall(rb"\d+", cluster.user("sbatch --parsable --wait --wrap false").stdout)[0].decode()
    async with site(cluster, tmp_path, "--hold") as there:
        ticket = await submitted(there, there.task("true"))
        cluster.root("scontrol", "update", f"jobid={job(cluster)}", f"dependency=afterok:{failed}")
        cluster.root("scontrol", "release", job(cluster))
        status = await ends(there, ticket)
    assert lost(status) == (FailureClass.SUBMISSION, "the queue says that its job can never start (DependencyNeverSatisfied)")


async def test_a_controller_that_is_away(cluster: Cluster, tmp_path: Path) -> None:
    async with site(cluster, tmp_path) as there:
        first = await running(there, "sleep 5")
        with cluster.without_controller():
            second = asyncio.create_task(there.done(there.task("true")))
            await asyncio.sleep(20)
            assert not second.done()
        assert outcome(await ends(there, first)).code == 0
        assert (await second).outcome.code == 0


@pytest.mark.parametrize("kind", ["lose", "garble", "nonsense", "late", "hang"])
async def test_an_answer_of_sbatch_that_is_lost(cluster: Cluster, tmp_path: Path, kind: str) -> None:
    async with site(cluster, tmp_path) as there:
        starts = f"{there.location.workdir}/{tmp_path.name}-{cluster.name}"
        task = there.task("sh", "-c", f"echo start >>{starts}")
        with cluster.fault("sbatch", kind, 1):
            ended = asyncio.create_task(there.done(task))
            await came(lambda: cluster.taken("sbatch") == 1)
            await asyncio.sleep(3)
        assert (await ended).outcome.code == 0
        assert await there.read(starts) == b"start\n"


@both
@pytest.mark.parametrize("kind", ["nonsense", f"fail {DEAF}", "hang"], ids=["nonsense", "fails", "hangs"])
async def test_a_queue_that_gives_no_answer(cluster: Cluster, tmp_path: Path, kind: str) -> None:
    """What has ended without a word is not written off meanwhile."""
    async with site(cluster, tmp_path) as there:
        ticket = await running(there)
        with cluster.fault("squeue", kind), cluster.fault("sacct", kind), cluster.fault("scontrol", kind):
            cluster.root("scancel", "--signal=KILL", "--full", job(cluster))
            watch = asyncio.create_task(ends(there, ticket))
            assert not (await asyncio.wait([watch], timeout=5))[0]
        kind, words = lost(await watch)
    known = (kind, "its job was cancelled by somebody else" in words) == (FailureClass.CANCELLED, True)
    assert known or (cluster.name == "cloud" and "left the queue without a trace" in words), words  # the bare one forgets after 10 s
