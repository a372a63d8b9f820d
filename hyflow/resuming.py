"""Taking up a run that an earlier driver left: what must hold before, what is known of it, and how it is brought to
where it was."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hyflow import plain
from hyflow.deployment import Deployment, reread
from hyflow.engine.replay import Kept, downstream, replay, wanted
from hyflow.engine.state import REPLAYED, State
from hyflow.errors import JournalError, UsageError
from hyflow.journal import RunDir, has_begun, holder, read_events, read_meta, read_milestones, read_open
from hyflow.model.events import Delivered, Rerun
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


def replayed(run: RunDir, state: State) -> dict[Key, Kept]:
    """Bring a fresh state to where the record ends; what is kept of the attempts that it goes on with. Raises JournalError."""
    reruns = [(record.seq, record.event) for record in read_milestones(run.journal, Rerun) if isinstance(record.event, Rerun)]
    attempts = read_open(run.journal)
    events = ((record.seq, record.event) for record in read_events(run.journal, kinds=REPLAYED))
    try:
        replay(state, events, reruns, [attempt.event for attempt in attempts])
        return wanted({attempt.event.key: plain.loads(attempt.kept, Kept) for attempt in attempts}, state)
    except (msgspec.DecodeError, ValueError) as error:
        raise JournalError(f"the run's record cannot be understood: {error}", where=str(run.journal)) from error


def outputs_of(run: RunDir) -> Value:
    """The output object of a run that is done; None for any other."""
    end = delivered(run)
    return None if end is None else end.outputs
