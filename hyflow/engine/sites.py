"""One site as the driver uses it: attempts are gathered into batches, submitted, watched to their end, cancelled or let go.

A site that gives no answer is asked again, for as long as it takes: submitting the same attempt once more starts nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from hyflow.connector import Backlog, Connector, Done, Forget, Lost, Names, Queued, Refused, Running, Status, Ticket, Unknown, Withdraws
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.tasks import Task
from hyflow.outage import PAUSE, Outage


@dataclass(frozen=True, slots=True)
class LetGo:
    """The attempt goes on, and nobody here waits for it any more."""


Ended: TypeAlias = Done | Lost | Refused | LetGo

Waiting: TypeAlias = Callable[[str, bool], None]
"""Hears why an attempt has not begun, each time that this changes ("": it has, or nobody says), and whether the site has taken it."""

_PATIENCE = 60.0
"""Seconds that a site has to end attempts, and to find those that it may have taken."""

_WATCHED = 0.5
"""Seconds after which attempts are watched that were taken, while others still wait to be; those are asked for their reason as often."""


def _unheard(reason: str, queued: bool) -> None:
    pass


@dataclass(slots=True, eq=False)
class _Attempt:
    task: Task
    accepted: Callable[[Ticket], None]
    running: Callable[[Running], None]
    waiting: Waiting
    ended: asyncio.Future[Ended]
    known: bool
    ticket: Ticket | None = None
    begun: bool = False
    batch: asyncio.Task[None] | None = None
    why: str = ""

    @property
    def answered(self) -> bool:
        return self.ticket is not None or self.ended.done()

    def waits(self, why: str) -> None:
        """It has not begun, for this reason; "": it has, or nobody says."""
        if why != self.why:
            self.why = why
            self.waiting(why, self.ticket is not None)


@dataclass(slots=True, eq=False)
class Site:
    """A connector, and the attempts that are at it. `group` owns the asyncio tasks that submit and watch."""

    name: str
    connector: Connector
    group: asyncio.TaskGroup
    outage: Outage
    _pending: dict[str, tuple[Location, list[_Attempt]]] = field(default_factory=dict)
    _attempts: dict[Key, _Attempt] = field(default_factory=dict)
    _cancelled: set[Key] = field(default_factory=set)
    _ended: list[Ticket] = field(default_factory=list)
    _let_go: dict[Key, str] = field(default_factory=dict)
    _waits: set[asyncio.Timeout] = field(default_factory=set)
    _until: float | None = None
    left: dict[str, str] = field(default_factory=dict)
    """Directories of attempts that should have been ended and may go on there, each with why nobody knows."""

    async def run(
        self,
        at: Location,
        task: Task,
        accepted: Callable[[Ticket], None],
        running: Callable[[Running], None],
        waiting: Waiting = _unheard,
        *,
        known: bool = False,
    ) -> Ended:
        """Submit the task and wait for its end. `accepted` hears the ticket, `running` when the command starts, `waiting` why it does not.
        `known`: the site may have it already."""
        attempt = _Attempt(task, accepted, running, waiting, asyncio.get_running_loop().create_future(), known)
        self._attempts[task.key] = attempt
        gathering = self._pending.get(at.name)
        if gathering is None:
            # Whatever is asked for in the same turn of the loop travels together.
            self._pending[at.name] = (at, [attempt])
            self.group.create_task(self._batch(at.name), name=f"batch at {at}")
        else:
            gathering[1].append(attempt)
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
            if (power := self.connector.power(Withdraws)) is not None:
                power.withdraw([attempt.task.key for attempt in known if not attempt.answered])
            async with self._bounded():
                await self._cancel_taken([attempt for attempt in known if attempt.ticket is not None])
                if known:
                    await asyncio.wait([attempt.ended for attempt in known])
        except TimeoutError:
            self._give_up(known, "the site gives no answer")

    def let_go(self, keys: Collection[Key]) -> None:
        """Wait for these attempts no longer; whatever has reached the site goes on there."""
        attempts = [self._attempts[key] for key in keys if key in self._attempts]
        for attempt in attempts:
            self._let_go[attempt.task.key] = attempt.task.dir
            _end(attempt, LetGo())
        self._drop_batches(attempts)

    async def cancel_let_go(self, keys: Collection[Key]) -> list[Key]:
        """End those of these attempts that were let go; which ones that were. Raises nothing: what may go on is named in `left`."""
        gone = {key: directory for key in keys if (directory := self._let_go.pop(key, None)) is not None}
        await self.end(gone)
        return list(gone)

    async def end(self, attempts: Mapping[Key, str]) -> None:
        """End attempts that nobody waits for, given by key with their directories, as far as the site has taken them. Raises nothing: what
        may go on is named in `left`."""
        try:
            if attempts:
                async with self._bounded():
                    await self.connector.cancel(list((await self.connector.find(list(attempts))).values()))
        except (SiteError, TimeoutError) as error:
            self.left.update(dict.fromkeys(attempts.values(), str(error) or "the site gives no answer"))

    @property
    def going_on(self) -> int:
        """How many attempts were let go, and not ended since."""
        return len(self._let_go)

    def let_go_all(self) -> None:
        """Wait for nothing any more."""
        self.let_go(list(self._attempts))

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
        """End these. Those that end by themselves meanwhile are waited for by nobody, so this has a bound of its own."""
        try:
            if tickets := [attempt.ticket for attempt in attempts if attempt.ticket is not None]:
                async with self._bounded():
                    await self.connector.cancel(tickets)
        except (SiteError, TimeoutError) as error:
            self._give_up(attempts, str(error) or "the site gives no answer")

    def _give_up(self, attempts: Collection[_Attempt], why: str) -> None:
        """Nothing more is asked of the site for their sake; what is only done for such is cut short."""
        for attempt in attempts:
            if not attempt.ended.done():
                self.left[attempt.task.dir] = why
                _end(attempt, Lost(f"it could not be ended and may go on at {self.name} in {attempt.task.dir}: {why}"))
        self._drop_batches(attempts)

    def _drop_batches(self, attempts: Collection[_Attempt]) -> None:
        needed = {attempt.batch for attempt in self._attempts.values() if not attempt.ended.done()}
        for batch in {attempt.batch for attempt in attempts} - needed:
            if batch is not None and batch is not asyncio.current_task():
                batch.cancel()

    def name_of(self, ticket: Ticket) -> str:
        """What the site's own commands call the attempt; "" where there is no such name."""
        return "" if (power := self.connector.power(Names)) is None else power.name(ticket)

    async def forget(self) -> None:
        """Let the site drop what it keeps of the attempts that have ended; nobody will ask for them again."""
        if self._ended and (power := self.connector.power(Forget)) is not None:
            await power.forget(self._ended)
            self._ended.clear()

    async def _batch(self, location: str) -> None:
        await asyncio.sleep(0)
        at, gathered = self._pending.pop(location)
        for attempt in gathered:
            attempt.batch = asyncio.current_task()
        unwanted = [attempt for attempt in gathered if attempt.task.key in self._cancelled]
        await self.end({attempt.task.key: attempt.task.dir for attempt in unwanted if attempt.known})
        for attempt in unwanted:
            _end(attempt, Lost("cancelled before it was submitted"))
        attempts = [attempt for attempt in gathered if not attempt.ended.done()]
        if attempts:
            await self._submit_and_watch(at, attempts)

    async def _submit_and_watch(self, at: Location, attempts: list[_Attempt]) -> None:
        """Those that are taken first are watched while the others wait to be taken, which may be long."""
        taken: dict[Ticket, _Attempt] = {}
        watched: set[Ticket] = set()
        async with asyncio.TaskGroup() as group:
            submitting = group.create_task(self._submit(at, attempts, taken), name=f"submitting to {at}")
            while not submitting.done():
                await asyncio.wait([submitting], timeout=_WATCHED)
                self._ask_why(attempts)
                if new := {ticket: attempt for ticket, attempt in taken.items() if ticket not in watched}:
                    watched |= new.keys()
                    group.create_task(self._watch(new), name=f"watching {at}")

    def _ask_why(self, attempts: Collection[_Attempt]) -> None:
        """Why those wait that the site has not taken."""
        why = "" if (power := self.connector.power(Backlog)) is None else power.held()
        for attempt in attempts:
            if not attempt.answered:
                attempt.waits(why)

    async def _submit(self, at: Location, attempts: list[_Attempt], taken: dict[Ticket, _Attempt]) -> None:
        """Submit them, again and again until the site has answered for each; those that it took get into `taken`."""
        pause = PAUSE
        while unanswered := [attempt for attempt in attempts if not attempt.answered]:
            try:
                await self._submit_once(at, unanswered, taken)
            except SiteError as error:
                if not error.transient:
                    await self._look_for([attempt for attempt in unanswered if not attempt.answered], taken, str(error))
                    break
                pause = await self.outage.pause(pause, error.what)
            else:
                pause = PAUSE
        await self._cancel_taken([attempt for attempt in taken.values() if attempt.task.key in self._cancelled])

    async def _submit_once(self, at: Location, attempts: list[_Attempt], taken: dict[Ticket, _Attempt]) -> None:
        by_key = {attempt.task.key: attempt for attempt in attempts}
        async for key, answer in self.connector.submit(at, [attempt.task for attempt in attempts]):
            self.outage.is_over()
            if not isinstance(answer, Refused):
                _take(by_key[key], answer, taken)
            elif not by_key[key].ended.done():
                _end(by_key[key], Lost("cancelled before it was submitted") if key in self._cancelled else answer)
        if any(not attempt.answered for attempt in attempts):
            raise SiteError("the site did not say whether it took a job", transient=True)

    async def _look_for(self, attempts: Collection[_Attempt], taken: dict[Ticket, _Attempt], why: str) -> None:
        """The site takes nothing more, but an answer may have been lost: what it has taken all the same goes on."""
        by_key = {attempt.task.key: attempt for attempt in attempts}
        doubt = ""
        try:
            async with self._bounded():
                for key, ticket in (await self.connector.find(list(by_key))).items():
                    if key in by_key:
                        _take(by_key[key], ticket, taken)
        except (SiteError, TimeoutError):
            doubt = "it may go on at {site} in {dir}, as nobody knows whether it was taken: "
        for attempt in attempts:
            if not attempt.answered:
                _end(attempt, Lost(doubt.format(site=self.name, dir=attempt.task.dir) + why, lasting=True))

    async def _watch(self, taken: dict[Ticket, _Attempt]) -> None:
        """Learn what becomes of them, however often the site falls silent."""
        pause = PAUSE
        while left := {ticket: attempt for ticket, attempt in taken.items() if not attempt.ended.done()}:
            try:
                async for ticket, status in self.connector.watch(list(left)):
                    pause = PAUSE
                    self._learn(taken[ticket], status)
                if any(not attempt.ended.done() for attempt in left.values()):
                    raise SiteError("the site says nothing more about some of its jobs", transient=True)
            except SiteError as error:
                if not error.transient:
                    for attempt in left.values():
                        _end(attempt, Lost(str(error), lasting=True))
                    return
                pause = await self.outage.pause(pause, error.what)

    def _learn(self, attempt: _Attempt, status: Status) -> None:
        match status:
            case Unknown(reason):
                self.outage.begins(reason)
                return
            case Queued(reason):
                attempt.waits(reason)
            case Running():
                attempt.waits("")
                attempt.begun = True
                attempt.running(status)
            case Done(outcome) if not attempt.begun and outcome.host:  # it was quick
                attempt.running(Running(outcome.started, outcome.host))
                _end(attempt, status)
            case Done() | Lost():
                _end(attempt, status)
            case _:
                assert_never(status)
        self.outage.is_over()


def _take(attempt: _Attempt, ticket: Ticket, taken: dict[Ticket, _Attempt]) -> None:
    attempt.waits("")
    attempt.ticket = ticket
    taken[ticket] = attempt
    attempt.accepted(ticket)


def _end(attempt: _Attempt, how: Ended) -> None:
    attempt.waits("")
    if not attempt.ended.done():
        attempt.ended.set_result(how)
