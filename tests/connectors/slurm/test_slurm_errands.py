"""Commands of hyflow's own as jobs of a real Slurm: they wait, end, are cancelled by somebody else, or lose the way that they came by."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from clusters import connected
from commandline import until
from farsites import counted
from slurmlab import Cluster

from hyflow.connector import Connector, Errands, SiteContext
from hyflow.errors import Unreachable
from hyflow.testing.site import SiteUnderTest
from hyflow_slurm import Defaults

WAITS = "--begin=now+3600"
"""An option with which a job waits for its turn."""


@dataclasses.dataclass(frozen=True)
class Errand:
    """The errands of a site, which have a name of their own in the queue."""

    site: SiteUnderTest
    connector: Connector
    name: str

    def argv(self, *argv: str) -> list[str]:
        errands = self.connector.power(Errands)
        assert errands is not None
        return list(errands.errand(argv))

    @property
    def jobs(self) -> list[str]:
        """Their states in the queue."""
        return [line.split()[1] for line in Cluster().jobs(f"--name={self.name}")]

    async def until(self, states: list[str]) -> None:
        await came(lambda: self.jobs == states)


@contextlib.asynccontextmanager
async def errands(top: Path, *extra: str, **settings: Any) -> AsyncIterator[Errand]:
    name = f"errand-{uuid.uuid4().hex[:12]}"
    (top / "state").mkdir(mode=0o700, exist_ok=True)
    context = SiteContext("under-test", "errands", top / "state")
    options = Defaults(extra=[f"--job-name={name}", *extra])
    async with asyncio.timeout(100), connected(context, options=options, **settings) as connector:
        yield Errand(SiteUnderTest(connector, (await connector.locations())[0]), connector, name)


async def came(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(until, condition, 30)


async def test_the_prologue_comes_first(tmp_path: Path) -> None:
    async with errands(tmp_path, prologue="echo noise\ncat\nexport GREETING=hello") as errand:
        done = await errand.site.run(errand.argv("sh", "-c", 'cat; echo "$GREETING"; exit 3'), b"fed\n")
        assert done[:2] == (3, b"fed\nhello\n")


@pytest.mark.parametrize(("extra", "state"), [([WAITS], "PENDING"), ([], "RUNNING")])
async def test_who_leaves_ends_it(tmp_path: Path, extra: list[str], state: str) -> None:
    async with errands(tmp_path, *extra) as errand:
        async with errand.connector.open(errand.argv("sleep", "300")):
            await errand.until([state])
        await errand.until([])


@pytest.mark.parametrize(("extra", "state"), [([WAITS], "PENDING"), ([], "RUNNING")])
async def test_somebody_else_cancels_it(tmp_path: Path, extra: list[str], state: str) -> None:
    async with errands(tmp_path, *extra) as errand, asyncio.TaskGroup() as group:
        ran = group.create_task(errand.site.run(errand.argv("sleep", "300")))
        await errand.until([state])
        Cluster().root("scancel", f"--name={errand.name}")
        code, said, complaint = await ran
        assert code != 0 and said == b"" and b"srun: error: " in complaint


@pytest.mark.parametrize(("extra", "state"), [([WAITS], "PENDING"), ([], "RUNNING")])
async def test_the_way_is_lost_meanwhile(tmp_path: Path, extra: list[str], state: str) -> None:
    with counted(tmp_path) as (gate, way):
        async with errands(tmp_path, *extra, way=way) as errand:
            with pytest.raises(Unreachable):
                async with errand.connector.open(errand.argv("sleep", "300")) as pipe:
                    await errand.until([state])
                    gate.tell("cut")
                    await pipe.read()
            await errand.until([])
