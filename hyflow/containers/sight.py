"""What of the machine a container shows: the attempt's directories, the sources of what is staged, and how paths translate.

Inputs are one tree that is mounted once, read-only. What a task would link to is mounted at its place in that tree, so that the command
finds plain files and directories; where there are very many sources, the directories around them are mounted instead, and the
tree holds links into these. Links in the output directory lead to where their sources are mounted.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hyflow.model.containers import Container, Mount
from hyflow.model.tasks import Stage, StageKind, Task

MANY = 200
"""Sources from which on the directories around them are mounted."""
AROUND = 50
"""How many such directories there may be."""


@dataclass(frozen=True, slots=True)
class Sight:
    """`stage`: what is to be laid out instead; `mounts` in an order in which none hides another; `paths`: see Enclosure; `stdin`: where
    it is on the machine."""

    stage: tuple[Stage, ...]
    mounts: tuple[Mount, ...]
    paths: tuple[tuple[str, str], ...]
    stdin: str | None


def sight(task: Task, container: Container) -> Sight:
    """What the container of the task shows."""
    inside = _Inside(task, container)
    stage = tuple(inside.stages())
    own = [Mount(f"{task.dir}/{name}", at, writable) for name, at, writable in (
        ("in", container.indir, False), ("out", container.outdir, True), ("tmp", container.tmpdir, True))]
    mounts = sorted([*own, *inside.mounts, *inside.extra()], key=lambda mount: mount.target.count("/"))
    paths = sorted(((mount.target, mount.source) for mount in mounts), key=lambda pair: -len(pair[0]))
    return Sight(stage, tuple(mounts), tuple(paths), inside.outside(task.stdin))


class _Inside:
    """The inside of one container while it is worked out."""

    def __init__(self, task: Task, container: Container) -> None:
        self._task, self._container = task, container
        self._links = [stage for stage in task.stage if stage.kind is StageKind.LINK]
        plain = [stage.source for stage in self._links if not stage.writable]
        self._around = around(plain, AROUND) if len(plain) > MANY else ()
        self._seen: dict[tuple[str, bool], str] = {}
        self.mounts: list[Mount] = []

    def stages(self) -> Iterator[Stage]:
        """The stages as they are in a container; what they need to be mounted gets into `mounts`."""
        for number, directory in enumerate(self._around):
            yield Stage(StageKind.MKDIR, f"in/around/{number}")
            self.mounts.append(Mount(directory, f"{self._container.indir}/around/{number}"))
        for stage in self._task.stage:
            if stage.kind is not StageKind.LINK:
                yield stage
            elif stage.target.startswith("in/"):
                yield self._input(stage)
        for stage in self._links:
            if stage.target.startswith("out/"):
                yield from self._link(stage)

    def extra(self) -> Iterator[Mount]:
        """What the task mounts besides; where that is only linked, its source, and what is linked below it, too."""
        for mount in self._container.mounts:
            linked = {f"{self._task.dir}/{stage.target}": stage for stage in self._links
                      if f"{self._task.dir}/{stage.target}/".startswith(mount.source + "/")}
            if mount.source not in linked:
                yield mount
            for at, stage in linked.items():
                if at == mount.source or stage.writable or self._in_around(stage.source) is None:
                    yield Mount(stage.source, mount.target + at[len(mount.source):], mount.writable and stage.writable)

    def outside(self, path: str | None) -> str | None:
        """Where a file of the attempt's directory is, on the machine, once things are mounted in the place of links."""
        for stage in self._links if path is not None else ():
            linked = f"{self._task.dir}/{stage.target}"
            if path is not None and (path == linked or path.startswith(linked + "/")):
                return stage.source + path[len(linked):]
        return path

    def _input(self, stage: Stage) -> Stage:
        """Something in the input tree: a link into what is mounted around it, or a place to mount it at."""
        around = None if stage.writable else self._in_around(stage.source)
        if around is not None:
            return replace(stage, text=around)
        at = f"{self._container.indir}/{stage.target.removeprefix('in/')}"
        self._seen.setdefault((stage.source, stage.writable), at)
        self.mounts.append(Mount(stage.source, at, stage.writable))
        return Stage(StageKind.MKDIR if stage.directory else StageKind.WRITE, stage.target)

    def _link(self, stage: Stage) -> Iterator[Stage]:
        """Something in the output directory: a link to where its source is mounted already, or is mounted now."""
        at = None if stage.writable else self._in_around(stage.source)
        at = at or self._seen.get((stage.source, stage.writable))
        if at is None:
            target = f"in/linked/{len(self._seen)}/{posixpath.basename(stage.target)}"
            place = self._input(replace(stage, target=target))
            yield place
            at = place.text or self._seen[stage.source, stage.writable]
        yield replace(stage, text=at)

    def _in_around(self, source: str) -> str | None:
        for number, directory in enumerate(self._around):
            if source == directory or source.startswith(directory + "/"):
                return f"{self._container.indir}/around/{number}{source[len(directory):]}"
        return None


def around(sources: Iterable[str], most: int) -> tuple[str, ...]:
    """At most `most` directories (or the sources themselves) in which all sources lie, as deep as that allows, never the root."""
    found = {posixpath.dirname(source) for source in sources}
    while len(found) > most:
        depth = max(path.count("/") for path in found)
        if depth == 1:
            break
        found = {posixpath.dirname(path) if path.count("/") == depth else path for path in found}
    return tuple(sorted(path for path in found if not any(parent in found for parent in _parents(path)) and path != "/"))


def _parents(path: str) -> Sequence[str]:
    found = []
    while (path := posixpath.dirname(path)) not in ("", "/"):
        found.append(path)
    return found
