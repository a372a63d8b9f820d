"""Containers as a task carries them: which image, and what of the machine is seen inside. No engine is named here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ImageKind(StrEnum):
    PULL = "pull"
    LOAD = "load"
    IMPORT = "import"
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class Image:
    """A container image, and how it comes to a machine that has not got it.

    `name` is what the engine knows it by ("" for what LOAD brings, where the archive says it itself). PULL: from a registry. LOAD: from
    the archive at the address `source`, as `docker save` writes it. IMPORT: from the archive of a file system at the address `source`.
    BUILD: from `source`, the text of a Dockerfile.
    """

    name: str
    kind: ImageKind = ImageKind.PULL
    source: str = ""

    def __str__(self) -> str:
        return self.name or self.source


@dataclass(frozen=True, slots=True)
class Mount:
    """What lies at `source` on the machine is seen at `target` in the container; both absolute paths."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """The container that a task's command runs in.

    `indir`, `outdir` and `tmpdir` are the paths at which it sees the attempt's directories in, out and tmp; `mounts` is what it sees
    besides.
    """

    image: Image
    indir: str
    outdir: str
    tmpdir: str
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What whoever starts a task's command must know where that command is the client of a container engine.

    The client gets the environment of whoever starts it, with the task's on top. Ending the client's processes does not end the
    container: `end` (an argv) does, and may be run at any time, also when there is none. It is run, with a bound of some tens of
    seconds, whenever the command was ended, died of a signal, or left with an exit status of 125 or more; before anything is collected.
    `own` (an argv; empty where there is no need) makes the files below `out` and `tmp` belong to us; it is run when some do not, before
    they are read. `id_file` is the file in the attempt's directory to which the engine writes the container's id, by which its control
    group is found: CPU time and peak memory are measured there, not at the client.
    `paths` are pairs of absolute paths, as the container sees them and as they are on the machine, the longest of the first kind first:
    absolute symbolic links below `out` that lead to the one are changed to lead to the other before anything is collected.
    """

    end: tuple[str, ...]
    own: tuple[str, ...] = ()
    id_file: str = ""
    paths: tuple[tuple[str, str], ...] = ()
