"""The virtual clock jumps over waits and nothing else."""

from __future__ import annotations

import asyncio
import time

import pytest

from hyflow.testing import run_virtual


def test_sleeping_costs_no_time_and_keeps_the_order() -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for name, seconds in (("day", 86_400.0), ("second", 1.0), ("hour", 3_600.0)):
                group.create_task(sleeper(name, seconds))

    before = time.monotonic()
    run_virtual(main())
    assert time.monotonic() - before < 5
    assert [name for name, _ in seen] == ["second", "hour", "day"]
    assert [round(at) for _, at in seen] == [1, 3_600, 86_400]


def test_a_timeout_passes_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1_000):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert round(run_virtual(main())) == 1_000
