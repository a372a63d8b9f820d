"""Which attempts are in which job, as far as this process knows; and which of them have not ended. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from hyflow.batch.grouping import Batch
from hyflow.batch.marks import Seat
from hyflow.model.jobs import Key


@dataclass(slots=True)
class Book:
    """`seats`: where attempts are that have not ended; `open`: the same the other way around. `began`: those that run, or ran.
    `ids`: what the queue calls batches, as far as it was heard. `steps`: whose attempts they are. `shared`: jobs that have several."""

    seats: dict[Key, Seat] = field(default_factory=dict)
    open: dict[Seat, set[Key]] = field(default_factory=dict)
    shared: set[Seat] = field(default_factory=set)
    began: set[Key] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    steps: dict[Key, str] = field(default_factory=dict)

    @property
    def jobs(self) -> int:
        """How many jobs there are that have not ended."""
        return len(self.open)

    @property
    def idle(self) -> int:
        """How many of them have not begun."""
        return len(self.open) - len({seat for key in self.began if (seat := self.seats.get(key)) is not None})

    def add(self, name: str, batch: Batch, id: str) -> None:
        """The queue has accepted the batch."""
        for index, element in enumerate(batch.elements):
            for key in element.keys:
                self.know(key, Seat(name, index), id)

    def know(self, key: Key, seat: Seat, id: str = "") -> None:
        """The attempt is there; if it was elsewhere before, no longer."""
        if id:
            self.ids[seat.batch] = id
        if self.seats.get(key) == seat:
            return
        step = self.steps.get(key)
        self.end(key)
        if step is not None:
            self.steps[key] = step
        self.seats[key] = seat
        there = self.open.setdefault(seat, set())
        there.add(key)
        if len(there) > 1:
            self.shared.add(seat)

    def end(self, key: Key) -> bool:
        """The attempt has ended; whether its job has nothing to do any more."""
        seat = self.seats.pop(key, None)
        self.began.discard(key)
        self.steps.pop(key, None)
        if seat is None:
            return False
        self.open[seat].discard(key)
        if self.open[seat]:
            return False
        del self.open[seat]
        self.shared.discard(seat)
        return True

    def batches(self, keys: Collection[Key]) -> set[str]:
        """Those that these attempts are in."""
        return {self.seats[key].batch for key in keys if key in self.seats}
