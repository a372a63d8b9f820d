"""The fake passes the part of the suite that does not look at what commands do, and does what scripts of tests say."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from hyflow.connector import Connector, Done, Lost, Refused, SiteContext, Ticket
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow.testing import AttemptSuite, FakeConnector, FakeSite
from hyflow.testing.fake import done


async def interpret(task: Task) -> Done:
    """The three commands of the suite."""
    match task.argv:
        case ("true",):
            return done()
        case ("sleep", seconds):
            await asyncio.sleep(float(seconds))
            return done()
        case ("sh", "-c", script, *_):
            return done(int(script.removeprefix("exit ")))
    raise AssertionError(task.argv)


class TestFake(AttemptSuite):
    @pytest.fixture(autouse=True)
    def _one_site(self) -> None:
        self.fake = FakeSite(interpret)
        self.fake.location = replace(self.fake.location, site="under-test")

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return FakeConnector(self.fake)


def task(key: str) -> Task:
    return Task(Key(key), key, f"/work/{key}", ("true",), {})


async def test_a_refusal_is_passed_on_and_starts_nothing() -> None:
    site = FakeSite(refuse={Key("a"): Refused("full", transient=True)})
    async with FakeConnector(site) as connector:
        answers = [answer async for answer in connector.submit(site.location, [task("a"), task("b")])]
    assert answers == [("a", Refused("full", transient=True)), ("b", "b")]
    assert [one.key for one in site.submitted] == ["b"]


async def test_a_ticket_that_nobody_gave_is_lost() -> None:
    async with FakeConnector() as connector:
        assert [status async for _, status in connector.watch([Ticket("x")])] == [Lost("the fake site never heard of it")]


async def test_open_is_answered_by_the_test() -> None:
    site = FakeSite(answer=lambda argv, stdin: (3, b"out" + stdin, argv[0].encode()))
    async with FakeConnector(site) as connector, connector.open(["cmd"]) as pipe:
        await pipe.write(b"put")
        assert (await pipe.read(4), await pipe.read(), await pipe.read()) == (b"outp", b"ut", b"")
        assert await pipe.wait() == (3, b"cmd")
        with pytest.raises(BrokenPipeError):
            await pipe.write(b"x")
