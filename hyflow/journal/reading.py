"""Reading a journal: for replay, and from other processes while the run goes on. Never writes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hyflow import plain
from hyflow.errors import JournalError
from hyflow.journal import store
from hyflow.journal.lock import Owner
from hyflow.journal.runs import RunDir
from hyflow.journal.store import Header, Meta, Session
from hyflow.journal.tally import GOOD, Phase, StepTally
from hyflow.model.events import EVENTS, Awaiting, Delivered, Event, Failed, Rerun, Resumed, Started, Stopping, Submitting
from hyflow.model.jobs import JobId, Tag

_FIRST: tuple[type[Event], ...] = (Started, Delivered, Stopping, Failed)
_SECOND: tuple[type[Event], ...] = (*_FIRST, Rerun, Resumed)
MILESTONES: tuple[type[Event], ...] = (*_SECOND, Awaiting)
_INDEXED = {1: _FIRST, 2: _SECOND, store.VERSION: MILESTONES}
"""By the version of a journal: the kinds that its index is on, of which it knows all that there are."""
_KINDS = {kind.__name__: kind for kind in EVENTS}
_CHUNK = 2000
"""Rows read at a time, so that no long read keeps a driver from tidying its file."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event in its place: `seq` counts from 1, `at` is when it was learned, in seconds since the epoch."""

    seq: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt without an end: what announced it, and what was kept of it (JSON)."""

    event: Submitting
    kept: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands after its event number `seq`: the figures of its steps, where each of its jobs is that is not done, and the attempts
    that have no end."""

    seq: int
    steps: tuple[StepTally, ...]
    phases: dict[JobId, Phase]
    open: tuple[OpenAttempt, ...]


def read_standing(path: Path) -> Standing:
    """How the run stands at one moment, while it goes on."""
    with _reading(path) as db:
        db.execute("BEGIN")
        seq = db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        return Standing(seq, tuple(_steps(path, db)), _undone(path, db), tuple(_open(path, db)))


def read_open(path: Path) -> list[OpenAttempt]:
    """The attempts that have no end, in the order in which they were announced."""
    with _reading(path) as db:
        return _open(path, db)


def count_open(path: Path) -> dict[str, int]:
    """How many attempts have no end, by location; quick."""
    with _reading(path) as db:
        if store.check(db, path) < 2:
            return {}
        sql = "SELECT json_extract(event, '$.location') AS place, COUNT(*) FROM attempts GROUP BY place ORDER BY place"
        return dict(db.execute(sql).fetchall())


def read_events(path: Path, after: int = 0, kinds: Sequence[type[Event]] = EVENTS) -> Iterator[Record]:
    """The events (of some kinds) with a higher number than `after`, in order. Ends at what is durable now; ask again for what follows."""
    only = "" if kinds is EVENTS else f"AND kind IN ({_names(kinds)})"
    sql = f"SELECT seq, kind, at, body FROM events WHERE seq > ? {only} ORDER BY seq LIMIT ?"  # noqa: S608 - the names of our own classes
    with _reading(path) as db:
        while rows := db.execute(sql, (after, _CHUNK)).fetchall():
            yield from (_record(path, row) for row in rows)
            after = rows[-1][0]


def read_milestones(path: Path, *kinds: type[Event]) -> list[Record]:
    """The events of these kinds (of MILESTONES), in order, quickly."""
    with _reading(path) as db:
        return [_record(path, row) for row in db.execute(f"{_milestones(path, db, kinds)} ORDER BY seq")]


def read_awaiting(path: Path) -> Awaiting | None:
    """Why jobs had not begun when that was last told; None when it was not since the run's latest driver began. Quick."""
    with _reading(path) as db:
        found = [db.execute(f"{_milestones(path, db, [kind])} ORDER BY seq DESC LIMIT 1").fetchone() for kind in (Resumed, Awaiting)]
    latest = max((_record(path, row) for row in found if row), key=lambda record: record.seq, default=None)
    return latest.event if latest is not None and isinstance(latest.event, Awaiting) else None


def has_begun(run: RunDir) -> bool:
    """Whether the run has an event, or a record that cannot be judged; one that was ended while it was put together has none."""
    try:
        return next(read_events(run.journal), None) is not None
    except store.Unmade:
        return False
    except JournalError:
        return True


