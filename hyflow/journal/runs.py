"""The directories that runs live in: HYFLOW_HOME/runs/<run id>. Makes them and finds them; what is in them others know."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hyflow.errors import JournalError, UsageError

_ID = re.compile(r"(\d{8}-\d{6})-(?:(.+)-)?([0-9a-f]{4})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 64
_ELSEWHERE = "set HYFLOW_HOME to a directory of your own on a disk of this machine"
_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "you may not write there",
    errno.EPERM: "you may not write there",
    errno.ENOTDIR: "what is there is not a directory",
    errno.EEXIST: "what is there is not a directory",
    errno.ENAMETOOLONG: "its path is too long",
    errno.ENOLCK: "its file system has no locks",
    errno.ENOTSUP: "its file system has no locks",
    errno.ENOSYS: "its file system has no locks",
}


@dataclass(frozen=True, slots=True)
class RunDir:
    """A run's own directory, mode 0700, named by its id: date and time (UTC), the name if it has one, and four hex digits."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str | None:
        """The name that its user gave it."""
        match = _ID.fullmatch(self.id)
        return match[2] if match else None

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def state(self, site: str) -> Path:
        """Where the connector of a site keeps what it must remember."""
        return self.path / "sites" / site


def new_run(home: Path, name: str | None = None) -> RunDir:
    """A fresh directory. Raises UsageError when the name is not fit or is taken, JournalError when the disk says no."""
    if name is not None:
        _check_name(name)
    runs = home / "runs"
    try:
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(home)
        with _alone(runs):
            if taken := [run.id for run in list_runs(home) if name is not None and run.name == name]:
                raise UsageError(f"the name {name} belongs to run {taken[0]} already", hint="choose another --name")
            return _make(runs, name)
    except OSError as error:
        room = "make room there, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        what = f"no directory can be made for the run: {why(error)}"
        raise JournalError(what, where=str(home), hint=room + _ELSEWHERE) from error


def why(error: OSError) -> str:
    """What the operating system said, in words that say what is the matter with a disk."""
    return _WORDS.get(error.errno or 0) or error.strerror or "it cannot be used"


def _check_owner(home: Path) -> None:
    """Whoever may rename things there could put a run of theirs in the place of one of ours."""
    runs = home / "runs"
    for path, owners in ((home, (os.getuid(), 0)), (runs, (os.getuid(),))):
        found = path.stat()
        if found.st_uid not in owners:
            raise JournalError("the directory of runs belongs to another user", where=str(path), hint=_ELSEWHERE)
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            what = "the directory of runs can be changed by other users"
            raise JournalError(what, where=str(path), hint=f"chmod o-w there, or {_ELSEWHERE}")


def list_runs(home: Path) -> list[RunDir]:
    """All runs, oldest first."""
    try:
        names = [path.name for path in (home / "runs").iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"the runs cannot be read: {why(error)}", where=str(home), hint=_ELSEWHERE) from error
    found = [(match[1], match[3], name) for name in names if (match := _ID.fullmatch(name))]
    return [RunDir(home / "runs" / name) for _, _, name in sorted(found)]


def find_run(home: Path, text: str | None = None) -> RunDir:
    """The run that a person means: an id, a name, the beginning of one of them, or the latest ("last" or None)."""
    runs = list_runs(home)
    if not runs:
        raise UsageError("there are no runs yet", where=str(home / "runs"), hint="hyflow run WORKFLOW [JOB] starts one")
    if text is None or text == "last":
        return runs[-1]
    exact = [run for run in runs if text in (run.id, run.name)]
    found = exact or [run for run in runs if text and (run.id.startswith(text) or (run.name or "").startswith(text))]
    match found:
        case [run]:
            return run
        case []:
            raise UsageError(f"there is no run {text!r}", hint=_nearest(runs, text))
        case _:
            several = ", ".join(run.id for run in found[-5:])
            raise UsageError(f"{text!r} may mean several runs: {several}", hint="say more of the one you mean")


def _nearest(runs: list[RunDir], text: str) -> str:
    import difflib  # slow to import, and rarely needed

    words = [word for run in reversed(runs) for word in (run.name, run.id) if word]
    near = difflib.get_close_matches(text, words, n=3)
    return f"did you mean {', '.join(near)}?" if near else "hyflow runs lists them"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == "last" or _ID.fullmatch(name):
        rule = f"a name has up to {_LONGEST} letters, digits, '.', '_' and '-', starts with a letter or digit, and is not 'last'"
        near = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:_LONGEST].rstrip("-")
        fits = _NAME.fullmatch(near) and near != "last" and not _ID.fullmatch(near)
        shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
        raise UsageError(f"a run cannot be named {shown!r}", hint=f"{rule}; {near} would do" if fits else rule)


def _make(runs: Path, name: str | None) -> RunDir:
    while True:
        now = time.time()
        stamp, part = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now)), f"{int(now % 1 * 65536):04x}"
        path = runs / "-".join(filter(None, [stamp, name, part]))
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return RunDir(path)


@contextlib.contextmanager
def _alone(runs: Path) -> Iterator[None]:
    """One process at a time gives out ids and names."""
    descriptor = os.open(runs / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
