"""What the queue says, asked seldom: less than twice a minute, sooner where something has ended without a word. Knows no marks."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from hyflow.batch.marks import Seat
from hyflow.batch.system import Active, BatchSystem, Entry, Over, State, Waiting
from hyflow.errors import SiteError
from hyflow.shell.trips import Opens, ask

APART = 40.0
"""Seconds between two questions, as a rule."""
URGENT = 5.0
"""Seconds between two at least, where something has ended without a word."""
EACH, SAVED = 30.0, 4
"""Seconds that each question costs in the long run, whatever happens: two a minute; and how many may be saved for what is urgent."""


@dataclass(slots=True)
class Queue:
    """The queue of one site. `states`: what was last said of jobs that are asked about; one that is not there is not in the queue, and
    nothing is known of how it left it."""

    system: BatchSystem
    host: Opens
    asked: float = -1e9
    saved: float = SAVED
    states: dict[Seat, State] = field(default_factory=dict)

    def due(self, urgent: bool) -> bool:
        """Whether it is time to ask again."""
        since = time.monotonic() - self.asked
        return since >= (URGENT if urgent else APART) and self.saved + since / EACH >= 1

    async def ask(self, seats: Collection[Seat], gone: Mapping[Seat, str] = {}) -> Mapping[Seat, State | None]:
        """What becomes of these jobs; None: the queue knows nothing of it. `gone`: those that have left it most likely, with the id of
        their batch; how they ended is asked as well. Raises SiteError when there is no answer."""
        now = time.monotonic()
        self.saved, self.asked = min(SAVED, self.saved + (now - self.asked) / EACH) - 1, now
        names = sorted({seat.batch for seat in seats})
        entries = await self.entries(names, [(name, seat.index) for seat, name in gone.items()])
        found = standings(entries, seats)
        for seat, state in found.items():
            if state is None and isinstance(before := self.states.pop(seat, None), Over):
                state = found[seat] = before  # a queue that soon forgets has told all the same
            if state is not None:
                self.states[seat] = state
        return found

    async def entries(self, names: Sequence[str], gone: Collection[tuple[str, int]] = ()) -> Sequence[Entry]:
        """All that it says of these batches. Raises SiteError when it says nothing, or what cannot be read."""
        question = self.system.question(names, gone)
        answer = await ask(self.host, question, what=f"asking {self.system.name} about jobs")
        try:
            entries = self.system.entries(answer.decode(errors="replace"))
        except ValueError as error:
            raise SiteError(f"what {self.system.name} says of its queue cannot be read: {error}", transient=True) from error
        return [entry for entry in entries if entry.name in names]


def standings(entries: Sequence[Entry], seats: Collection[Seat]) -> dict[Seat, State | None]:
    """How each of the jobs stands. Where the queue has a batch twice, a job of it is over when both are."""
    named: dict[Seat, list[State]] = {}
    rest: dict[str, dict[str, State]] = {}
    single: dict[tuple[str, int], set[str]] = {}
    for entry in entries:
        if entry.indices is None:
            rest.setdefault(entry.name, {})[entry.id] = entry.state
            continue
        for index in entry.indices:
            named.setdefault(Seat(entry.name, index), []).append(entry.state)
            single.setdefault((entry.name, index), set()).add(entry.id)
    found: dict[Seat, State | None] = {}
    for seat in seats:
        told = single.get((seat.batch, seat.index), set())
        states = [*named.get(seat, ()), *(state for id, state in rest.get(seat.batch, {}).items() if id not in told)]
        found[seat] = max(states, key=_liveliness, default=None)
    return found


def _liveliness(state: State) -> int:
    match state:
        case Active():
            return 3
        case Waiting():
            return 2
        case Over(kind=None):
            return 0
        case Over():
            return 1
