"""What becomes of attempts: their marks first, and the queue where these are silent. Knows when each is worth asking."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from hyflow.batch import marks
from hyflow.batch.book import Book
from hyflow.batch.fates import Fates, ends
from hyflow.batch.grouping import Durations
from hyflow.batch.marks import Seat, Seen
from hyflow.batch.queue import Queue
from hyflow.batch.system import Active, State, Waiting
from hyflow.connector import Done, Lost, Queued, Running, Status, Unknown
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.shell.quoting import quote
from hyflow.shell.trips import Opens, ask

SAID = r"""said() { tail -c 500 "$1" 2>/dev/null | tr '\n\0' '  '; echo; }"""
"""Tells the end of a log in one line."""
SILENT = 2
"""How many looks in a row a job that is over may say nothing new of its attempts before the queue is asked."""


@dataclass(slots=True)
class Ward:
    """`own`: the directory of the run's batches; `base`: that of all bundles. `freed` is called when a job has nothing to do any more."""

    host: Opens
    base: str
    own: str
    book: Book
    queue: Queue
    fates: Fates
    durations: Durations
    freed: Callable[[], None]
    _seen: set[Key] = field(default_factory=set)
    _beginnings: dict[Key, str] = field(default_factory=dict)
    _known: list[tuple[str, str]] = field(default_factory=list)
    _over: dict[Seat, int] = field(default_factory=dict)
    _urgent: bool = False
    _deaf: str = ""
    _news: dict[Key, Status] = field(default_factory=dict)

    async def look(self, keys: Collection[Key], now: float) -> Mapping[Key, Status]:
        """What became of these attempts, all of which are in the book; nothing of those of which there is nothing new. Raises SiteError."""
        await self._marks([key for key in keys if key not in self._seen and key in self.book.seats], keys)
        if any(key in self.book.seats for key in keys) and self.queue.due(self._urgent):
            try:
                await self._asked(keys, now)
                self._urgent, self._deaf = False, ""
            except SiteError as error:  # what the marks say is true nevertheless
                self._deaf = error.what
        await self._judged(now)
        news, self._news = self._news, {}
        return {**dict.fromkeys(self.book.seats.keys() & set(keys), Unknown(self._deaf)), **news} if self._deaf else news

    async def _marks(self, fresh: Collection[Key], keys: Collection[Key]) -> None:
        known, self._known = self._known, []
        try:
            seen = await marks.look(self.host, self.base, self.own, known, self.book.batches(keys), fresh)
        except BaseException:
            self._known[:0] = known
            raise
        answered = seen.ended.keys() | seen.running.keys() | seen.queued | seen.claimed | seen.gone
        self._seen.update(key for key in fresh if key in answered)
        self._moved(seen)
        self._overheard(seen)
        found: dict[Key, Status] = dict.fromkeys(seen.queued | seen.claimed, Queued())
        found |= self._begun(seen)
        found |= {key: Lost(f"its directory {key} is no longer there") for key in seen.gone}
        died = {key: words for key, words in seen.died.items() if key in self.book.seats and key not in seen.ended}
        lost = {key: Lost(f"its runner died{_on(found.get(key))}: {words or 'without a word'}") for key, words in died.items()}
        found |= await self._written_off(lost | await self._unprepared(seen))
        self._learn({**found, **seen.ended})

    def _begun(self, seen: Seen) -> dict[Key, Status]:
        known = {key: running for key, running in seen.running.items() if key in self.book.seats}
        self.book.began |= known.keys()
        self._beginnings.update({key: seen.beginnings[key] for key in known})
        return dict(known)

    def _overheard(self, seen: Seen) -> None:
        """Jobs that say that they are over, while attempts of theirs do not: the queue is asked at once, and only once."""
        for seat, told in seen.jobs.items():
            if told & {"x", "b"} and seat in self.book.open:
                self._over[seat] = 0 if self.book.open[seat] & seen.ended.keys() else self._over.get(seat, 0) + 1
                self._urgent = self._urgent or self._over[seat] == SILENT

    def _moved(self, seen: Seen) -> None:
        """Attempts that another batch has begun than they were put into the last time."""
        for key, seat in seen.seats.items():
            if key in self.book.seats:
                self.book.know(key, seat)

    async def _unprepared(self, seen: Seen) -> dict[Key, Lost]:
        """Attempts of jobs whose prologue failed, with what it said."""
        seats = [seat for seat, told in seen.jobs.items() if "p" in told and seat in self.book.open]
        if not seats:
            return {}
        logs = [quote(["said", posixpath.join(self.own, seat.batch, f"log.{seat.index}")]) for seat in seats]
        said = await ask(self.host, "\n".join([SAID, *logs]), what="reading jobs' logs")
        words = [" ".join(line.decode(errors="replace").split()) or "it said nothing" for line in said.split(b"\n")]
        return {
            key: Lost(f"the site's prologue failed: {why}")
            for seat, why in zip(seats, words, strict=False) for key in self.book.open[seat]
        }  # fmt: skip

    async def _asked(self, keys: Collection[Key], now: float) -> None:
        """Ask the queue; what left it without a word is looked at once more, by its bundles, before anything is said of it."""
        wanted = {self.book.seats[key] for key in keys if key in self.book.seats}
        states = dict(await self.queue.ask(wanted))
        over = {seat for seat in wanted if ends(states[seat])}
        if over:
            await self._marks([key for seat in over for key in self.book.open[seat]], keys)
        ids = {seat: self.book.ids.get(seat.batch, "") for seat in over if seat in self.book.open and seat not in self.fates.since}
        if lacking := {seat: id for seat, id in ids.items() if id}:  # accounting says more than the queue does
            states |= await self.queue.ask(lacking, lacking)
        for seat in wanted & self.book.open.keys():
            self.fates.learn(seat, states[seat], now)
        self._explained({seat: states[seat] for seat in wanted & self.book.open.keys()})

    def _explained(self, states: Mapping[Seat, State | None]) -> None:
        """Why those wait that have not begun."""
        for seat, state in states.items():
            if isinstance(state, Waiting | Active):
                why = Queued(state.reason if isinstance(state, Waiting) else "")
                self._news.update(dict.fromkeys(self.book.open[seat] - self.book.began, why))

    async def _judged(self, now: float) -> None:
        """Those whose job is over for long enough that nothing will be heard of them any more."""
        lost: dict[Key, Lost] = {}
        for seat in self.fates.since.keys() & self.book.open.keys():
            alone = seat not in self.book.shared
            lost |= self.fates.judge(seat, self.queue.states.get(seat), self.book.open[seat], self.book.began, alone, now)
        self._learn(await self._written_off(lost))

    async def _written_off(self, lost: Mapping[Key, Lost]) -> dict[Key, Status]:
        """Those that are lost indeed; of those that have ended after all the next look tells."""
        if not lost:
            return {}
        ended = await marks.write_off(self.host, self.base, lost)
        self._seen -= ended
        return {key: each for key, each in lost.items() if key not in ended}

    def _learn(self, found: Mapping[Key, Status]) -> None:
        """It is told when the look is over, or the next one should this one fail."""
        self._news.update(found)
        for key, status in found.items():
            if not isinstance(status, Done | Lost) or (seat := self.book.seats.get(key)) is None:
                continue
            self._known += [(seat.batch, mark) for mark in (f"e:{key}", f"d:{key}", self._beginnings.pop(key, "")) if mark]
            self._seen.discard(key)
            if isinstance(status, Done) and status.outcome.usage.wall is not None and (step := self.book.steps.get(key)) is not None:
                self.durations.learn(step, status.outcome.usage.wall)
            if self.book.end(key):
                self.fates.since.pop(seat, None)
                self.queue.states.pop(seat, None)
                self._over.pop(seat, None)
                self.freed()


def _on(status: Status | None) -> str:
    return f" on {status.host}" if isinstance(status, Running) else ""
