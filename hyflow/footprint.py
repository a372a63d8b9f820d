"""What a run takes up on this machine beside its record and its logs: where that is, how much it is, and that it goes.

Told by the record and the disk alone; no site is entered.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from hyflow.deployment import Deployment
from hyflow.ending import is_here
from hyflow.journal import RunDir, read_events, read_tallies
from hyflow.model.events import Submitting
from hyflow.staging import here
from hyflow.staging.tidy import OWN

_LOGS = ("stdout", "stderr")
_BLOCK = 512


def working_files(run: RunDir, deployment: Deployment, keep: Collection[str]) -> list[str]:
    """The files and directories that go when the run needs no working files any more: of the attempts whose keys are in `keep` the output
    stays. Raises JournalError and OSError."""
    found = [path for name in OWN if os.path.lexists(path := os.path.join(run.path, name))]
    for directory in _directories(run, deployment):
        found += _of_attempts(directory, frozenset(keep))
        if run.path in Path(directory).parents:  # what lies beside them is the run's own, too
            found += [entry.path for entry in os.scandir(os.path.dirname(directory)) if entry.path != directory]
    return found + [path for path in _around(run) if stat.S_ISSOCK(os.lstat(path).st_mode)]


def size(paths: Iterable[str]) -> int:
    """Bytes on the disk, each file once."""
    seen: dict[tuple[int, int], int] = {}
    for path in paths:
        _weigh(path, seen)
    return sum(seen.values())


def remove(paths: Iterable[str]) -> int:
    """Remove them; the bytes that this freed. Raises OSError."""
    listed = list(paths)
    freed = size(listed)
    for path in listed:
        here.remove(path)
    return freed


def _directories(run: RunDir, deployment: Deployment) -> list[str]:
    """The run's directories in the work directories of this machine."""
    wanted = {place for tally in read_tallies(run.journal) for place in tally.places if is_here(deployment.sites[place.partition("/")[0]])}
    found: list[str] = []
    for record in read_events(run.journal, kinds=(Submitting,)) if wanted else ():
        event = record.event
        if isinstance(event, Submitting) and event.location in wanted:
            wanted.discard(event.location)
            found.append(os.path.dirname(event.dir))
        if not wanted:
            break
    return [path for path in dict.fromkeys(found) if os.path.basename(path) == run.id and os.path.isdir(path)]


def _of_attempts(directory: str, keep: frozenset[str]) -> Iterator[str]:
    """In the directories of attempts there may be anything. Directories that are empty cost more to remove than they hold."""
    for attempt in os.scandir(directory):
        if not attempt.is_dir(follow_symlinks=False):
            continue
        for entry in os.scandir(attempt.path):
            plain = not entry.is_dir(follow_symlinks=False)
            kept = entry.name == "out" and attempt.name in keep
            if not kept and not (plain and entry.name in _LOGS) and (plain or not _is_empty(entry.path)):
                yield entry.path


def _is_empty(path: str) -> bool:
    try:
        return next(os.scandir(path), None) is None
    except PermissionError:
        return False


def _around(run: RunDir) -> Iterator[str]:
    """What lies in the run's own directory and in those of its sites."""
    for folder in (run.path, *run.state("").glob("*")):
        if folder.is_dir():
            yield from (entry.path for entry in os.scandir(folder))


def _weigh(path: str, seen: dict[tuple[int, int], int]) -> None:
    try:
        found = os.lstat(path)
        seen[found.st_dev, found.st_ino] = found.st_blocks * _BLOCK
        if stat.S_ISDIR(found.st_mode):
            for entry in os.scandir(path):
                _weigh(entry.path, seen)
    except OSError:
        pass  # it is gone, or closed to us: then it counts for nothing
