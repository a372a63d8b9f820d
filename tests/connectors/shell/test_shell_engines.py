"""Containers at a shell site, with the lab's engines."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from lab import engine_site
from makeshift import number_in, there

from hyflow.connector import Done, Lost
from hyflow.containers.engine import Engine, Ready
from hyflow.engine.contained import find
from hyflow.model.containers import Container, ContainerSettings, Image
from hyflow.model.resources import Resources
from hyflow.model.tasks import Stage, StageKind, Task
from hyflow.testing.site import SiteUnderTest

IMAGE = Image("busybox")
ON = "trap '' TERM; while :; do sleep 1; done"


class Room:
    """A site with an engine that has the image, and tasks in its containers."""

    def __init__(self, site: SiteUnderTest, engine: Engine, image: Ready) -> None:
        self.site, self.engine, self._image = site, engine, image
        self._run = site.root.rpartition("-")[2]

    def task(self, script: str, *stage: Stage, time_limit: float | None = None, memory: int = 0) -> Task:
        task = self.site.task("sh", "-c", script, stage=stage, environment={"HOME": "/out", "TMPDIR": "/tmp"}, time_limit=time_limit)
        task = replace(task, container=Container(IMAGE, "/in", "/out", "/tmp"), resources=Resources(cores=0.1, memory=memory),
                       limits=("memory",) if memory else ())
        return self.engine.enter(task, self._run, self._image)

    async def there_are(self) -> int:
        """Containers of ours."""
        code, listed, said = await self.site.run(self.engine.list(self._run))
        assert code == 0, said
        return len(listed.split())

    async def until_there_are(self, count: int) -> None:
        listing = 'n=$1; shift; until [ "$("$@" | grep -c .)" = "$n" ]; do sleep 0.2; done'
        await self.site.sh(listing, str(count), *self.engine.list(self._run))


@asynccontextmanager
async def room(tmp_path: Path, target: str) -> AsyncIterator[Room]:
    settings = ContainerSettings(**engine_site(target)["container"])
    async with there(tmp_path, os.environ["PATH"]) as site:
        engine = await find("there", site.connector, settings)
        code, answer, _ = await site.run(engine.look(IMAGE))
        if code:
            assert (await site.run(engine.fetch(IMAGE, None).argv))[0] == 0
            _, answer, _ = await site.run(engine.look(IMAGE))
        made = Room(site, engine, engine.found(answer.decode()))
        yield made
        assert await made.there_are() == 0


@pytest.fixture(params=["docker", "podman"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_what_a_container_left_and_used(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        data = await here.site.write(f"{here.site.root}/data/x y", b"hello")
        links = "cat /in/1/x; ln -s /in/1/x input; ln -s /out/input output"
        work = "head -c 50000000 /dev/zero | tail -c 40000000 >/dev/null; sleep 1"
        done = await here.site.done(here.task(f"{links}; {work}", Stage(StageKind.LINK, "in/1/x", data)))
        assert (done.outcome.code, done.outcome.stdout) == (0, "hello"), done.outcome
        real = os.path.realpath(data)
        assert {path: entry.real for path, entry in done.manifest.entries.items()} == {"input": real, "output": real}
        assert done.outcome.usage.memory is not None and 40_000_000 <= done.outcome.usage.memory < 200_000_000
        assert done.outcome.usage.cpu is not None and 0 < done.outcome.usage.cpu < 20


async def test_a_container_that_wants_more_memory_than_it_may_have(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        outcome = (await here.site.done(here.task('x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo ${#x}', memory=20_000_000))).outcome
        assert (outcome.code, outcome.out_of_memory) == (137, True)
        outcome = (await here.site.done(here.task("exit 137", memory=20_000_000))).outcome
        assert (outcome.code, outcome.out_of_memory) == (137, False)


async def test_no_container_stays_after_a_time_limit(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        assert (await here.site.done(here.task(ON, time_limit=2.0))).outcome.timed_out


async def test_no_container_stays_when_its_client_is_killed(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        task = here.task(ON)
        [ticket] = (await here.site.submit(task)).values()
        await here.until_there_are(1)
        os.killpg(number_in(tmp_path / "site/.attempts" / task.key / "claim/command"), signal.SIGKILL)
        assert isinstance((await here.site.ends([ticket]))[ticket], Done)


async def test_no_container_stays_when_its_runner_is_killed(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        task = here.task(ON)
        [ticket] = (await here.site.submit(task)).values()
        await here.until_there_are(1)
        os.kill(number_in(tmp_path / "site/.attempts" / task.key / "claim/runner"), signal.SIGKILL)
        assert isinstance((await here.site.ends([ticket]))[ticket], Lost)


async def test_no_container_stays_of_many_that_are_cancelled(tmp_path: Path, target: str) -> None:
    async with room(tmp_path, target) as here:
        tickets = await here.site.submit(*(here.task(ON) for _ in range(10)))
        await here.until_there_are(10)
        await here.site.connector.cancel(tickets.values())
        assert await here.there_are() == 0
        assert all(isinstance(status, Lost) for status in (await here.site.ends(tickets.values())).values())
