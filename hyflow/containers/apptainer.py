"""Apptainer (and Singularity, its elder): images are converted once into a cache of SIF files; the command is a child of ours.

The container shows nothing of the host but what is mounted, gets a clean environment, and no network unless asked for. What an image
says of its entry point is heeded as Docker would.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hyflow.containers.engine import DEVICES, Argv, EngineFailure, Facts, Form, Ready, Step, is_passing, is_shell_name, passable, scratch
from hyflow.containers.mpi import PASS_ON, PREFIXES
from hyflow.containers.sight import sight
from hyflow.model.containers import Container, ContainerSettings, Enclosure, Image, ImageKind, Mount
from hyflow.model.tasks import Outcome, Task

_LOOK, _FETCH = (Path(__file__).with_name(name).read_text() for name in ("sif-look.sh", "sif-fetch.sh"))
_CHANGED = frozenset({"PREPEND_PATH", "APPEND_PATH", "PROMPT_COMMAND", "UID", "EUID", "GID"})
"""Variables that Apptainer means something by, or sets itself."""
_IS_THERE = '[ -f "$1" ] || { echo "there is no file $1" >&2; exit 1; }'
_TELL_DEVICES = f'export "APPTAINERENV_{DEVICES}=${DEVICES}" "SINGULARITYENV_{DEVICES}=${DEVICES}"; exec "$@"'
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)
_SAID = re.compile(r"^FATAL:   (?P<words>[^\n]*)\s*\Z", re.MULTILINE)
_MISSING = re.compile(r'"(?P<name>.*)": executable file not found in \$PATH|stat (?P<path>.*): no such file or directory')
_NOT_EXECUTABLE = re.compile(r"permission denied|is a directory|exec .* failed: .*")
_ADVICE = re.compile(r'^Error for command "[a-z]+": (?P<words>.*)', re.MULTILINE)
_NO_CLIENT = re.compile(r"^(?:hyflow|env|sh): .*?['‘]?(?P<name>[^\s'’:]+)['’]?: (?:command not |not |[Nn]o such file).*\s*\Z", re.MULTILINE)
"""What is said where the client is not there."""
_FATAL, _USAGE, _NOT_FOUND = 255, 1, 127


class Apptainer:
    """Apptainer at one site."""

    def __init__(self, facts: Facts, settings: ContainerSettings) -> None:
        self.facts, self.settings = facts, settings
        self._client: Argv = tuple(settings.command or (facts.kind,))
        self._cache = settings.cache or facts.cache

    # -- images ---------------------------------------------------------------------------------------------------

    def look(self, image: Image) -> Argv:
        return ("sh", "-c", _LOOK, "sh", self._file(image), f"{self._cached(image)}.digest", *self._client)

    def may_be_stale(self, image: Image) -> bool:
        return image.kind in (ImageKind.LOAD, ImageKind.IMPORT)

    def found(self, answer: str) -> Ready:
        path, digest, script = [*answer.split("\n", 2), "", ""][:3]
        if not digest.startswith("sha256:"):
            raise ValueError(f"the image's digest cannot be read: {digest[:80]!r}")
        return Ready(path, digest, *_runscript(script))

    def fetch(self, image: Image, archive: str | None) -> Step:
        if image.kind is ImageKind.BUILD:
            raise ValueError("apptainer cannot build an image from a Dockerfile (dockerFile)")
        if _is_file(image.name) and image.kind is ImageKind.PULL:
            here = Step(("sh", "-c", _IS_THERE, "sh", image.name))
            return self._convert(image, "own", image.name, again=False) if self.facts.absent else here
        address = image.name if _ADDRESS.match(image.name) else f"docker://{image.name}"
        source = address if image.kind is ImageKind.PULL else archive or ""
        return self._convert(image, str(image.kind), source, again=self.settings.pull == "always")

    def fetched(self, image: Image, answer: str) -> Image:
        return image

    def forms(self, image: Image) -> tuple[Form, ...]:
        return () if _is_file(image.name) else ("sif", "docker")

    def sent(self, image: Image) -> Image:
        return image

    def take(self, image: Image, archive: str, form: Form) -> Step:
        return self._convert(image, "take" if form == "sif" else str(ImageKind.LOAD), archive, again=True)

    def keep(self, image: Ready) -> tuple[Step, Ready] | None:
        return None

    def _convert(self, image: Image, how: str, source: str, *, again: bool) -> Step:
        folder, _, name = self._cached(image).rpartition("/")
        return Step(("sh", "-c", _FETCH, "sh", folder, name, "again" if again else "", how, source, *self._client), long=True)

    def _file(self, image: Image) -> str:
        """Where the image is, or will be once it is converted."""
        return image.name if _is_file(image.name) and image.kind is ImageKind.PULL else self._cached(image)

    def _cached(self, image: Image) -> str:
        """The file that is the image's in the cache."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", str(image))[-60:].lstrip("._-")
        digest = hashlib.sha256(f"{image.kind}\0{image.name}\0{image.source}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return f"{self._cache}/{readable}-{digest}.sif"

    # -- running --------------------------------------------------------------------------------------------------

    def enter(self, task: Task, run: str, image: Ready) -> Task:
        container = task.container
        if container is None:
            raise ValueError("the task has no container")
        seen = sight(task, container)
        passable(task, seen.mounts)
        own = {name: value for name, value in task.environment.items() if _is_changed(name, value, container)}
        command = (*image.entry, *(task.argv or image.command))
        if own:
            command = ("env", "--", *(f"{name}={value}" for name, value in own.items()), *command)
        mounts = (*seen.mounts, *([Mount(scratch(task), scratch(task), True)] if task.processes else []))
        options = (*self._options(task, container), *(f"--mount={_mount(mount)}" for mount in mounts), *self.settings.options)
        argv = (*self._client, "--quiet", "exec", *options, image.reference, *command)
        if task.resources.gpus:  # whoever starts the client says which, in a variable that it would not pass on
            argv = ("sh", "-c", _TELL_DEVICES, "sh", *argv)
        if task.processes:
            argv = ("sh", "-c", PASS_ON, "sh", *argv)
        passed = {f"{prefix}ENV_{name}": value for name, value in task.environment.items() if name not in own and name != "HOME"
                  for prefix in ("APPTAINER", "SINGULARITY")}
        for_launcher = {name: value for name, value in task.environment.items() if task.processes and name.startswith(PREFIXES)}
        environment = {**for_launcher, **passed, "TMPDIR": scratch(task)}
        return replace(task, argv=argv, environment=environment, stdin=seen.stdin, stage=seen.stage, container=None,
                       enclosure=Enclosure((), paths=seen.paths))

    def _options(self, task: Task, container: Container) -> Iterator[str]:
        apart = ("--no-mount=home,cwd",) if task.processes else ("--containall",)
        yield from ("--cleanenv", "--no-eval", *apart, f"--pwd={container.outdir}")
        if _can_be_home(container.outdir):
            yield f"--home={container.outdir}"
        if task.processes:
            return
        if not task.network:
            yield from ("--net", "--network=none")
        elif self.settings.network:
            yield from ("--net", f"--network={self.settings.network}")
        if task.resources.gpus:
            yield "--nv"

    # -- what became of it ----------------------------------------------------------------------------------------

    def failure(self, outcome: Outcome) -> EngineFailure | None:
        if outcome.code == _NOT_FOUND and (no_client := _NO_CLIENT.search(outcome.stderr)) and no_client["name"] == self._client[0]:
            what = f"there is no {self._client[0]} on the PATH of the machine that ran the job; a cluster's `prologue` can put it there"
            return EngineFailure(what)
        said = {_FATAL: _SAID, _USAGE: _ADVICE}[outcome.code].search(outcome.stderr) if outcome.code in (_FATAL, _USAGE) else None
        if said is None:
            return None
        words = " ".join(said["words"].split())
        if missing := _MISSING.fullmatch(words):
            return EngineFailure(f"{missing['name'] or missing['path']} is not in the image", command=True)
        if _NOT_EXECUTABLE.fullmatch(words):
            return EngineFailure(f"it cannot be executed in the image: {words}", command=True)
        return EngineFailure(words, transient=is_passing(words))

    def list(self, run: str) -> Argv:
        return ()

    def sweep(self) -> Argv:
        return ()

    def remove(self, names: tuple[str, ...]) -> Argv:
        return ()


def _is_file(name: str) -> bool:
    """Whether the name is that of an image file at the site."""
    return name.startswith("/")


def _is_changed(name: str, value: str, container: Container) -> bool:
    """Whether this variable does not come through Apptainer's own ways of setting variables as it is: these know shell names only, drop
    carriage returns, and never set HOME."""
    if name == "HOME":
        return value != container.outdir or not _can_be_home(value)
    return not is_shell_name(name) or name in _CHANGED or "\r" in value


def _can_be_home(path: str) -> bool:
    """Whether --home can be told so: it divides what it is given at the colon."""
    return ":" not in path


def _runscript(script: str) -> tuple[Argv, Argv]:
    """Entry point and default command as the script of a converted image holds them; others have none."""
    return tuple(_words(script, word) for word in ("OCI_ENTRYPOINT", "OCI_CMD"))  # type: ignore[return-value]  # two of them


def _words(script: str, name: str) -> Argv:
    line = re.search(rf"^{name}=(.*)$", script, re.MULTILINE)
    try:
        return tuple(word for part in shlex.split(line[1]) for word in shlex.split(part)) if line else ()
    except ValueError:
        return ()


def _mount(mount: Mount) -> str:
    """The value of --mount: a line of comma-separated values, whose parts may be quoted each for itself."""
    fields = ["type=bind", _field(f"source={mount.source}"), _field(f"destination={mount.target}"), *([] if mount.writable else ["ro"])]
    return ",".join(fields)


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
