"""The SQLite file of a run: its schema, how it is opened, what one commit is, and what SQLite's errors mean to a person.

A commit is a single statement (a trigger does the rest): SQLite gives up Python's lock once for the whole of it, so that
a busy event loop delays a commit once and not once a row.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec

from hyflow import plain
from hyflow.errors import JournalError
from hyflow.journal.lock import Owner
from hyflow.journal.runs import why
from hyflow.kept import is_network

VERSION = 3
"""Of the schema. A journal with a higher one was written by a newer hyflow and is refused; one with a lower one is read as it is, and
brought up to this one before anything is written to it."""

_APPLICATION = 0x6879666C
_BUSY_SECONDS = 60.0

_TABLES = """
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 0), header TEXT, program BLOB, deployment BLOB);
CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 0), epoch INTEGER, host TEXT, pid INTEGER, since REAL, ended REAL);
CREATE TABLE steps (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE events (seq INTEGER PRIMARY KEY, kind TEXT, at REAL, step INTEGER, tag TEXT, phase TEXT, body TEXT);
"""
_ATTEMPTS = """
CREATE TABLE attempts (number INTEGER PRIMARY KEY, key TEXT UNIQUE, event TEXT, kept TEXT);
CREATE VIEW batch (epoch, events, steps, kept, ended) AS SELECT 0, '[]', '[]', '[]', '[]';
CREATE TRIGGER write_batch INSTEAD OF INSERT ON batch BEGIN
    SELECT RAISE(ABORT, 'taken over') WHERE NEW.epoch IS NOT (SELECT epoch FROM owner);
    INSERT INTO events (kind, at, step, tag, phase, body)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
               json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
        FROM json_each(NEW.events) ORDER BY key;
    INSERT OR REPLACE INTO steps (id, body) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(NEW.steps);
    INSERT OR REPLACE INTO attempts (key, event, kept)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(NEW.kept) ORDER BY key;
    DELETE FROM attempts WHERE key IN (SELECT value FROM json_each(NEW.ended));
END;
"""
_MILESTONES = """
CREATE INDEX milestones ON events (kind) WHERE kind IN ('Started', 'Delivered', 'Stopping', 'Failed', 'Rerun', 'Resumed', 'Awaiting');
"""
_MIGRATIONS = {1: f"DROP TRIGGER write_batch; DROP VIEW batch; {_ATTEMPTS}", 2: f"DROP INDEX milestones; {_MILESTONES}"}
"""By version: what makes a journal one of the next version."""


Row: TypeAlias = tuple[str, float, int | None, str | None, str | None, str]
"""An event: its kind, time, step by number, tag, phase, and itself as JSON."""
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Entry:
    """What one commit writes: events; the new figures of steps, by number; what is kept of attempts as long as they have no end
    (key, the event that announced it, what else); the keys of those that have one now."""

    rows: list[Row] = field(default_factory=list)
    steps: list[tuple[int, str]] = field(default_factory=list)
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a run before it starts. `created` in seconds since the epoch; `arguments` as typed; `outdir` absolute."""

    run: str
    name: str | None
    created: float
    workflow: str
    arguments: tuple[str, ...]
    outdir: str


@dataclass(frozen=True, slots=True)
class Meta(Header):
    """The header, with the compiled program and the deployment as their owners wrote them: the journal keeps these bytes, unread."""

    program: bytes
    deployment: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """The latest driver of a run: its epoch (from 1), and when it ended of its own accord (None: it has not, or it was killed)."""

    epoch: int
    owner: Owner
    ended: float | None


class Unmade(JournalError):
    """There is no record: whoever was about to make it was ended."""


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns what SQLite raises into one clear JournalError."""
    try:
        yield
    except sqlite3.Error as error:
        what, hint = _explain(error)
        raise JournalError(what, where=str(path), hint=hint) from error


def _explain(error: sqlite3.Error) -> tuple[str, str | None]:
    name = getattr(error, "sqlite_errorname", "")
    if str(error) == "taken over":
        return "another process has taken this run over; this one stops", None
    if name == "SQLITE_FULL":
        return "the disk is full: the run's record cannot be written", "make room there; what had ended is recorded, what ran was ended"
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return "the run's record cannot be written: it is read-only", "check the directory's permissions and how its disk is mounted"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"the run's record is damaged ({error})", "restore it from a copy, or remove the run's directory"
    if name.startswith("SQLITE_CANTOPEN"):
        return "the run's record cannot be opened", "check that the directory is there and yours"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "the run's record is in use by another process that does not let go", "try again"
    if name.startswith("SQLITE_IOERR"):
        return "the disk fails or is full: the run's record cannot be read or written", "check the disk, its space and quota"
    return f"the run's record cannot be used ({error})", None


def create(path: Path, meta: Meta) -> sqlite3.Connection:
    """A new journal, open for writing. Raises JournalError when there is one already."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise JournalError("this run has a record already", where=str(path)) from error
    except OSError as error:
        raise JournalError(f"the run's record cannot be written: {why(error)}", where=str(path), hint="make room there") from error
    header = Header(meta.run, meta.name, meta.created, meta.workflow, meta.arguments, meta.outdir)
    with translated(path), _kept(_connect(path, "mode=rw")) as db:
        _tune(db, path)
        db.executescript(f"BEGIN; {_TABLES} {_ATTEMPTS} {_MILESTONES}")
        db.execute(f"PRAGMA application_id = {_APPLICATION}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("INSERT INTO meta VALUES (0, ?, ?, ?)", (plain.dumps(header).decode(), meta.program, meta.deployment))
        db.execute("INSERT INTO owner VALUES (0, 0, '', 0, 0, NULL)")
        db.execute("COMMIT")
    for directory in (path.parent, path.parent.parent):
        _sync_directory(directory)
    return db


def reopen(path: Path) -> sqlite3.Connection:
    """An existing journal, open for writing."""
    if not path.exists():
        raise JournalError("the run's record is missing", where=str(path))
    with translated(path), _kept(_connect(path, "mode=rw")) as db:
        version = check(db, path)
        _tune(db, path)
        for old in range(version, VERSION):
            db.executescript(f"BEGIN IMMEDIATE; {_MIGRATIONS[old]} PRAGMA user_version = {old + 1}; COMMIT;")
    return db


def read_only(path: Path) -> sqlite3.Connection:
    """A journal for reading, also while a driver writes to it."""
    if not path.exists():
        raise Unmade("the run's record is missing", where=str(path))
    with translated(path):
        try:
            return _checked(path, "mode=ro")
        except sqlite3.OperationalError as error:
            options = _second_try(error.sqlite_errorname, path)
            if options is None:
                raise
            return _checked(path, options)


def _second_try(error: str, path: Path) -> str | None:
    """How a journal that cannot be opened for reading alone may be read all the same."""
    if error == "SQLITE_READONLY_ROLLBACK":
        return "mode=rw"  # a driver died in the middle of a commit, which must be undone first
    if error.startswith("SQLITE_CANTOPEN") and not path.with_name(path.name + "-wal").exists():
        return "immutable=1"  # nobody can write in its directory, and so nobody does
    return None


def begin(db: sqlite3.Connection, path: Path, owner: Owner) -> int:
    """The owner takes the journal; its epoch, which every commit must name."""
    with translated(path):
        sql = "UPDATE owner SET epoch = epoch + 1, host = ?, pid = ?, since = ?, ended = NULL"
        db.execute(sql, (owner.host, owner.pid, owner.since))
        return int(db.execute("SELECT epoch FROM owner").fetchone()[0])


def commit(db: sqlite3.Connection, epoch: int, entry: Entry, *, large: bool) -> None:
    """Write the entry, all or nothing; `large`: sparing memory rather than time."""
    rows = [] if large else entry.rows
    batch = (epoch, *(_encode(part).decode() for part in (rows, entry.steps, entry.kept, entry.ended)))
    if not large:
        db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", batch)
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", batch)
        db.executemany("INSERT INTO events (kind, at, step, tag, phase, body) VALUES (?, ?, ?, ?, ?, ?)", entry.rows)
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def check(db: sqlite3.Connection, path: Path) -> int:
    """The version of its schema. Raises JournalError when this is not a journal, or one of a newer hyflow."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application != _APPLICATION:
        raise Unmade("this is not the record of a run, or making it was interrupted", where=str(path))
    if version > VERSION:
        what = f"the run's record has format {version}; this hyflow knows formats up to {VERSION}"
        raise JournalError(what, where=str(path), hint="use the newer hyflow that wrote it")
    return int(version)


def _connect(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)


@contextlib.contextmanager
def _kept(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Leaves the connection open, unless something goes wrong."""
    try:
        yield db
    except BaseException:
        db.close()
        raise


def _checked(path: Path, options: str) -> sqlite3.Connection:
    with _kept(_connect(path, options)) as db:
        check(db, path)
    return db


def _tune(db: sqlite3.Connection, path: Path) -> None:
    """WAL's shared memory does not reach across hosts: on a network file system every commit rolls back from a journal file instead."""
    db.execute(f"PRAGMA journal_mode = {'TRUNCATE' if is_network(path) else 'WAL'}")
    for pragma in ("synchronous = FULL", "fullfsync = 1", "wal_autocheckpoint = 4000", "temp_store = MEMORY"):
        db.execute(f"PRAGMA {pragma}")


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
