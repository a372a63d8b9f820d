"""Taking up a run that an earlier driver left: what must hold before, what is known of it, and how it is brought to
where it was."""

from __future__ import annotations

import contextlib
import gc
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hyflow import plain
from hyflow.deployment import Deployment, reread
from hyflow.engine.replay import Kept, downstream, replay
from hyflow.engine.state import REPLAYED, State
from hyflow.errors import JournalError, UsageError
from hyflow.journal import RunDir, has_begun, holder, read_events, read_meta, read_milestones, read_open
from hyflow.model.events import Delivered, Rerun, Submitting
from hyflow.model.jobs import Key
from hyflow.model.values import Value
from hyflow.model.workflow import Program
from hyflow.nearest import suggestion
from hyflow.report.standing import RunState, standing


@dataclass(frozen=True, slots=True)
class Wish:
    """What whoever takes up a run wants beside going on: jobs that failed to run again, and a step (a path) with all that follows from it;
    `take_over`: although it may be driven on another host; `reuse`: results of earlier runs may be taken."""

    failed: bool = False
    step: str | None = None
    take_over: bool = False
    reuse: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What the record says of a run."""

    program: Program
    deployment: Deployment
    outdir: Path


def check(run: RunDir, wish: Wish) -> None:
    """Raises HyflowError where the run cannot be taken up, as far as that can be told without its lock."""
    if not has_begun(run):
        raise JournalError(f"run {run.id} never began: there is nothing to go on with", hint="hyflow run starts it anew")
    if (owner := holder(run.lock)) is not None:
        hint = f"hyflow attach {run.id} shows it; hyflow cancel {run.id} ends it"
        raise JournalError(f"run {run.id} is driven by {owner}", hint=hint)
    stands = standing(run)
    if stands.cleaned and stands.state is not RunState.DONE:
        raise JournalError(f"run {run.id} was cleaned: what it had worked with is gone", hint="hyflow run starts it anew")
    session = stands.session
    if session.ended is None and session.owner.host not in ("", socket.gethostname()) and not wish.take_over:
        host = session.owner.host
        what = f"run {run.id} was driven by {session.owner}, and nobody has recorded its end: it may still go on there"
        hint = f"if you know that it does not, add --take-over; what it had begun on {host} itself is then begun again"
        raise JournalError(what, hint=hint)


def delivered(run: RunDir) -> Delivered | None:
    """The end of a run that is done, and of which nothing is to run again."""
    last = [record.event for record in read_milestones(run.journal, Delivered, Rerun)][-1:]
    return last[0] if last and isinstance(last[0], Delivered) else None


def known(run: RunDir) -> Known:
    """Raises JournalError where the record holds no program that this hyflow understands, DeploymentError where a plug-in is gone."""
    meta = read_meta(run.journal)
    try:
        program: Program = plain.loads(meta.program, Program)
    except (msgspec.DecodeError, ValueError) as error:
        what = f"the compiled workflow in the run's record cannot be read: {error}"
        raise JournalError(what, where=str(run.journal), hint="use the hyflow that started the run") from error
    return Known(program, reread(meta.deployment.decode()), Path(meta.outdir))


def rerun_of(program: Program, wish: Wish) -> Rerun | None:
    """The wish as an event; None where nothing is to run again. Raises UsageError where there is no such step."""
    if wish.step is None:
        return Rerun((), True, time.time()) if wish.failed else None
    try:
        return Rerun(downstream(program, wish.step), wish.failed, time.time())
    except KeyError as error:
        steps = [path for name in program.workflows[program.root].steps for path in downstream(program, f"/{name}")]
        raise UsageError(f"the workflow has no step {wish.step}", hint=suggestion(wish.step, steps, called="its steps")) from error


@dataclass(frozen=True, slots=True)
class Open:
    """The attempts without an end: what is kept of those that the run goes on with, and the announcements of those that nobody wants any
    more, as what they need is to be made again."""

    wanted: Mapping[Key, Kept]
    strays: tuple[Submitting, ...]


def replayed(run: RunDir, state: State) -> Open:
    """Bring a fresh state to where the record ends; the attempts that have no end. Raises JournalError."""
    reruns = [(record.seq, record.event) for record in read_milestones(run.journal, Rerun) if isinstance(record.event, Rerun)]
    attempts = read_open(run.journal)
    events = ((record.seq, record.event) for record in read_events(run.journal, kinds=REPLAYED))
    try:
        with _uncollected():
            replay(state, events, reruns, [attempt.event for attempt in attempts])
        kept = {attempt.event.key: plain.loads(attempt.kept, Kept) for attempt in attempts if attempt.event.key in state.attempts}
    except (msgspec.DecodeError, ValueError) as error:
        raise JournalError(f"the run's record cannot be understood: {error}", where=str(run.journal)) from error
    return Open(kept, tuple(attempt.event for attempt in attempts if attempt.event.key not in kept))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """What is made meanwhile stays, and need not be looked at again and again for what does not."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def outputs_of(run: RunDir) -> Value:
    """The output object of a run that is done; None for any other."""
    end = delivered(run)
    return None if end is None else end.outputs
