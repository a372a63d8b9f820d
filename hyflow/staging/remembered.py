"""Checksums of this machine's files, remembered across runs by what the file system says of them. Only ever saves time.

A file that was changed a moment ago is not remembered: it may change once more without its times telling.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from hyflow.kept import Form, open_kept

YOUNG = 2_000_000_000
"""Nanoseconds for which a file counts as just changed: the coarsest clock of a file system."""
MOST = 500_000
"""Files that are remembered; then those that were asked for the longest time ago are forgotten, a fifth of them."""
_DAY = 86400
_FORM = Form(0x68796664, 1, """
CREATE TABLE files (device TEXT, inode TEXT, size INTEGER, mtime INTEGER, ctime INTEGER, sha256 TEXT, day INTEGER,
    PRIMARY KEY (device, inode)) WITHOUT ROWID;
CREATE INDEX days ON files (day)
""")


def is_young(found: os.stat_result, now: int) -> bool:
    """Whether the file was changed a moment before `now` (ns since the epoch), or after it, as far as clocks can be trusted."""
    return now - found.st_ctime_ns < YOUNG


class Remembered:
    """The file at `path`. What goes wrong with it costs the time that it would have saved. Safe to call from several threads."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = open_kept(path, _FORM).db
        self._day = int(time.time() / _DAY)
        self._prune(most)

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def get(self, found: os.stat_result) -> str | None:
        """The SHA-256 in hex of the file of which the system says this, or None."""
        sql = "SELECT sha256, day FROM files WHERE device = ? AND inode = ? AND size = ? AND mtime = ? AND ctime = ?"
        rows = self._do(sql, _key(found))
        if not rows:
            return None
        sha256, day = rows[0]
        if day != self._day:
            self._do("UPDATE files SET day = ? WHERE device = ? AND inode = ?", (self._day, *_key(found)[:2]))
        return str(sha256)

    def put(self, found: os.stat_result, sha256: str, now: int) -> None:
        """The file, which was read at `now` (ns since the epoch), has this checksum. Not remembered when it is young."""
        if not is_young(found, now):
            self._do("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", (*_key(found), sha256, self._day))

    def _prune(self, most: int) -> None:
        rows = self._do("SELECT count(*) FROM files")
        if rows and rows[0][0] > most:
            few = rows[0][0] - most * 4 // 5
            self._do("DELETE FROM files WHERE (device, inode) IN (SELECT device, inode FROM files ORDER BY day LIMIT ?)", (few,))

    def _do(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._db is None:
                return []
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error:
                self._db.close()
                self._db = None
                return []


def _key(found: os.stat_result) -> tuple[str, str, int, int, int]:
    """Numbers of devices and inodes may be larger than SQLite's."""
    return str(found.st_dev), str(found.st_ino), found.st_size, found.st_mtime_ns, found.st_ctime_ns
