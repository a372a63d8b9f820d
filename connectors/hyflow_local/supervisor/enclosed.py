"""Commands that are clients of a container engine: what has to be done so that their container ends, and its files and links are ours."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .aside import Aside
from .errands import Errands
from .outputs import QUICK_ENTRIES, TooMuch, listed, unlock

if TYPE_CHECKING:
    from .jobs import Job

ENDING, HURRIED, OWNING = 30.0, 5.0, 300.0
"""Seconds that the end of a container may take; that it may take where the engine did not answer the last time, or nobody wants the
outputs; that a change of owner may take."""
HANGS = "the container engine gave no answer when the container was to be ended: it may still run"
DOUBTFUL = 125
"""From this exit status on the client may have left its container running."""


class Aftermath:
    """What follows the end of a client. `after` calls something about a job when some seconds have passed, unless the job is closed."""

    def __init__(self, null: int, aside: Aside, after: Callable[[float, Job, Callable[[Job], object]], None]) -> None:
        self._errands, self._aside, self._after = Errands(null), aside, after
        self._hangs = False
        self._owning: dict[str, Callable[[], bool]] = {}

    def settle(self, job: Job, then: Callable[[], None]) -> None:
        """End what the job may have left running, and make its files ours; then call `then`. At once for a job without a container."""
        if job.left_running():
            self._end(job, lambda: self._make_ours(job, then))
        else:
            self._make_ours(job, then)

    def reaped(self, pid: int, status: int) -> None:
        """A child that is no job's command has ended."""
        self._errands.reaped(pid, status)

    def hurry(self, keys: Iterable[str]) -> None:
        """Nobody wants the outputs of these jobs any more."""
        for key in keys:
            if key in self._owning:
                self._owning[key]()

    def _end(self, job: Job, then: Callable[[], None]) -> None:
        def begun(give_up: Callable[[], bool]) -> None:
            def late(_: Job) -> None:
                if give_up():
                    self._hangs, job.trouble = True, HANGS

            self._after(HURRIED if self._hangs else ENDING, job, late)

        def over(done: bool) -> None:
            self._hangs = self._hangs and not done
            then()

        self._errands.run(end_of(job.task), begun, over)

    def _make_ours(self, job: Job, then: Callable[[], None]) -> None:
        own: Sequence[str] = (job.task.get("enclosure") or {}).get("own") or ()
        if not own or os.geteuid() == 0:
            then()
            return

        def begun(give_up: Callable[[], bool]) -> None:
            self._owning[job.key] = give_up
            self._after(HURRIED if job.ending == "cancel" else OWNING, job, lambda _: give_up())

        def over(done: bool) -> None:
            self._owning.pop(job.key, None)
            job.foreign = not done
            then()

        def looked(foreign: bool) -> None:
            if foreign:
                self._errands.run(own, begun, over)
            else:
                then()

        self._aside.do(lambda: is_foreign(job.task["dir"]), looked)


def end_of(task: dict[str, Any]) -> list[str]:
    """The command that ends the task's container; empty where it has none that could be left."""
    enclosure = task.get("enclosure")
    return enclosure["end"] if enclosure else []


def is_foreign(base: str) -> bool:
    """Whether something below `out` or `tmp` belongs to somebody else; so it does where we cannot look."""
    user = os.geteuid()
    try:
        everything = (item for name in ("out", "tmp") for item in _everything(f"{base}/{name}"))
        return any(item.stat(follow_symlinks=False).st_uid != user for item in everything)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def relink(out: str, paths: Sequence[Sequence[str]], *, quick: bool) -> None:
    """Let absolute links below `out` lead to where things are on this machine. Raises OSError; with `quick` TooMuch when there is much
    to look at, and nothing is changed then."""
    if os.path.islink(out):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), out)
    fresh = []
    for count, item in enumerate(_everything(out)):
        if quick and count > QUICK_ENTRIES:
            raise TooMuch
        if item.is_symlink():
            text = os.readlink(item.path)
            known = next(((inside, where) for inside, where in paths if text == inside or text.startswith(inside + "/")), None)
            if known is not None:
                fresh.append((item.path, known[1] + text[len(known[0]):]))
    for path, text in fresh:
        _replace(path, text)


def _replace(path: str, text: str) -> None:
    """Another link in the place of this one, also in a directory that its command closed."""
    folder = os.path.dirname(path)
    try:
        os.unlink(path)
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(folder).st_mode)
        unlock(folder, 0o700)
        os.unlink(path)
        os.symlink(text, path)
        os.chmod(folder, mode)
    else:
        os.symlink(text, path)


def _everything(top: str) -> Iterator[os.DirEntry[str]]:
    """All that lies below a directory, links not followed. Raises OSError."""
    todo = [top]
    while todo:
        for item in listed(todo.pop()):
            yield item
            if item.is_dir(follow_symlinks=False):
                todo.append(item.path)
