"""Ends commands that nobody waits for any more: all those of one connection together, in one session at a time beside the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from hyflow_ssh.transport import Link

END = """set -- %s
tell() { kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null; }
for leader; do tell TERM "$leader"; done
for try in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for leader; do if tell 0 "$leader"; then left=1; fi; done
    [ -n "$left" ] || exit 0
    sleep 0.1 2>/dev/null || sleep 1
done
for leader; do tell KILL "$leader"; done
exit 0"""
"""First gently, then not. The leaders of process groups are filled in."""


class _Waiting:
    """What is to be ended on one connection, and who is at it."""

    def __init__(self) -> None:
        self.leaders: set[int] = set()
        self.turn = asyncio.Lock()


class Endings:
    """`run` runs a line beside the others on the connection that it is given: on another one it could be another machine."""

    def __init__(self, run: Callable[[Link, str], Awaitable[None]]) -> None:
        self._run = run
        self._waiting: WeakKeyDictionary[Link, _Waiting] = WeakKeyDictionary()

    async def end(self, link: Link, leader: int) -> None:
        """End the command that this process leads. Raises SiteError when the connection is lost."""
        waiting = self._waiting.setdefault(link, _Waiting())
        waiting.leaders.add(leader)
        async with waiting.turn:
            if leader in waiting.leaders:  # else who had the turn before has ended this one too
                await self._end_all(link, waiting)

    async def _end_all(self, link: Link, waiting: _Waiting) -> None:
        leaders, waiting.leaders = waiting.leaders, set()
        try:
            await self._run(link, END % " ".join(map(str, sorted(leaders))))
        except BaseException:
            waiting.leaders |= leaders
            raise
