"""A site as the driver uses it: who asks at once travels together, and who is cancelled is never started late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import pytest

from hyflow.connector import Backlog, Done, Lost, P, Queued, Refused, Running, Status, Ticket, Withdraws
from hyflow.engine import sites
from hyflow.engine.sites import Ended, Site
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.tasks import Task
from hyflow.outage import Outage
from hyflow.testing import FakeConnector, FakeSite
from hyflow.testing.fake import done


def task(key: str) -> Task:
    return Task(Key(key), key, f"/work/{key}", ("true",), {})


class Counted(FakeConnector):
    """Remembers what came together."""

    def __init__(self, site: FakeSite) -> None:
        super().__init__(site)
        self.batches: list[list[str]] = []

    async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        self.batches.append([one.key for one in tasks])
        async for answer in super().submit(at, tasks):
            yield answer


async def run(site: Site, at: Location, key: str) -> Ended:
    return await site.run(at, task(key), lambda ticket: None, lambda status: None)


async def test_what_is_asked_for_in_one_turn_travels_together() -> None:
    there = FakeSite(refuse={Key("c"): Refused("no")})
    async with asyncio.timeout(10), Counted(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        ends = await asyncio.gather(*(run(site, there.location, key) for key in "abc"))
        assert [type(end) for end in ends] == [Done, Done, Refused]
        assert connector.batches == [["a", "b", "c"]]


async def test_who_is_cancelled_before_the_site_hears_of_it_never_starts() -> None:
    there = FakeSite()
    async with asyncio.timeout(10), Counted(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = [asyncio.create_task(run(site, there.location, key)) for key in "ab"]
        while not site._attempts:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        await site.cancel([Key("a"), Key("nobody")])
        first, second = await asyncio.gather(*work)
        assert isinstance(first, Lost) and isinstance(second, Done)
        assert connector.batches == [["b"]]


async def test_a_site_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FakeConnector):
        async def cancel(self, tickets: Collection[Ticket]) -> None:
            await asyncio.sleep(60)

    async def sleep(_: Task) -> Done:
        await asyncio.sleep(60)
        return done()

    monkeypatch.setattr(sites, "_PATIENCE", 0.05)
    there = FakeSite(sleep)
    async with asyncio.timeout(10), Silent(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(run(site, there.location, "a"))
        await asyncio.sleep(0.05)
        await site.cancel([Key("a")])
        end = await work
    assert isinstance(end, Lost) and "may go on at fake in /work/a: the site gives no answer" in end.evidence


async def test_all_is_cancelled_at_once() -> None:
    async def sleep(_: Task) -> Done:
        await asyncio.sleep(60)
        return done()

    there = FakeSite(sleep)
    async with asyncio.timeout(10), FakeConnector(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = [asyncio.create_task(run(site, there.location, key)) for key in "abc"]
        await asyncio.sleep(0.05)
        await site.cancel_all()
        ends = await asyncio.gather(*work)
        assert [end.outcome.signal for end in ends if isinstance(end, Done)] == [15, 15, 15]
        await site.cancel_all()


async def test_what_was_accepted_before_a_submission_failed_goes_on() -> None:
    """The site took one and said so, took another and its answer was lost, and never heard of the third."""

    class Failing(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            async for answer in super().submit(at, tasks[:1]):
                yield answer
            async for _ in super().submit(at, tasks[1:2]):
                pass
            raise SiteError("the line is cut", transient=False)

    there = FakeSite()
    async with asyncio.timeout(10), Failing(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        ends = await asyncio.gather(*(run(site, there.location, key) for key in "abc"))
    assert [type(end) for end in ends] == [Done, Done, Lost]
    assert isinstance(ends[2], Lost) and ends[2].evidence == "the line is cut"


async def test_what_nobody_knows_of_is_named() -> None:
    class Cut(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            raise SiteError("the line is cut", transient=False)
            yield

        async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
            raise SiteError("the line is still cut", transient=True)

    there = FakeSite()
    async with asyncio.timeout(10), Cut(there) as connector, asyncio.TaskGroup() as group:
        end = await run(Site("fake", connector, group, Outage("fake")), there.location, "a")
    assert isinstance(end, Lost)
    assert end.evidence == "it may go on at fake in /work/a, as nobody knows whether it was taken: the line is cut"


async def test_what_is_on_its_way_is_not_waited_for_longer_than_asked() -> None:
    """A submission that does not end is given up, with all that was begun for it."""

    class Stuck(FakeConnector):
        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            await asyncio.sleep(600)
            yield tasks[0].key, Ticket("never")

    there = FakeSite()
    async with asyncio.timeout(10), Stuck(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(run(site, there.location, "a"))
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(site.cancel([Key("a")]))
        await asyncio.sleep(0.05)
        assert not stopping.done()
        site.hurry(asyncio.get_running_loop().time())
        end = await work
        await stopping
    assert isinstance(end, Lost) and end.evidence.startswith("it could not be ended and may go on at fake in /work/a")
    assert site.left == {"/work/a": "the site gives no answer"}


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_site_that_gives_no_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """The line is cut before the site has taken anything, after it has taken some, and after all but the answer; nothing starts twice."""

    class Flaky(FakeConnector):
        cuts = 3

        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            asked.append([one.key for one in tasks])
            async for answer in super().submit(at, tasks[:taken] if self.cuts else tasks):
                if not self.cuts:
                    yield answer
            if self.cuts:
                self.cuts -= 1
                raise SiteError("the line is cut", transient=True)

    monkeypatch.setattr(sites, "PAUSE", 0.01)
    there, asked, told = FakeSite(), list[list[Key]](), list[str]()
    async with asyncio.timeout(10), Flaky(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake", told.append))
        ends = await asyncio.gather(*(run(site, there.location, key) for key in "ab"))
    assert [type(end) for end in ends] == [Done, Done]
    assert asked == [["a", "b"]] * 4
    assert sorted(one.key for one in there.submitted) == ["a", "b"]
    assert told == ["fake gives no answer, and is asked again until it does: the line is cut", "fake answers again"]


@pytest.mark.parametrize("raising", [True, False])
async def test_a_watch_that_breaks_off_is_taken_up_again(monkeypatch: pytest.MonkeyPatch, raising: bool) -> None:
    class Flaky(FakeConnector):
        cuts = 3

        async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
            if self.cuts:
                self.cuts -= 1
                if raising:
                    raise SiteError("the line is cut", transient=True)
                return
            async for change in super().watch(tickets):
                yield change

    monkeypatch.setattr(sites, "PAUSE", 0.01)
    there = FakeSite()
    async with asyncio.timeout(10), Flaky(there) as connector, asyncio.TaskGroup() as group:
        assert isinstance(await run(Site("fake", connector, group, Outage("fake")), there.location, "a"), Done)
    assert len(there.submitted) == 1


async def test_what_is_let_go_goes_on_and_is_waited_for_no_longer() -> None:
    async def wait(_: Task) -> Done:
        await release.wait()
        return done()

    there, release = FakeSite(wait), asyncio.Event()
    async with asyncio.timeout(10), FakeConnector(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(run(site, there.location, "a"))
        while not there.submitted:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        site.let_go([Key("a"), Key("nobody")])
        assert await work == sites.LetGo()
        release.set()
        assert isinstance(await run(site, there.location, "a"), Done)
    assert len(there.submitted) == 1


@pytest.mark.parametrize("silent", [False, True])
async def test_what_was_let_go_can_still_be_ended(silent: bool) -> None:
    async def sleep(_: Task) -> Done:
        await asyncio.sleep(60)
        return done()

    class Deaf(FakeConnector):
        async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
            if silent:
                raise SiteError("the line is cut", transient=True)
            return await super().find(keys)

    there = FakeSite(sleep)
    async with asyncio.timeout(10), Deaf(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(run(site, there.location, "a"))
        while not there.submitted:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        site.let_go([Key("a")])
        await work
        assert await site.cancel_let_go([Key("a"), Key("b")]) == ["a"]
        assert await site.cancel_let_go([Key("a")]) == []
        assert isinstance(there.attempts[Key("a")].status, Done) is not silent
        assert site.left == ({"/work/a": "the line is cut"} if silent else {})


@pytest.mark.parametrize("known", [False, True])
async def test_what_a_site_may_have_already_is_ended_there_when_it_is_cancelled_at_once(known: bool) -> None:
    """As of a run that is taken up again, and stopped in the same moment."""

    async def sleep(_: Task) -> Done:
        await asyncio.sleep(60)
        return done()

    there = FakeSite(sleep)
    async with asyncio.timeout(10), Counted(there) as connector, asyncio.TaskGroup() as group:
        async for _ in connector.submit(there.location, [task("a")]):  # by an earlier driver
            pass
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(site.run(there.location, task("a"), lambda ticket: None, lambda status: None, known=known))
        while not site._attempts:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        await site.cancel([Key("a")])
        assert await work == Lost("cancelled before it was submitted")
        assert connector.batches == [["a"]]
        assert isinstance(there.attempts[Key("a")].status, Done) is known


async def test_why_an_attempt_has_not_begun_is_heard_before_it_is_taken_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    class Crowded(FakeConnector):
        """Takes what it is given late, and lets it wait."""

        def power(self, kind: type[P]) -> P | None:
            return self if kind is Backlog else super().power(kind)  # type: ignore[return-value]  # P is Backlog here, which this is

        def held(self) -> str:
            return "it is full"

        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            await asyncio.sleep(0.1)
            async for answer in super().submit(at, tasks):
                yield answer

        async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
            for status in (Queued(), Queued("others first"), Queued("others first"), Running(1.0, "n1"), done()):
                yield next(iter(tickets)), status

    monkeypatch.setattr(sites, "_WATCHED", 0.02)
    heard: list[tuple[str, bool]] = []
    there = FakeSite()
    async with asyncio.timeout(10), Crowded(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        await site.run(there.location, task("a"), lambda ticket: None, lambda status: None, lambda *told: heard.append(told))
    assert heard == [("it is full", False), ("", False), ("others first", True), ("", True)]


async def test_a_site_that_does_not_say_that_it_ended_what_has_ended_is_left_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the attempt any more, but for the site that was to end it."""
    cancelled = asyncio.Event()

    class Hanging(FakeConnector):
        def power(self, kind: type[P]) -> P | None:
            return self if kind is Withdraws else super().power(kind)  # type: ignore[return-value]  # P is Withdraws here, which this is

        def withdraw(self, keys: Collection[Key]) -> None:
            cancelled.set()

        async def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
            await cancelled.wait()
            async for answer in super().submit(at, tasks):
                yield answer

        async def cancel(self, tickets: Collection[Ticket]) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr(sites, "_WATCHED", 0.01)
    monkeypatch.setattr(sites, "_PATIENCE", 0.5)
    there = FakeSite()
    async with asyncio.timeout(10), Hanging(there) as connector, asyncio.TaskGroup() as group:
        site = Site("fake", connector, group, Outage("fake"))
        work = asyncio.create_task(run(site, there.location, "a"))
        await asyncio.sleep(0.05)
        await site.cancel([Key("a")])
        assert isinstance(await work, Done) and site.left == {}
