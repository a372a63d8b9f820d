"""Bounds for waiting that hold for a process that was stopped in between: what it did not live through was no time to answer it."""

from __future__ import annotations

import asyncio

STEP = 1.0
PAUSE = 0.02


class Patience:
    """So many seconds may be waited in all; a wait that took longer than it should counts as long as it should have taken."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @property
    def over(self) -> bool:
        return self._left <= 0

    async def until(self, event: asyncio.Event) -> bool:
        """Wait for the event as long as there is patience left; whether it has come."""
        while not event.is_set() and not self.over:
            step = min(STEP, self._left)
            self._left -= step
            try:
                async with asyncio.timeout(step):
                    await event.wait()
            except TimeoutError:
                pass
        return event.is_set()

    async def pause(self) -> None:
        """Wait a moment, before looking again."""
        self._left -= PAUSE
        await asyncio.sleep(PAUSE)
