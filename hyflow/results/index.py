"""The index: results by key, who uses them, and which may go when there are too many. Several processes use it at once.

Losing a result costs computing it again, so nothing here waits for the disk, and a file that fails is done without.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hyflow import plain
from hyflow.kept import Form, open_kept
from hyflow.model.jobs import Tag
from hyflow.model.places import replica_of
from hyflow.results.stored import Result, Size

T = TypeVar("T")

_FORM = Form(0x68796672, 2, """
CREATE TABLE results (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, label BLOB, tag TEXT, run TEXT, dir BLOB, bytes INTEGER, used REAL,
    going INTEGER DEFAULT 0, body TEXT);
CREATE INDEX keys ON results (key, id);
CREATE INDEX labels ON results (label, tag, id);
CREATE INDEX runs ON results (run);
CREATE INDEX directories ON results (dir);
CREATE INDEX leaving ON results (id) WHERE going = 1;
CREATE TABLE uses (user TEXT, result INTEGER, source TEXT, PRIMARY KEY (user, result)) WITHOUT ROWID;
CREATE INDEX sources ON uses (source);
CREATE INDEX takers ON uses (result)
""")
_ALIKE = 4
"""How many earlier results of a step are looked at to tell what is different."""
_SCANNED = 50
"""How many results with a key are looked at for one of another run: a run may have thousands of jobs that are the same."""


class Results:
    """The index at `path`. `warn` hears what is wrong with it, once; then it is as if there were none. No method raises for that.

    One instance belongs to one thread at a time.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        kept = open_kept(path, _FORM)
        self._db = kept.db
        if kept.warning:
            warn(f"results of earlier runs: {kept.warning}")
        self._latest: dict[str, list[Result]] = {}

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # -- looking --------------------------------------------------------------------------------------------------

    def lookup(self, key: str, label: str = "", tag: Tag = (), apart: str = "") -> Result | None:
        """The latest result with this key, of the step at this place of the scatter if there is one. None of the run `apart`: its own jobs
        do not stand in for each other, as what they do by chance is to be done each time."""
        like = self._rows("SELECT id, run FROM results WHERE key = ? AND going = 0 ORDER BY id DESC LIMIT ?", (key, _SCANNED))
        if not like:
            return None
        own = "INDEXED BY labels WHERE label = ? AND tag = ? AND key = ? AND run != ? AND going = 0 ORDER BY id DESC LIMIT 1"
        found = self._results(own, (_bytes(label), _text(tag), key, apart))
        for number in [number for number, run in like if run != apart] if not found else ():
            if found := self._results("WHERE id = ? AND going = 0", (number,)):
                break
        return found[0] if found else None

    def nearest(self, label: str, tag: Tag, parts: Mapping[str, str], apart: str = "") -> Result | None:
        """Of the latest results of the step, at this place of the scatter if there are any, that which has most in common with a job; none
        of the run `apart`. What is the latest of a step is found out once."""
        end = "run != ? AND going = 0 ORDER BY id DESC LIMIT ?"
        if label not in self._latest:
            self._latest[label] = self._results(f"WHERE label = ? AND {end}", (_bytes(label), apart, _ALIKE))
        if not self._latest[label]:
            return None
        found = self._results(f"WHERE label = ? AND tag = ? AND {end}", (_bytes(label), _text(tag), apart, _ALIKE)) or self._latest[label]
        return max(found, key=lambda result: len(result.parts.items() & parts.items()), default=None)

    def size(self) -> Size:
        """What is kept in all."""
        rows = self._rows("SELECT count(*), coalesce(sum(bytes), 0) FROM results")
        return Size(*rows[0]) if rows else Size(0, 0)

    def users(self, run: str) -> tuple[str, ...]:
        """The runs that have taken results of this one and have not been released."""
        return tuple(user for (user,) in self._rows("SELECT DISTINCT user FROM uses WHERE source = ? ORDER BY user", (run,)))

    def of(self, run: str) -> list[Result]:
        """The results that a run has made, the oldest first."""
        return self._results("WHERE run = ? ORDER BY id", (run,))

    def directories(self, run: str) -> tuple[str, ...]:
        """The directories of the attempts of a run whose results are kept."""
        rows = self._rows("SELECT DISTINCT dir FROM results WHERE run = ? ORDER BY id", (run,))
        return tuple(os.fsdecode(directory) for (directory,) in rows)

    # -- changing -------------------------------------------------------------------------------------------------

    def store(self, results: Iterable[Result]) -> None:
        """Keep these as well. One whose key is there already is the latest from now on."""
        rows = [(each.key, _bytes(each.label), _text(each.job.tag), each.run, os.fsencode(each.dir), each.size, each.created,
                 plain.dumps(each).decode()) for each in results]
        sql = "INSERT INTO results (key, label, tag, run, dir, bytes, used, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._change(lambda db: db.executemany(sql, rows), None)

    def take(self, run: str, result: Result) -> bool:
        """The run takes the result, which stays until the run is released, with all those in whose directories its files lie (it may have
        passed them through). False when one of them is on its way out: then it must not be taken."""

        def take(db: sqlite3.Connection) -> bool:
            found = db.execute("SELECT id, run, going FROM results WHERE id = ?", (result.id,)).fetchall()
            for above in sorted(_above(result)):
                found += db.execute("SELECT id, run, going FROM results WHERE dir = ?", (above,))
            if all(each != result.id for each, _, _ in found) or any(going for _, _, going in found):
                return False
            db.executemany("UPDATE results SET used = ? WHERE id = ?", [(time.time(), each) for each, _, _ in found])
            db.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?, ?)", [(run, each, source) for each, source, _ in found])
            return True

        return self._change(take, otherwise=False)

    def release(self, run: str) -> None:
        """The run is over: what it has taken may go."""
        self._change(lambda db: db.execute("DELETE FROM uses WHERE user = ?", (run,)), None)

    def forget(self, ids: Collection[int]) -> None:
        """These results are no more."""
        self._change(lambda db: _drop(db, ids), None)

    def withdraw(self, run: str, sites: Collection[str], over: Callable[[str], bool]) -> tuple[str, ...]:
        """The results of a run at these sites are no more, unless runs that are not over have taken results of it: these then, and nothing
        is changed."""
        ended = [user for user in self.users(run) if over(user)]

        def drop(db: sqlite3.Connection) -> tuple[str, ...]:
            rows = db.execute("SELECT DISTINCT user FROM uses WHERE source = ? ORDER BY user", (run,)).fetchall()
            if using := tuple(user for (user,) in rows if user not in (run, *ended)):
                return using
            site_of = "CASE WHEN json_valid(body) THEN json_extract(body, '$.site') END"
            found = db.execute(f"SELECT id, {site_of} FROM results WHERE run = ?", (run,)).fetchall()  # noqa: S608 - our own words
            _drop(db, [each for each, site in found if site in sites])
            return ()

        return self._change(drop, ())

    def oldest_unused(self, limit: int, over: Callable[[str], bool]) -> list[Result]:
        """What must go so that no more than `limit` bytes are kept: what nobody has used for the longest time first, nothing that a run
        which is not over has made or taken. Nobody is given these from now on: remove their files, then `forget` them.

        What was to go and has not been forgotten is given again.
        """
        ended: dict[str, bool] = {}
        if chosen := self._too_many(limit, over, ended):
            # A run that has taken one of them since is none that was asked about.
            self._change(lambda db: db.executemany(
                "UPDATE results SET going = 1 WHERE id = ?",
                [(each,) for each, _ in chosen if all(ended.get(user) for user in _users(db, each))]), None)
        return self._results("WHERE going = 1 ORDER BY used, id", ())

    def excess(self, limit: int, over: Callable[[str], bool]) -> Size:
        """What `oldest_unused` would give; nothing is changed."""
        chosen = self._too_many(limit, over, {})
        return Size(len(chosen), sum(size for _, size in chosen))

    def _too_many(self, limit: int, over: Callable[[str], bool], ended: dict[str, bool]) -> list[tuple[int, int]]:
        """The numbers of the results that are to go, with their bytes. Asks about runs while others may change what they like; the answers
        are in `ended`."""

        def is_over(run: str) -> bool:
            if run not in ended:
                ended[run] = over(run)
            return ended[run]

        chosen: list[tuple[int, int]] = []
        excess = self.size().bytes - limit
        rows = self._rows("SELECT id, run, bytes, going FROM results ORDER BY going DESC, used, id") if excess > 0 else []
        for number, run, size, going in rows:
            if excess <= 0 or self._db is None:
                break
            if going or (is_over(run) and all(map(is_over, _users(self._db, number)))):
                excess -= size
                chosen.append((number, size))
        return chosen

    # -- the file -------------------------------------------------------------------------------------------------

    def _results(self, where: str, values: Sequence[Any]) -> list[Result]:
        found = []
        for number, body in self._rows(f"SELECT id, body FROM results {where}", values):  # noqa: S608 - our own words
            with contextlib.suppress(msgspec.DecodeError, ValueError):  # what is damaged is as if it were not there
                found.append(replace(plain.loads(body.encode(), Result), id=number))
        return found

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        if self._db is None:
            return []
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _change(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """One transaction; `otherwise` where there is no file, or it fails."""
        if self._db is None:
            return otherwise
        try:
            with self._db:  # commits, or undoes what was begun
                self._db.execute("BEGIN IMMEDIATE")
                return work(self._db)
        except sqlite3.Error as error:
            self._give_up(error)
            return otherwise

    def _give_up(self, error: sqlite3.Error) -> None:
        self._warn(f"results of earlier runs: {self._path} cannot be used any more ({error})")
        self.close()


def _drop(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    rows = [(each,) for each in ids]
    db.executemany("DELETE FROM uses WHERE result = ?", rows)
    db.executemany("DELETE FROM results WHERE id = ?", rows)


def _users(db: sqlite3.Connection, number: int) -> list[str]:
    return [user for (user,) in db.execute("SELECT user FROM uses WHERE result = ?", (number,))]


def _above(result: Result) -> set[bytes]:
    """The directories that its files lie below, but for its own."""
    found: set[bytes] = set()
    for uri in result.data:
        replica = replica_of(uri)
        path = os.fsencode("/" + replica.path) if replica is not None else b"/"
        if not path.startswith(os.fsencode(result.dir) + b"/"):
            while (path := posixpath.dirname(path)) not in found and len(path) > 1:
                found.add(path)
    return found


def _bytes(text: str) -> bytes:
    """For SQLite a text is UTF-8; names may be anything."""
    return text.encode("utf-8", "surrogatepass")


def _text(tag: Tag) -> str:
    return ",".join(map(str, tag))