def read_record(path: Path) -> Record | None:
    """The latest event."""
    with _reading(path) as db:
        row = db.execute("SELECT seq, kind, at, body FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return _record(path, row) if row else None


def read_job(path: Path, job: JobId, after: int = 0) -> list[Record]:
    """All that befell one job, in order: the events with a higher number than `after`."""
    sql = "SELECT seq, kind, at, body FROM events WHERE seq > ? AND step = ? AND tag = ? ORDER BY seq"
    with _reading(path) as db:
        number = _numbers(path, db).get(job.step)
        return [_record(path, row) for row in db.execute(sql, (after, number, _tag_text(job.tag)))]


def read_jobs(path: Path, step: str | None = None) -> dict[JobId, Phase]:
    """Where each job is (of one step, or of all), in the order in which they were first heard of. One that is to run again is unknown
    until it is heard of once more."""
    with _reading(path) as db:
        return _jobs(path, db, step)


def read_undone(path: Path) -> dict[JobId, Phase]:
    """Where those jobs are that are neither done nor skipped; quicker than `read_jobs`."""
    with _reading(path) as db:
        return _undone(path, db)


def read_examples(path: Path, step: str, most: int) -> dict[Phase, list[JobId]]:
    """Of a step's jobs the first few (`most`) in each phase, in the order in which they came there."""
    sql = "SELECT tag, phase, MAX(seq) AS latest FROM events WHERE step = ? AND seq > ? AND phase IS NOT NULL GROUP BY tag ORDER BY latest"
    reruns = [record.seq for record in read_milestones(path, Rerun) if isinstance(record.event, Rerun) and step in record.event.steps]
    found: dict[Phase, list[JobId]] = {}
    with _reading(path) as db:
        for tag, phase, _ in db.execute(sql, (_numbers(path, db).get(step), max(reruns, default=0))):
            if len(jobs := found.setdefault(Phase(phase), [])) < most:
                jobs.append(JobId(step, _tag(tag)))
    return found


def read_tallies(path: Path) -> list[StepTally]:
    """Per-step figures, in the order in which the steps were first heard of; quick, whatever the number of jobs."""
    with _reading(path) as db:
        return _steps(path, db)


def read_header(path: Path) -> Header:
    """What was known of the run before it started."""
    with _reading(path) as db:
        header: Header = _load(path, db.execute("SELECT header FROM meta").fetchone()[0], Header)
        return header


def read_meta(path: Path) -> Meta:
    """The header with the compiled program and the deployment."""
    with _reading(path) as db:
        text, program, deployment = db.execute("SELECT header, program, deployment FROM meta").fetchone()
        head: Header = _load(path, text, Header)
        return Meta(head.run, head.name, head.created, head.workflow, head.arguments, head.outdir, program, deployment)


def read_session(path: Path) -> Session:
    """The latest driver; whether it lives is told by its lock alone."""
    with _reading(path) as db:
        epoch, host, pid, since, ended = db.execute("SELECT epoch, host, pid, since, ended FROM owner").fetchone()
        return Session(epoch, Owner(host, pid, since), ended)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    db = store.read_only(path)
    try:
        with store.translated(path):
            yield db
    finally:
        db.close()


def _milestones(path: Path, db: sqlite3.Connection, kinds: Sequence[type[Event]]) -> str:
    """What selects the events of these kinds by the index."""
    known = _INDEXED[store.check(db, path)]
    only = f"kind IN ({_names([kind for kind in kinds if kind in known])}) AND kind IN ({_names(known)})"
    return f"SELECT seq, kind, at, body FROM events WHERE {only}"  # noqa: S608 - the names of our own classes


def _names(kinds: Sequence[type[Event]]) -> str:
    return ", ".join(f"'{kind.__name__}'" for kind in kinds)


def _record(path: Path, row: Sequence[object]) -> Record:
    seq, kind, at, body = row
    known = _KINDS.get(str(kind))
    if known is None:
        what = f"the run's record holds an event of an unknown kind, {kind!r}"
        raise JournalError(what, where=str(path), hint="use the newer hyflow that wrote it")
    return Record(int(str(seq)), float(str(at)), _load(path, str(body), known))


def _load(path: Path, text: str, kind: Any) -> Any:
    try:
        return plain.loads(text.encode(), kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise JournalError(f"the run's record is damaged ({error})", where=str(path)) from error


def _open(path: Path, db: sqlite3.Connection) -> list[OpenAttempt]:
    if store.check(db, path) < 2:  # nothing was kept of them then
        return []
    rows = db.execute("SELECT event, kept FROM attempts ORDER BY number").fetchall()
    return [OpenAttempt(_load(path, event, Submitting), kept.encode()) for event, kept in rows]


def _jobs(path: Path, db: sqlite3.Connection, step: str | None = None) -> dict[JobId, Phase]:
    paths = {number: text for text, number in _numbers(path, db).items() if step in (None, text)}
    only = "" if step is None else f"AND step IN ({','.join(str(number) for number in paths)})"
    reruns = "CASE kind WHEN 'Rerun' THEN body END"
    sql = f"SELECT step, tag, phase, {reruns} FROM events WHERE phase IS NOT NULL {only} OR kind = 'Rerun' ORDER BY seq"  # noqa: S608 - whole numbers of our own
    found: dict[tuple[int, str], str] = {}
    for number, tag, phase, rerun in db.execute(sql):
        if phase is None:
            steps = _load(path, rerun, Rerun).steps
            found = {job: at for job, at in found.items() if paths[job[0]] not in steps}
        else:
            found[number, tag] = phase
    return {JobId(paths[number], _tag(tag)): Phase(phase) for (number, tag), phase in found.items()}


def _undone(path: Path, db: sqlite3.Connection) -> dict[JobId, Phase]:
    numbers = _numbers(path, db)
    paths = {number: text for text, number in numbers.items()}
    void: dict[int, int] = {}
    for seq, body in db.execute("SELECT seq, body FROM events WHERE kind = 'Rerun' ORDER BY seq"):
        void.update((numbers[step], seq) for step in _load(path, body, Rerun).steps if step in numbers)
    good = ", ".join(f"'{phase}'" for phase in GOOD)
    last = "SELECT step, tag, phase, MAX(seq) AS latest FROM events WHERE phase IS NOT NULL GROUP BY step, tag"
    sql = f"{last} HAVING phase NOT IN ({good}) ORDER BY latest"
    return {JobId(paths[number], _tag(tag)): Phase(phase) for number, tag, phase, latest in db.execute(sql) if latest > void.get(number, 0)}


def _steps(path: Path, db: sqlite3.Connection) -> list[StepTally]:
    return [_load(path, text, StepTally) for (text,) in db.execute("SELECT body FROM steps ORDER BY id")]


def _numbers(path: Path, db: sqlite3.Connection) -> dict[str, int]:
    return {step.path: number for number, step in enumerate(_steps(path, db))}


def _tag_text(tag: Tag) -> str:
    return ",".join(map(str, tag))


def _tag(text: str) -> Tag:
    return tuple(int(part) for part in text.split(",") if part)
