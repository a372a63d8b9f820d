"""Which job runs where, and when: a queue of what waits, and what is free. Pure; the driver's clock and sites are not known here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hyflow.model.jobs import JobId
from hyflow.model.places import Location
from hyflow.model.resources import Request, Resources


def possible(request: Request, locations: Iterable[Location]) -> tuple[Location, ...]:
    """Those of the locations that can ever satisfy the request; a job must not wait at the others, nor keep a place there."""
    return tuple(place for place in locations if place.largest is None or request.least.fits(place.largest))


def refusal(request: Request, locations: Iterable[Location]) -> str:
    """Why none of the locations can satisfy the request, in words."""
    wanted = _words(request.least)
    offers = "; ".join(f"{place} has {_words(place.largest)}" for place in locations if place.largest)
    return f"it asks for {wanted}, more than any of its locations can ever give ({offers})"


def _words(amount: Resources) -> str:
    gpus = f", {amount.gpus} GPUs" if amount.gpus else ""
    return f"{amount.cores:g} cores, {amount.memory / (1 << 20):,.0f} MiB of memory{gpus}"


@dataclass(slots=True)
class _Room:
    """What is free at a location (None: the site queues by itself), and the jobs that it has taken without room for them, by arrival.

    `queued`: how many jobs a site has taken that queues by itself; it takes no more than `ahead` of them at a time (0: any number).
    """

    free: Resources | None
    ahead: int
    early: dict[JobId, Resources] = field(default_factory=dict)
    queued: int = 0

    def book(self, wanted: Resources) -> bool:
        """Whether there is room now."""
        if self.free is None:
            if 0 < self.ahead <= self.queued:
                return False
            self.queued += 1
            return True
        if self.early or not wanted.fits(self.free):
            return False
        self.free = self.free.minus(wanted)
        return True

    def book_early(self, job: JobId, wanted: Resources) -> bool:
        """Whether the location takes one more that has to wait there."""
        if self.free is None or len(self.early) >= self.ahead:
            return False
        self.early[job] = wanted
        return True

    def adopt(self, job: JobId, granted: Resources) -> None:
        """The job is there already, whatever room there is."""
        if self.free is None:
            self.queued += 1
        elif not self.book(granted):
            self.early[job] = granted

    def release(self, job: JobId, granted: Resources) -> None:
        """The job is done; those that have waited longest move up."""
        if self.free is None:
            self.queued -= 1
            return
        if self.early.pop(job, None) is None:
            self.free = self.free.plus(granted)
        while self.early and (first := next(iter(self.early.items())))[1].fits(self.free):
            self.free = self.free.minus(first[1])
            del self.early[first[0]]


@dataclass(slots=True)
class Placement:
    """What is free at each location, and who waits.

    Strictly first come, first served at each location: a large request is not overtaken for ever by small ones. Requests that
    are alike wait in one queue, so that a decision costs the number of different requests, not of jobs. Who may run at one
    location alone may be sent there ahead of time; who has a choice waits for the first that has room.
    """

    rooms: dict[str, _Room]
    waiting: dict[tuple[Request, tuple[str, ...]], deque[tuple[int, JobId]]] = field(default_factory=dict)
    arrivals: int = 0
    settled: bool = True

    @classmethod
    def over(cls, locations: Mapping[str, Location]) -> Placement:
        return cls({name: _Room(place.capacity, place.ahead) for name, place in locations.items()})

    def enqueue(self, job: JobId, request: Request, locations: tuple[str, ...]) -> None:
        """`job` waits for room at one of the locations, best first."""
        self.arrivals += 1
        self.settled = False
        self.waiting.setdefault((request, locations), deque()).append((self.arrivals, job))

    def place(self) -> Iterator[tuple[JobId, str, Resources]]:
        """Take from the queue all that fits now, and book its room."""
        if self.settled:  # nobody came and nothing was given back since the last time
            return
        full: set[str] = set()
        while (kind := self._first(full)) is not None:
            queue = self.waiting[kind]
            job = queue[0][1]
            name = self._choose(job, kind, full)
            if name is None:
                full.update(kind[1])
                continue
            queue.popleft()
            if not queue:
                del self.waiting[kind]
            yield job, name, kind[0].least
        self.settled = True

    def _first(self, full: set[str]) -> tuple[Request, tuple[str, ...]] | None:
        open_kinds = [kind for kind in self.waiting if not full.issuperset(kind[1])] if full else self.waiting
        return min(open_kinds, key=lambda kind: self.waiting[kind][0][0], default=None)

    def _choose(self, job: JobId, kind: tuple[Request, tuple[str, ...]], full: set[str]) -> str | None:
        wanted, locations = kind[0].least, kind[1]
        for name in locations:
            if name not in full and self.rooms[name].book(wanted):
                return name
        only = locations[0]
        return only if len(locations) == 1 and only not in full and self.rooms[only].book_early(job, wanted) else None

    def adopt(self, job: JobId, location: str, granted: Resources) -> None:
        """The job is at the location since before this driver was there."""
        self.rooms[location].adopt(job, granted)

    def release(self, job: JobId, location: str, granted: Resources) -> None:
        """What was booked for the job at the location is free again."""
        self.settled = False
        self.rooms[location].release(job, granted)

    def clear(self) -> None:
        """Nobody waits any more."""
        self.waiting.clear()
