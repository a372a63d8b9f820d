"""Small databases that are kept across runs and that nobody must have: private SQLite files, which several processes use at once.

Whatever is wrong with such a file, it is put aside or done without: it never is the failure of a run. Knows nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import time
from dataclasses import dataclass
from pathlib import Path

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "fuse.sshfs", "fuse.glusterfs"}
_BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Form:
    """What a file of a kind is like: SQLite's application id, the version of its schema, and the statements that make it."""

    application: int
    version: int
    schema: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An open database, or None where there can be none; `warning`: what was wrong, in words ("": nothing)."""

    db: sqlite3.Connection | None
    warning: str = ""


def open_kept(path: Path, form: Form) -> Kept:
    """The database at `path`, made where there is none, in a directory of our own (0700). One that is damaged, or of another version, is
    renamed and begun anew. Never raises."""
    try:
        _prepare(path)
        return Kept(_opened(path, form))
    except _Unfit as error:
        return _anew(path, form, str(error))
    except (OSError, sqlite3.Error) as error:
        if _is_damage(error):
            return _anew(path, form, f"is damaged ({error})")
        return Kept(None, f"{path} cannot be used ({error})")


class _Unfit(Exception):
    """The file is none of ours, or one of another version."""


def _is_damage(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _prepare(path: Path) -> None:
    """Make the directory and the file, which are nobody else's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.stat()
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError("its directory can be changed by other users")
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    found = path.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
        raise PermissionError("it is no file of your own")


def _opened(path: Path, form: Form) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
    try:
        _check(db, form)
        with contextlib.suppress(sqlite3.OperationalError):  # another process is just about to say the same
            db.execute(f"PRAGMA journal_mode = {'TRUNCATE' if is_network(path) else 'WAL'}")
        for pragma in ("synchronous = NORMAL", "temp_store = MEMORY"):
            db.execute(f"PRAGMA {pragma}")
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, form: Form) -> None:
    """Make the tables in an empty file; refuse one of another kind or version."""
    if _said(db) == (form.application, form.version):
        return
    db.execute("BEGIN IMMEDIATE")
    application, version = _said(db)  # another process may have been quicker
    empty = application == 0 and version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and (application, version) != (form.application, form.version):
        db.execute("ROLLBACK")
        what = "is of another kind" if application != form.application else f"has format {version}, and this hyflow knows {form.version}"
        raise _Unfit(what)
    if empty:
        for statement in filter(str.strip, form.schema.split(";\n")):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {form.application}")
        db.execute(f"PRAGMA user_version = {form.version}")
    db.execute("COMMIT")


def _said(db: sqlite3.Connection) -> tuple[int, int]:
    application, version = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version"))
    return application, version


def _anew(path: Path, form: Form, why: str) -> Kept:
    """A new database in the place of one that cannot be used, which is renamed."""
    aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
    try:
        path.rename(aside)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
        _prepare(path)
        return Kept(_opened(path, form), f"{path} {why}: it was renamed to {aside.name}, and a new one was begun")
    except (OSError, sqlite3.Error, _Unfit) as error:
        return Kept(None, f"{path} {why}, and cannot be replaced ({error})")


def is_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether the path lies on a network file system, as far as the system says (only Linux does)."""
    best, kind = -1, ""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(path)
    for line in lines:
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind in _NETWORK
