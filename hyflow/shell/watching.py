"""Many watches, one pair of eyes: all that is watched is looked at together, quickly at first, slower while nothing changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping

from hyflow.connector import Done, Lost, Status, Unknown
from hyflow.errors import SiteError
from hyflow.model.jobs import Key

QUICK = 0.02
SLOWEST = 30.0
ROUND = 120.0

Look = Callable[[Collection[Key]], Awaitable[Mapping[Key, Status]]]


class Watcher:
    """`look` says what became of keys in one round trip, or raises SiteError. `poll`, `quick`: the longest and the shortest pause between
    two, in seconds."""

    def __init__(self, look: Look, poll: float, quick: float = QUICK) -> None:
        self._look, self._poll, self._quick = look, max(poll, quick), quick
        self._watches: dict[int, tuple[dict[Key, Status | None], asyncio.Queue[tuple[Key, Status]]]] = {}
        self._news = asyncio.Event()
        self._count = 0

    def hurry(self) -> None:
        """Something has changed: look soon."""
        self._news.set()

    async def watch(self, keys: Collection[Key]) -> AsyncGenerator[tuple[Key, Status], None]:
        """Every change once, from now on, until each key is Done or Lost."""
        self._count += 1
        number, queue = self._count, asyncio.Queue[tuple[Key, Status]]()
        last: dict[Key, Status | None] = dict.fromkeys(keys)
        self._watches[number] = last, queue
        self._news.set()
        remaining = len(last)
        try:
            while remaining:
                key, status = await queue.get()
                remaining -= isinstance(status, Done | Lost)
                yield key, status
        finally:
            del self._watches[number]

    async def run(self) -> None:
        """Look for ever; ends by being cancelled."""
        pause = self._quick
        while True:
            keys = self._open()
            if not keys:
                self._news.clear()
                await self._news.wait()
                pause = self._quick
                continue
            began = time.monotonic()
            pause = await self._round(keys, pause)
            # A slow site is asked no more often than it can answer.
            await self._rest(pause, max(self._quick, time.monotonic() - began))

    def _open(self) -> set[Key]:
        return set().union(*(last for last, _ in self._watches.values()))

    async def _round(self, keys: Collection[Key], pause: float) -> float:
        """Look once and tell; how long to pause then."""
        self._news.clear()
        try:
            async with asyncio.timeout(ROUND):
                found = await self._look(keys)
        except (SiteError, TimeoutError) as error:
            reason = error.what if isinstance(error, SiteError) else f"no answer within {ROUND:.0f} seconds"
            self._tell({key: Unknown(reason) for key in keys})
            return min(max(pause, self._poll) * 2, SLOWEST)
        return self._quick if self._tell(found) else min(pause * 2, self._poll)

    async def _rest(self, pause: float, least: float) -> None:
        await asyncio.sleep(least)
        try:
            async with asyncio.timeout(max(0.0, pause - least)):
                await self._news.wait()
        except TimeoutError:
            pass

    def _tell(self, found: Mapping[Key, Status]) -> bool:
        """Pass on what changed; whether anything did."""
        changed = False
        for last, queue in self._watches.values():
            for key in last.keys() & found.keys():
                status = found[key]
                if not same(last[key], status):
                    changed = True
                    last[key] = status
                    queue.put_nowait((key, status))
                if isinstance(status, Done | Lost):
                    del last[key]
        return changed


def same(before: Status | None, now: Status) -> bool:
    """Whether the change is none worth telling: that the site is silent is said once, whatever the words."""
    return before == now or (isinstance(before, Unknown) and isinstance(now, Unknown))
