"""Containers as values: what a site says of its engine, what a task asks of one, what is known of a command that is an engine's client."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

Runtime: TypeAlias = Literal["auto", "docker", "podman", "apptainer", "none"]
RUNTIMES: tuple[Runtime, ...] = ("auto", "docker", "podman", "apptainer", "none")


MADE_NAME = "hyflow-imported:"
"""How names begin that say nothing but where the archive of an image is."""


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


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """How commands that ask for a container get one at a site."""

    runtime: Runtime = field(default="auto", metadata={
        "doc": "The container engine; auto: the first of docker, podman and apptainer that works there; none: commands run with what is "
               "installed."})
    command: list[str] | None = field(default=None, metadata={
        "doc": "The command that starts the engine's client, as a list; by default the engine's name.",
        "schema": {"minItems": 1, "examples": [["docker", "--context", "lab"]]}})
    network: str | None = field(default=None, metadata={
        "doc": "The engine's network for tools that ask for network access; by default the engine's own.",
        "schema": {"minLength": 1, "examples": ["bridge"]}})
    options: list[str] = field(default_factory=list, metadata={
        "doc": "Further options for each container, as the engine's run command takes them.",
        "schema": {"examples": [["--shm-size=1g"]]}})
    cache: str | None = field(default=None, metadata={
        "doc": "The directory at the site for images in files, an absolute path that every machine which runs jobs there sees; by default "
               ".images in the site's workdir, on this machine below ~/.cache.",
        "schema": {"pattern": "^/", "title": "an absolute path", "examples": ["/project/images"]}})
    pull: Literal["missing", "always", "never"] = field(default="missing", metadata={
        "doc": "When images are pulled: those that are missing, always (once a run), or never."})
    fetch: Literal["site", "job", "here"] = field(default="site", metadata={
        "doc": "Where images are pulled and built: site: at the site, where hyflow's own commands run (a cluster's login node); job: in a "
               "job of the site's batch system (apptainer alone); here: on this machine, to be sent over."})
    limits: bool = field(default=True, metadata={
        "doc": "Whether cores and memory that a tool asks for are also the most that its container gets."})
