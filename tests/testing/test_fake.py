"""The fake passes the part of the suite that does not look at what commands do, and does what scripts of tests say."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from hyflow.connector import Connector, Done, Lost, Refused, SiteContext, Stay, Ticket
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


class TestFleetingFake(AttemptSuite):
    @pytest.fixture(autouse=True)
    def _one_site(self) -> None:
        self.fake = FakeSite(interpret)
        self.fake.location = replace(self.fake.location, site="under-test", fleeting=True)

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return FakeConnector(self.fake)


class TestFakeThatLetsGo(AttemptSuite):
    @pytest.fixture(autouse=True)
    def _one_site(self) -> None:
        self.fake = FakeSite(interpret, lets_go=True)
        self.fake.location = replace(self.fake.location, site="under-test")

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return FakeConnector(self.fake)


@pytest.mark.parametrize("stays", [True, False])
async def test_what_is_taken_up_has_started_once_and_went_on_only_where_it_was_told_to(stays: bool) -> None:
    site, go = FakeSite(), asyncio.Event()

    async def wait(_: Task) -> Done:
        await go.wait()
        return done(3)

    site.behave, site.location = wait, replace(site.location, fleeting=True)
    async with FakeConnector(site) as connector:
        [(_, ticket)] = [answer async for answer in connector.submit(site.location, [task("a")])]
        await asyncio.sleep(0)
        stay = connector.power(Stay)
        assert stay is not None
        if stays:
            stay.stay()
    async with FakeConnector(site) as connector:
        assert [answer async for answer in connector.submit(site.location, [task("a")])] == [("a", ticket)]
        go.set()
        ends = [status async for _, status in connector.watch([Ticket("a")])]
    assert isinstance(ends[-1], Done)
    assert (ends[-1].outcome.code, ends[-1].outcome.signal) == ((3, None) if stays else (None, 15))
    assert len(site.submitted) == 1


async def test_a_failure_of_the_fake_itself_is_told_by_both_ways() -> None:
    async def fail(_: Task) -> Done:
        raise KeyError("x")

    site = FakeSite(fail)
    with pytest.raises(ExceptionGroup):
        async with FakeConnector(site) as connector:
            [_ async for _ in connector.submit(site.location, [task("a")])]
            await asyncio.sleep(60)
    assert site.attempts[Key("a")].status == Lost("the fake site failed: KeyError('x')")


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
