"""What becomes of an attempt whose job has left the queue, or never will: what the queue says, the marks say, and time says. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from hyflow.batch.marks import Seat
from hyflow.batch.system import Over, State, Waiting
from hyflow.connector import Lost
from hyflow.model.jobs import FailureClass, Key

CERTAIN = 5.0
"""Seconds for which marks are waited for when the queue says that something was wrong."""
ENOUGH = 2
"""A node that has failed so often is avoided."""


@dataclass(slots=True)
class Fates:
    """`settle`: seconds for which marks of a job that has left the queue are waited for. `since`: when it was first known that a job
    is over; `failures`: by node, jobs that it failed, as many as say enough of it."""

    settle: float
    since: dict[Seat, float] = field(default_factory=dict)
    failures: dict[str, set[Seat]] = field(default_factory=dict)

    def learn(self, seat: Seat, state: State | None, now: float) -> None:
        """What the queue says of the job; None: it knows nothing of it."""
        if ends(state):
            self.since.setdefault(seat, now)
        else:
            self.since.pop(seat, None)
        if isinstance(state, Over) and state.ambush and state.node:
            failed = self.failures.setdefault(state.node, set())
            if len(failed) < ENOUGH:
                failed.add(seat)

    @property
    def avoided(self) -> tuple[str, ...]:
        """The nodes that have failed too often, by name."""
        return tuple(sorted(node for node, seats in self.failures.items() if len(seats) >= ENOUGH))

    @property
    def blamed(self) -> int:
        """How often nodes have failed, as far as that is kept."""
        return sum(map(len, self.failures.values()))

    def judge(
        self, seat: Seat, state: State | None, open_keys: Collection[Key], began: Collection[Key], alone: bool, now: float
    ) -> dict[Key, Lost]:
        """Those of the job's attempts that have not ended and never will. `began`: those that had begun; `alone`: the job has one alone."""
        if isinstance(state, Waiting) and state.hopeless:
            why = f"the queue says that its job can never start ({state.reason})"
            return dict.fromkeys(open_keys, Lost(why, FailureClass.SUBMISSION, lasting=True))
        if state is not None and not isinstance(state, Over):
            return {}
        since = self.since.get(seat)
        certain = isinstance(state, Over) and state.kind is not None
        if since is None or now - since < (min(CERTAIN, self.settle) if certain else self.settle):
            return {}
        return {key: fate(state, key in began, alone) for key in open_keys}


def ends(state: State | None) -> bool:
    """Whether a job in this state will not go on."""
    return state is None or isinstance(state, Over) or (isinstance(state, Waiting) and state.hopeless)


def fate(state: Over | None, began: bool, alone: bool) -> Lost:
    """What is lost with a job that is over. Where several share it, its end is no word on those that had not begun, nor is its time limit
    one on any of them."""
    match state:
        case Over(kind=FailureClass() as kind, evidence=evidence):
            if not began and not alone:
                return Lost(f"its job ended before it began: {evidence}")
            if kind is FailureClass.TIME and not alone:
                return Lost(f"the job that it shared with others ended first: {evidence}")
            return Lost(evidence, kind)
        case Over():
            where = f" on {state.node}" if state.node else ""
            return Lost(f"its job ended{where} without a word from it: {state.evidence or 'nobody knows why'}")
        case None:
            return Lost("its job has left the queue without a trace, and left no mark")

