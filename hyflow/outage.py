"""A site that gives no answer is a state, not a failure: it is told once, and asked again with growing pauses for as long as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hyflow.errors import Unreachable

T = TypeVar("T")

PAUSE, LONGEST = 1.0, 60.0
"""Seconds before a site that did not answer is asked again: at first, and when that has happened often."""


def _nothing(text: str) -> None:
    pass


class Outage:
    """Whether one site is silent just now. `tell` hears when it falls silent and when it answers again."""

    def __init__(self, site: str, tell: Callable[[str], None] = _nothing) -> None:
        self._site, self._tell = site, tell
        self._silent = False

    def begins(self, why: str) -> None:
        """The site gave no answer."""
        if not self._silent:
            self._silent = True
            self._tell(f"{self._site} gives no answer, and is asked again until it does: {why}")

    def is_over(self) -> None:
        """The site has answered."""
        if self._silent:
            self._silent = False
            self._tell(f"{self._site} answers again")

    async def pause(self, seconds: float, why: str) -> float:
        """Leave the site alone for a while; for how long the next time."""
        self.begins(why)
        await asyncio.sleep(seconds * random.uniform(0.75, 1.25))  # noqa: S311 (jitter)
        return min(2 * seconds, LONGEST)

    async def outlasted(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives, once the site can be reached. It is called again as a whole."""
        pause = PAUSE
        while True:
            try:
                answer = await ask()
            except Unreachable as error:
                pause = await self.pause(pause, error.what)
            else:
                self.is_over()
                return answer
