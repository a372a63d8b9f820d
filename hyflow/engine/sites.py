"""One site as the driver uses it: attempts are gathered into batches, submitted, watched to their end, and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from hyflow.connector import Connector, Done, Forget, Lost, Queued, Refused, Running, Status, Ticket, Unknown
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.tasks import Task

Ended: TypeAlias = Done | Lost | Refused

_PATIENCE = 60.0
"""Seconds that a site has to end attempts."""


@dataclass(slots=True, eq=False)
class _Attempt:
    task: Task
    accepted: Callable[[Ticket], None]
    running: Callable[[Running], None]
    ended: asyncio.Future[Ended]
    ticket: Ticket | None = None
    watch: asyncio.Task[str] | None = None


@dataclass(slots=True, eq=False)
class Site:
    """A connector, and the attempts that are at it. `group` owns the asyncio tasks that submit and watch."""

    name: str
    connector: Connector
    group: asyncio.TaskGroup
    _pending: dict[str, tuple[Location, list[_Attempt]]] = field(default_factory=dict)
    _attempts: dict[Key, _Attempt] = field(default_factory=dict)
    _cancelled: set[Key] = field(default_factory=set)
    _ended: list[Ticket] = field(default_factory=list)

    async def run(self, at: Location, task: Task, accepted: Callable[[Ticket], None], running: Callable[[Running], None]) -> Ended:
        """Submit the task and wait for its end. `accepted` hears the ticket, `running` when the command starts."""
        attempt = _Attempt(task, accepted, running, asyncio.get_running_loop().create_future())
        self._attempts[task.key] = attempt
        waiting = self._pending.get(at.name)
        if waiting is None:
            # Whatever is asked for in the same turn of the loop travels together.
            self._pending[at.name] = (at, [attempt])
            self.group.create_task(self._batch(at.name), name=f"batch at {at}")
        else:
            waiting[1].append(attempt)
        try:
            return await attempt.ended
        finally:
            self._attempts.pop(task.key, None)
            self._cancelled.discard(task.key)
            if attempt.ticket is not None:
                self._ended.append(attempt.ticket)

    async def cancel(self, keys: Collection[Key]) -> None:
        """End these attempts, now or as soon as the site has taken them; `run` of each returns as it ends. Raises nothing."""
        known = [self._attempts[key] for key in keys if key in self._attempts]
        self._cancelled.update(attempt.task.key for attempt in known)
        await self._cancel_taken(attempt for attempt in known if attempt.ticket is not None)

    async def cancel_all(self) -> None:
        """End everything that is at the site, or on its way there, and wait until it has ended."""
        attempts = list(self._attempts.values())
        await self.cancel([attempt.task.key for attempt in attempts])
        if attempts:
            await asyncio.wait([attempt.ended for attempt in attempts])

    async def _cancel_taken(self, attempts: Iterable[_Attempt]) -> None:
        """Where the site cannot be told, its attempts are given up: it may be long before anything is heard of them."""
        tickets = {attempt.ticket: attempt for attempt in attempts if attempt.ticket is not None}
        try:
            if tickets:
                async with asyncio.timeout(_PATIENCE):
                    await self.connector.cancel(list(tickets))
        except (SiteError, TimeoutError) as error:
            why = str(error) or f"the site gives no answer within {_PATIENCE:.0f} seconds"
            for attempt in tickets.values():
                _end(attempt, Lost(f"it could not be ended and may go on at {self.name} in {attempt.task.dir}: {why}"))
            self._look_away()

    def _look_away(self) -> None:
        """Stop watching where all that was watched for has been given up."""
        needed = {attempt.watch for attempt in self._attempts.values() if not attempt.ended.done()}
        for watch in {attempt.watch for attempt in self._attempts.values()} - needed:
            if watch is not None:
                watch.cancel()

    async def forget(self) -> None:
        """Let the site drop what it keeps of the attempts that have ended; nobody will ask for them again."""
        if self._ended and (power := self.connector.power(Forget)) is not None:
            await power.forget(self._ended)
            self._ended.clear()

    async def _batch(self, location: str) -> None:
        await asyncio.sleep(0)
        at, gathered = self._pending.pop(location)
        attempts = [attempt for attempt in gathered if attempt.task.key not in self._cancelled]
        for attempt in gathered:
            if attempt.task.key in self._cancelled:
                _end(attempt, Lost("cancelled before it was submitted"))
        if attempts:
            await self._see_through(at, attempts)

    async def _see_through(self, at: Location, attempts: list[_Attempt]) -> None:
        try:
            taken = await self._submit(at, attempts)
            missing = await self._watch(taken) if taken else ""
        except SiteError as error:
            missing = str(error)
        for attempt in attempts:
            _end(attempt, Lost(missing))

    async def _submit(self, at: Location, attempts: list[_Attempt]) -> dict[Ticket, _Attempt]:
        by_key = {attempt.task.key: attempt for attempt in attempts}
        taken: dict[Ticket, _Attempt] = {}
        async for key, answer in self.connector.submit(at, [attempt.task for attempt in attempts]):
            attempt = by_key[key]
            if isinstance(answer, Refused):
                _end(attempt, answer)
            else:
                attempt.ticket = answer
                taken[answer] = attempt
                attempt.accepted(answer)
        await self._cancel_taken(attempt for attempt in taken.values() if attempt.task.key in self._cancelled)
        return {ticket: attempt for ticket, attempt in taken.items() if not attempt.ended.done()}

    async def _watch(self, taken: dict[Ticket, _Attempt]) -> str:
        """Learn what becomes of them; in the end, why nothing more will be heard of those that have not ended."""
        listening = self.group.create_task(self._listen(taken), name=f"watching {len(taken)} at {self.name}")
        for attempt in taken.values():
            attempt.watch = listening
        await asyncio.wait([listening])
        return "they were given up" if listening.cancelled() else listening.result()

    async def _listen(self, taken: dict[Ticket, _Attempt]) -> str:
        try:
            async for ticket, status in self.connector.watch(list(taken)):
                _learn(taken[ticket], status)
        except SiteError as error:
            return str(error)
        return "the site says nothing more about it"


def _learn(attempt: _Attempt, status: Status) -> None:
    match status:
        case Queued() | Unknown():
            pass
        case Running():
            attempt.running(status)
        case Done() | Lost():
            _end(attempt, status)
        case _:
            assert_never(status)


def _end(attempt: _Attempt, how: Ended) -> None:
    if not attempt.ended.done():
        attempt.ended.set_result(how)


