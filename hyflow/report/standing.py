"""How a run stands, and what its user may do about it. Judged from its milestones, its latest driver and its lock."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hyflow.journal import Owner, Record, RunDir, Session, count_open, holder, read_milestones, read_session
from hyflow.model.events import Delivered, Event, Rerun, Resumed, Stopping
from hyflow.report.terminal import one_line

_FOR_GOOD = ("cancel", "clean")
"""Reasons to stop after which nothing is left to go on with by itself."""


class RunState(StrEnum):
    """How a run stands. INTERRUPTED: its driver was stopped or died before the run's end. ELSEWHERE: its driver is, or was, a process of
    another host, of which nothing can be told from here."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    ELSEWHERE = "elsewhere"


UNDER_WAY = (RunState.RUNNING, RunState.STOPPING, RunState.ELSEWHERE)
"""The states in which more may happen by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`owner` drives the run now, as far as can be seen from here; `session` is the latest driver that is known of. `left`: attempts that
    may still go on although nobody drives the run, by location. `cleaned`: what it worked with has been removed, or was about to be."""

    state: RunState
    session: Session
    owner: Owner | None
    left: Mapping[str, int]
    cleaned: bool = False

    @property
    def words(self) -> str:
        """The state as a person is told it; safe for a terminal."""
        if self.state is RunState.ELSEWHERE:
            return f"driven on {one_line(self.session.owner.host)} (cannot be seen from here)"
        return self.state.value

    @property
    def sentence(self) -> str:
        """The state as it follows on "the run"."""
        return "has failed" if self.state is RunState.FAILED else f"is {self.words}"

    @property
    def goes_on(self) -> str:
        """What of it goes on by itself, in words; "" when nothing does."""
        if not self.left:
            return ""
        jobs = sum(self.left.values())
        return f"{_jobs(jobs)} may still go on: {', '.join(f'{count:,} at {one_line(place)}' for place, count in self.left.items())}"

    def next(self, run: str) -> str:
        """What to type next, in words; "" when there is nothing to do."""
        match self.state:
            case RunState.FAILED | RunState.CANCELLED if self.cleaned:
                return "it was cleaned, and what it had worked with is gone; hyflow run starts it anew"
            case RunState.INTERRUPTED | RunState.CANCELLED:
                return f"hyflow resume {run} continues it"
            case RunState.FAILED:
                return f"hyflow logs {run} --failed shows what failed; hyflow rerun {run} --failed runs that again"
            case _:
                return ""


def standing(run: RunDir) -> Standing:
    """How the run stands now. Raises JournalError."""
    owner = holder(run.lock)  # first: what a driver wrote before it let go is read then
    session = read_session(run.journal)
    milestones = read_milestones(run.journal, Delivered, Stopping, Rerun, Resumed)
    cleaning = _cleaning(milestones)
    if cleaning is not None and cleaning.ended is not None:
        session = replace(session, ended=cleaning.ended)
    state = _state(_end(milestones), session, alive=owner is not None)
    return Standing(state, session, owner, {} if state in UNDER_WAY else count_open(run.journal), cleaning is not None)


def _cleaning(milestones: Iterable[Record]) -> Stopping | None:
    """That the run was cleaned, if it has not gone on since."""
    found: Stopping | None = None
    for record in milestones:
        match record.event:
            case Rerun() | Resumed():
                found = None
            case Stopping(reason="clean"):
                found = record.event
    return found


def _end(milestones: Iterable[Record]) -> Event | None:
    """What ended the run, or began to; that it was taken up again makes it void."""
    end: Event | None = None
    for record in milestones:
        match record.event:
            case Rerun() | Resumed():
                end = None
            case Stopping(ended=float() | int()):
                pass
            case Delivered() | Stopping() if not isinstance(end, Delivered):
                end = record.event
    return end


def _state(end: Event | None, session: Session, *, alive: bool) -> RunState:
    if isinstance(end, Delivered):
        return RunState.DONE
    if alive:
        return RunState.RUNNING if end is None else RunState.STOPPING
    if session.ended is None and session.owner.host not in ("", socket.gethostname()):
        return RunState.ELSEWHERE
    if isinstance(end, Stopping):
        return RunState.CANCELLED if end.reason in _FOR_GOOD else RunState.INTERRUPTED
    return RunState.INTERRUPTED if session.ended is None else RunState.FAILED


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"
