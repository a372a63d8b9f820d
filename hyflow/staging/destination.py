"""The output directory before anything is put there: whether it can take results, and what its file system makes of names."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from hyflow.errors import SiteError, UsageError
from hyflow.model.places import HERE, replica_of
from hyflow.model.values import Value, walk_data
from hyflow.staging import here

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Why nothing more can be written to a disk."""

_TRIES = 10
"""How often it is looked at a directory that somebody else makes or takes away meanwhile."""


def check(outdir: Path, own: Collection[Path]) -> None:
    """Refuse an output directory (absolute) that cannot take the results. `own`: where hyflow keeps its own. Raises UsageError."""
    why = unwritable(outdir)
    if why is not None:
        raise UsageError(f"the output directory cannot be used: {why}", hint="choose another --outdir")
    real = outdir.resolve()
    inside = next((each for each in own if real.is_relative_to(each.resolve())), None)
    if inside is not None:
        what = f"the output directory {outdir} lies in {inside}, where hyflow keeps what is its own"
        raise UsageError(what, hint="choose another --outdir: what lies there is removed when it is not needed any more")


def unwritable(outdir: Path) -> str | None:
    """Why results cannot be put there; None when they can. What is missing is made for the question, and taken away again."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(FileNotFoundError, FileExistsError):  # another run asks the same just now
            return _unwritable(outdir)
    try:
        return _unwritable(outdir)
    except (FileNotFoundError, FileExistsError) as error:  # there are file systems that refuse with these
        return f"{_existing(outdir)} cannot be written to: {reason(error)}"


def _existing(path: Path) -> Path:
    """The path, or what is there of it."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _unwritable(outdir: Path) -> str | None:
    existing = _existing(outdir)
    if os.path.islink(existing) and not os.path.exists(existing):
        return f"{existing} is a link that leads nowhere, to {os.readlink(existing)}"
    if not os.path.isdir(existing):
        return f"{existing} is not a directory"
    try:
        _try(outdir, existing)  # the only question that every file system answers truly
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        return f"{existing} cannot be written to: {reason(error)}"
    return None


def _try(outdir: Path, existing: Path) -> None:
    missing = [existing / Path(*outdir.relative_to(existing).parts[:depth + 1]) for depth in range(len(outdir.relative_to(existing).parts))]
    made: list[Path] = []
    try:
        for directory in missing:
            directory.mkdir()
            made.append(directory)
        os.rmdir(tempfile.mkdtemp(prefix=".hyflow-", dir=outdir))
    finally:
        for directory in reversed(made):
            with contextlib.suppress(OSError):
                directory.rmdir()


def reason(error: OSError) -> str:
    """The system's reason, in words that say what to do about it where it has such."""
    if error.errno in FULL:
        return f"the disk is full ({error.strerror})"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long for its file system"
    if error.errno in (errno.EINVAL, errno.EILSEQ):
        return "its file system does not take such a name"
    return error.strerror or str(error)


def local(inputs: Value) -> Iterator[Path]:
    """The files and directories of this machine that the inputs name, links resolved."""
    folders: dict[str, str] = {}
    for item in walk_data(inputs):
        replica = replica_of(str(item.get("location", "")))
        if replica is not None and replica.filesystem == HERE:
            yield _resolved("/" + replica.path, folders)


def _resolved(path: str, folders: dict[str, str]) -> Path:
    """`folders` remembers directories: there may be very many files in one."""
    try:
        return Path(here.real(path, folders))
    except SiteError:
        return Path(path).resolve()  # it is gone by now


def warnings(outdir: Path, inputs: Value) -> list[str]:
    """What is allowed, and yet may not be meant: results that become part of an input."""
    real = outdir.resolve()
    folders = [item for item in walk_data(inputs) if item["class"] == "Directory"]
    around = dict.fromkeys(path for path in local(folders) if path.is_dir() and real.is_relative_to(path))
    return [f"the output directory lies in the input directory {path}: the next run with it will find the results there" for path in around]


def folded(name: str) -> str:
    """The same for names that a file system may take for one: upper and lower case, and letters made of several characters."""
    return unicodedata.normalize("NFC", name.casefold())


def folds(directory: Path) -> bool:
    """Whether the file system there takes names for the same that differ in case alone. Asked, not guessed."""
    descriptor, path = tempfile.mkstemp(prefix=".hyflow-Aa-", dir=directory)
    os.close(descriptor)
    try:
        return os.path.lexists(os.path.join(os.path.dirname(path), os.path.basename(path).swapcase()))
    finally:
        os.unlink(path)


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that such a file system takes for one, None when there are none."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(folded(name), name)
        if other != name:
            return other, name
    return None
