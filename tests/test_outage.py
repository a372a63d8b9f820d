"""A site that gives no answer is asked until it does, and that is told once."""

import pytest

from hyflow import outage
from hyflow.errors import SiteError, Unreachable
from hyflow.outage import Outage


async def test_it_is_asked_until_it_answers_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def ask() -> str:
        if len(pauses) < 9:
            raise Unreachable(f"the line is cut, {len(pauses)}")
        return "answer"

    monkeypatch.setattr(outage.asyncio, "sleep", sleep)
    told: list[str] = []
    assert await Outage("hpc", told.append).outlasted(ask) == "answer"
    assert told == ["hpc gives no answer, and is asked again until it does: the line is cut, 0", "hpc answers again"]
    steps = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(0.75 * step <= pause <= 1.25 * step for step, pause in zip(steps, pauses, strict=True))


async def test_what_the_site_itself_says_is_no_outage() -> None:
    async def ask() -> None:
        raise SiteError("the disk is full", transient=True)

    told: list[str] = []
    with pytest.raises(SiteError, match="the disk is full"):
        await Outage("hpc", told.append).outlasted(ask)
    assert told == []
