"""One site as the driver uses it: attempts are gathered into batches, submitted, watched to their end, and cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from hyflow.connector import Connector, Done, Forget, Lost, Queued, Refused, Running, Status, Ticket, Unknown
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.tasks import Task

Ended: TypeAlias = Done | Lost | Refused

_PATIENCE = 60.0
"""Seconds that a site has to end attempts, and to find those that it may have taken."""


@dataclass(slots=True, eq=False)
class _Attempt:
    task: Task
    accepted: Callable[[Ticket], None]
    running: Callable[[Running], None]
    ended: asyncio.Future[Ended]
    ticket: Ticket | None = None
    batch: asyncio.Task[None] | None = None

    @property
    def answered(self) -> bool:
        return self.ticket is not None or self.ended.done()


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
    _waits: set[asyncio.Timeout] = field(default_factory=set)
    _until: float | None = None
    left: dict[str, str] = field(default_factory=dict)
    """Directories of attempts that should have been ended and may go on there, each with why nobody knows."""

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
        """End these attempts, now or as soon as the site has taken them; `run` of each returns as it ends. Raises nothing.

        Those that the site does not end in time are given up: it may be long before anything is heard of them.
        """
        known = [self._attempts[key] for key in keys if key in self._attempts]
        self._cancelled.update(attempt.task.key for attempt in known)
        try:
            async with self._bounded():
                await self._cancel_taken([attempt for attempt in known if attempt.ticket is not None])
                if known:
                    await asyncio.wait([attempt.ended for attempt in known])
        except TimeoutError:
            self._give_up(known, "the site gives no answer")

    async def cancel_all(self) -> None:
        """End everything that is at the site, or on its way there, and wait until it has ended."""
        await self.cancel(list(self._attempts))

    def hurry(self, until: float) -> None:
        """Whatever is still waited for at this time of the loop's clock is given up then."""
        self._until = until
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(until)

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + _PATIENCE if self._until is None else self._until) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    async def _cancel_taken(self, attempts: Collection[_Attempt]) -> None:
        try:
            if tickets := [attempt.ticket for attempt in attempts if attempt.ticket is not None]:
                await self.connector.cancel(tickets)
        except SiteError as error:
            self._give_up(attempts, str(error))

    def _give_up(self, attempts: Collection[_Attempt], why: str) -> None:
        """Nothing more is asked of the site for their sake; what is only done for such is cut short."""
        for attempt in attempts:
            if not attempt.ended.done():
                self.left[attempt.task.dir] = why
                _end(attempt, Lost(f"it could not be ended and may go on at {self.name} in {attempt.task.dir}: {why}"))
        needed = {attempt.batch for attempt in self._attempts.values() if not attempt.ended.done()}
        for batch in {attempt.batch for attempt in attempts} - needed:
            if batch is not None and batch is not asyncio.current_task():
                batch.cancel()

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
            attempt.batch = asyncio.current_task()
            if attempt.task.key in self._cancelled:
                _end(attempt, Lost("cancelled before it was submitted"))
        if attempts:
            taken: dict[Ticket, _Attempt] = {}
            missing = await self._submit(at, attempts, taken)
            for attempt in attempts:
                if attempt.ticket is None:
                    _end(attempt, Lost(missing))
            missing = await self._watch(taken) if taken else ""
            for attempt in attempts:
                _end(attempt, Lost(missing))

    async def _submit(self, at: Location, attempts: list[_Attempt], taken: dict[Ticket, _Attempt]) -> str:
        """Submit them; those that the site took get into `taken`. Why nothing will be heard of those of which nothing was heard."""
        by_key = {attempt.task.key: attempt for attempt in attempts}
        missing = "the site did not say whether it took it"
        try:
            async for key, answer in self.connector.submit(at, [attempt.task for attempt in attempts]):
                if isinstance(answer, Refused):
                    _end(by_key[key], answer)
                else:
                    _take(by_key[key], answer, taken)
        except SiteError as error:
            missing = await self._look_for([attempt for attempt in attempts if not attempt.answered], taken, str(error))
        await self._cancel_taken([attempt for attempt in taken.values() if attempt.task.key in self._cancelled])
        return missing

    async def _look_for(self, attempts: Collection[_Attempt], taken: dict[Ticket, _Attempt], why: str) -> str:
        """An answer may be lost after a submission was accepted: what the site has taken all the same goes on."""
        by_key = {attempt.task.key: attempt for attempt in attempts}
        try:
            async with self._bounded():
                for key, ticket in (await self.connector.find(list(by_key))).items():
                    if key in by_key:
                        _take(by_key[key], ticket, taken)
        except (SiteError, TimeoutError):
            for attempt in attempts:
                _end(attempt, Lost(f"it may go on at {self.name} in {attempt.task.dir}, as nobody knows whether it was taken: {why}"))
        return why

    async def _watch(self, taken: dict[Ticket, _Attempt]) -> str:
        """Learn what becomes of them; in the end, why nothing more will be heard of those that have not ended."""
        try:
            async for ticket, status in self.connector.watch(list(taken)):
                _learn(taken[ticket], status)
        except SiteError as error:
            return str(error)
        return "the site says nothing more about it"


def _take(attempt: _Attempt, ticket: Ticket, taken: dict[Ticket, _Attempt]) -> None:
    attempt.ticket = ticket
    taken[ticket] = attempt
    attempt.accepted(ticket)


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


