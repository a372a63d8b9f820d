"""What was measured of the way to a machine, in words; and how much is moved for it."""

from __future__ import annotations

import asyncio

import pytest

from hyflow.connector import Finding
from hyflow.shell import measuring
from hyflow.shell.measuring import clock, rate_words, throughput


@pytest.mark.parametrize(
    ("ahead", "within", "told"),
    [
        (0.05, 0.001, Finding("clock", "as here (within 0.1 s)")),
        (-0.4, 0.5, Finding("clock", "as here (within 0.5 s)")),
        (2.0, 0.2, Finding("clock", "2.0 s ahead of this machine's (within 0.2 s)")),
        (-75.0, 0.2, Finding("clock", "75.0 s behind this machine's (within 0.2 s): times that jobs write differ by that", "warning")),
    ],
)
def test_clocks_that_differ(ahead: float, within: float, told: Finding) -> None:
    assert clock(0.1, ahead, within) == told


async def test_blocks_grow_while_there_is_time() -> None:
    moved = []

    async def move(size: int) -> None:
        moved.append(size)

    assert await throughput(move, 0.0) is not None
    assert moved == [1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24]


async def test_a_slow_way_is_given_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    moved = []

    async def move(size: int) -> None:
        moved.append(size)
        await asyncio.sleep(0.02)

    rate = await throughput(move, 0.0)
    assert moved == [1 << 14] and rate is not None and rate <= (1 << 14) / 0.02


async def test_a_way_on_which_nothing_moves_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "PATIENCE", 0.01)

    async def move(size: int) -> None:
        await asyncio.Event().wait()

    assert await throughput(move, 0.0) is None


def test_rates_in_words() -> None:
    assert (rate_words(None), rate_words(3 << 20)) == ("less than 2KiB/s", "3MiB/s")
