"""Bounds every wait for a machine by the time for which nothing at all has moved, to it or from it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hyflow.errors import Unreachable

STEP = 1.0


class Silence:
    """What has been silent for `patience` seconds is given up; `hint` says which settings are concerned.

    Silence is counted in steps which this process lived through: while it was stopped it could not listen.
    """

    def __init__(self, patience: float, hint: str) -> None:
        self._patience, self._step, self._hint = patience, min(STEP, patience / 4), hint
        self._waits: set[asyncio.Timeout] = set()
        self._lasted = 0.0
        self._counts = False

    def stir(self) -> None:
        """Something has moved."""
        self._lasted = 0.0

    @contextlib.asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Raises Unreachable when nothing moves for too long."""
        try:
            async with asyncio.timeout(None) as wait:
                self._begin(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError as error:
            what = f"the site gives no answer: nothing has moved for {self._patience:g} seconds"
            raise Unreachable(what, hint=self._hint) from error
        self.stir()

    def _begin(self, wait: asyncio.Timeout) -> None:
        self.stir()
        self._waits.add(wait)
        if not self._counts:
            self._counts = True
            asyncio.get_running_loop().call_later(self._step, self._count)

    def _count(self) -> None:
        """One more step has passed."""
        loop = asyncio.get_running_loop()
        self._lasted += self._step
        for wait in self._waits if self._lasted > self._patience else ():
            if not wait.expired():
                wait.reschedule(loop.time())
        self._counts = bool(self._waits)
        if self._counts:
            loop.call_later(self._step, self._count)
