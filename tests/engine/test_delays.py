"""Why jobs have not begun is told by how many wait for what, when it has lasted, and seldom."""

from __future__ import annotations

import asyncio

import pytest

from hyflow.engine import delays
from hyflow.engine.delays import MOST, NAMED, Delays, differ, gathered
from hyflow.model.events import Awaiting, Cause
from hyflow.model.jobs import JobId

PRIORITY, ROOM = ("hpc", "Priority", True), ("hpc", "the queue is full", False)


def job(number: int) -> JobId:
    return JobId("/each", (number,))


def test_few_are_named_and_many_are_counted() -> None:
    groups = {job(number): PRIORITY for number in range(NAMED + 1)} | {job(100): ROOM}
    assert gathered(groups) == (Cause("hpc", "Priority", NAMED + 1, True), Cause("hpc", "the queue is full", 1, False, (job(100),)))


def test_more_reasons_than_anybody_reads_are_one() -> None:
    groups = {job(number): ("hpc", f"reason {number:02}", True) for number in range(MOST + 3)}
    causes = gathered(groups)
    assert [cause.reason for cause in causes] == [*(f"reason {number:02}" for number in range(MOST)), "other reasons"]
    assert causes[-1] == Cause("hpc", "other reasons", 3, True)


@pytest.mark.parametrize(("before", "now", "worth"), [
    ((), (), False),
    ((), (Cause("hpc", "Priority", 1, True),), True),
    ((Cause("hpc", "Priority", 9, True),), (), True),
    ((Cause("hpc", "Priority", 9, True),), (Cause("hpc", "Priority", 10, True),), False),
    ((Cause("hpc", "Priority", 9, True),), (Cause("hpc", "Priority", 4, True),), True),
    ((Cause("hpc", "Priority", 9, True),), (Cause("hpc", "Priority", 18, True),), True),
    ((Cause("hpc", "Priority", 9, True),), (Cause("hpc", "Priority", 9, False),), True),
])  # fmt: skip
def test_what_is_worth_another_event(before: tuple[Cause, ...], now: tuple[Cause, ...], worth: bool) -> None:
    assert differ(before, now) is worth


async def test_it_is_told_when_it_has_lasted_and_not_for_each_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "LASTS", 0.05)
    monkeypatch.setattr(delays, "APART", 0.05)
    told: asyncio.Queue[Awaiting] = asyncio.Queue()
    kept = Delays(told.put_nowait)
    for number in range(1000):
        kept.note(job(number), "hpc", "Resources" if number % 2 else "Priority", True)
        kept.note(job(number), "hpc", "Priority\n  it is", True)
    assert told.empty()
    async with asyncio.timeout(10):
        assert (await told.get()).causes == (Cause("hpc", "Priority it is", 1000, True),)
        for number in range(1000):
            kept.note(job(number), "hpc", "", True)
        assert (await told.get()).causes == ()
    assert told.empty()


async def test_what_does_not_last_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "LASTS", 0.01)
    told: list[Awaiting] = []
    kept = Delays(told.append)
    kept.note(job(0), "hpc", "", True)
    kept.note(job(1), "hpc", "Priority", True)
    kept.note(job(1), "hpc", "", True)
    await asyncio.sleep(0.05)
    assert told == []
