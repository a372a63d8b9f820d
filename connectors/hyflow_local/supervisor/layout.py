"""The directories of an attempt: made, laid out, taken away. Never writes through a link."""

from __future__ import annotations

import os
import stat
from typing import Any

from .deletion import clear, remove
from .spares import Spares

OWN = ("out", "tmp", "in")
LIGHT = 300
LIGHT_TEXT = 1 << 20
LEAST_ROOM = 1 << 14
"""Bytes: what fails with less than that left has most likely failed for want of it."""


class Trouble(Exception):
    """The command cannot be started, in words."""


def is_heavy(task: dict[str, Any]) -> bool:
    """Whether laying out may take long enough to be done aside."""
    stage = task["stage"]
    return bool(stage) and (len(stage) > LIGHT or any(one["kind"] == "copy" for one in stage)
                            or sum(len(one["text"]) for one in stage) > LIGHT_TEXT)


def prepare(task: dict[str, Any], spares: Spares) -> None:
    """Make the attempt's directories and all that is staged. Raises Trouble."""
    try:
        _make(task["dir"], spares)
        if task["stage"]:
            _lay_out(task["dir"], task["stage"])
    except OSError as error:
        raise Trouble(describe("the attempt's directory could not be laid out", error)) from error
    except ValueError as error:
        raise Trouble(f"the attempt's directory could not be laid out: {error}") from error


def describe(what: str, error: OSError) -> str:
    """One line: what failed, the system's reason, the file."""
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    return f"{what}: {error.strerror or error}{where}"


def is_full(path: str) -> bool:
    """Whether the file system there has no room left, for data or for names; False where it is not there to be asked."""
    try:
        found = os.statvfs(path)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < LEAST_ROOM or (found.f_files > 0 and found.f_favail == 0)


def _make(path: str, spares: Spares) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError:
        _check_own(path)
    for name in OWN:
        own = f"{path}/{name}"
        try:
            os.mkdir(own, 0o700) if name == "out" else spares.make(own)
        except FileExistsError:
            remove(own)
            os.mkdir(own, 0o700)


def _check_own(path: str) -> None:
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Trouble(f"the attempt's directory is not a directory of ours: {path}")
    os.chmod(path, 0o700)


def _lay_out(base: str, stage: list[dict[str, Any]]) -> None:
    links: set[str] = set()
    for one in stage:
        target = one["target"]
        _check_inside(target, links)
        path = f"{base}/{target}"
        try:
            _lay(one, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            _lay(one, path)
        if one["kind"] == "link":
            links.add(target)


def _check_inside(target: str, links: set[str]) -> None:
    parts = target.split("/")
    if parts[0] not in ("in", "out") or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise Trouble(f"staging would leave the attempt's directory: {target}")
    if links and any("/".join(parts[:depth]) in links for depth in range(2, len(parts))):
        raise Trouble(f"staging would write through a link: {target}")


def _lay(one: dict[str, Any], path: str) -> None:
    kind = one["kind"]
    if kind == "link":
        os.stat(one["source"])
        os.symlink(one["text"] or one["source"], path)
    elif kind == "write":
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            os.fchmod(fd, 0o644)
            write_all(fd, one["text"].encode("utf-8", "surrogateescape"))
        finally:
            os.close(fd)
    elif kind == "mkdir":
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise
    else:
        _copy(one["source"], path, ())


def write_all(fd: int, data: bytes) -> None:
    """Write it all; a short write (a nearly full disk) is followed by one that tells why."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def _copy(source: str, path: str, above: tuple[tuple[int, int], ...]) -> None:
    """A copy that the owner may change, links followed; a directory that leads back into itself is an error."""
    import shutil

    found = os.stat(source)
    mode = stat.S_IMODE(found.st_mode) & 0o777
    if not stat.S_ISDIR(found.st_mode):
        if not stat.S_ISREG(found.st_mode):
            raise Trouble(f"neither a file nor a directory, so it cannot be copied: {source}")
        shutil.copyfile(source, path)
        os.chmod(path, mode | 0o600)
        return
    identity = (found.st_dev, found.st_ino)
    if identity in above:
        raise Trouble(f"a link leads back into its own directory, so it cannot be copied: {source}")
    os.mkdir(path, 0o700)
    for name in os.listdir(source):
        _copy(f"{source}/{name}", f"{path}/{name}", (*above, identity))
    os.chmod(path, mode | 0o700)


def take_away(base: str, stage: list[dict[str, Any]], spares: Spares, *, deep: bool) -> bool:
    """Remove `in` and `tmp` of an ended attempt. False: there is more than a moment's work, which only `deep` does."""
    staged, scratch = (f"{base}/{name}" for name in ("in", "tmp"))
    if not spares.take_back(scratch):
        if not deep:
            return False
        remove(scratch)
    if stage and not deep and len(stage) > LIGHT:
        return False
    if stage:
        clear(staged)
    if not spares.take_back(staged):
        remove(staged)
    return True
