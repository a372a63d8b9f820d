"""Docker and Podman: their clients are nearly the same; where they differ is said here once.

The container gets the caller's user, a read-only root, no network unless asked for, and no log kept by the engine: standard output
and error are the client's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hyflow.containers.engine import (
    DEVICES,
    KEY,
    OWNER,
    RUN,
    Argv,
    EngineFailure,
    Facts,
    Form,
    Ready,
    Step,
    archived,
    is_passing,
    name_of,
    passable,
    scratch,
    short,
    split_environment,
)
from hyflow.containers.sight import Sight, sight
from hyflow.model.containers import MADE_NAME, Container, ContainerSettings, Enclosure, Image, ImageKind, Mount
from hyflow.model.tasks import Outcome, Task

ID_FILE = "container"
"""The file in the attempt's directory that gets the container's id."""
_ADVICE = re.compile(r"\n(?:See|Run) '|\n(?:Usage: |ERRO\[)")
_LOGGED = re.compile(r'time="[^"]*" level=\w+ msg="(?P<words>.*)"')
_ENGINE_CODE, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127
_LEAST_MEMORY, _LEAST_CORES = 6 << 20, 0.01
"""The engines refuse limits that are lower."""
_SAID: Mapping[str, re.Pattern[str]] = {
    "docker": re.compile(
        r"^(?:docker: |Error response from daemon: |error during connect: |Cannot connect to |"
        r"flag needs an argument: |unknown [a-z ]*flag: |invalid argument |time=\"[^\"]*\" level=error msg=)"
        r"[^\n]*(?:\n+(?:ERRO\[|Usage: |(?:See|Run) 'docker )[^\n]*)*\s*\Z", re.MULTILINE),
    "podman": re.compile(r"^Error: [^\n]*(?:\n+See 'podman [^\n]*)*\s*\Z", re.MULTILINE),
}
"""The client's last words."""
_STARTING = re.compile(r"exec:? \"(?P<name>(?:[^\"\\]|\\.)*)\": (?P<why>.*?)(?::? unknown|: OCI .*|\.|$)|"
                       r"executable file `(?P<other>[^`]*)` not found|open executable: (?P<denied>[^:]*)")
_SWEEP, _KEEP, _LOAD, _AFTER = (Path(__file__).with_name(f"{name}.sh").read_text() for name in ("sweep", "keep", "load", "after"))


class Oci:
    """Docker or Podman, as `facts.kind` says."""

    def __init__(self, facts: Facts, settings: ContainerSettings) -> None:
        self.facts, self.settings = facts, settings
        self._client: Argv = tuple(settings.command or (facts.kind,))
        self._cache = settings.cache or facts.cache
        self._at_once = ("--time", "0") if facts.kind == "podman" else ()  # else it waits for commands that do not heed SIGTERM

    # -- images ---------------------------------------------------------------------------------------------------

    def look(self, image: Image) -> Argv:
        return (*self._client, "image", "inspect", image.name)

    def may_be_stale(self, image: Image) -> bool:
        return image.kind in (ImageKind.LOAD, ImageKind.IMPORT) and (not image.name or image.name.startswith(MADE_NAME))

    def found(self, answer: str) -> Ready:
        known = json.loads(answer)[0]
        identifier = str(known["Id"])
        digests = known.get("RepoDigests") or []
        whole = identifier if ":" in identifier else f"sha256:{identifier}"
        return Ready(identifier, str(digests[0]).rpartition("@")[2] if digests else whole)

    def fetch(self, image: Image, archive: str | None) -> Step:
        match image.kind:
            case ImageKind.PULL:
                return Step((*self._client, "pull", image.name), long=True)
            case ImageKind.LOAD:
                return Step((*self._client, "load", "--input", archive or ""), long=True)
            case ImageKind.IMPORT:
                return Step((*self._client, "import", archive or "", image.name), long=True)
            case ImageKind.BUILD:
                return Step((*self._client, "build", "--force-rm", "--tag", image.name, "-"), image.source, long=True)

    def fetched(self, image: Image, answer: str) -> Image:
        if image.kind is ImageKind.LOAD and not image.name:
            said = re.findall(r"^Loaded image(?:\(s\)| ID)?: *(\S+)", answer, re.MULTILINE)
            if not said:
                raise ValueError(f"the engine does not say what it has loaded: {answer.strip()[-200:]!r}")
            return replace(image, name=said[-1])
        return image

    def forms(self, image: Image) -> tuple[Form, ...]:
        return ("docker",)

    def sent(self, image: Image) -> Image:
        return replace(image, name=archived(image.name))

    def take(self, image: Image, archive: str, form: Form) -> Step:
        return Step((*self._client, "load", "--input", archive), long=True)

    def keep(self, image: Ready) -> tuple[Step, Ready] | None:
        """Under a name made of its digest: an archive may change an image's id."""
        name = f"localhost/hyflow-kept:{short(image.reference)}"
        file = f"{self._cache}/{short(image.reference)}.tar"
        step = Step(("sh", "-c", _KEEP, "sh", file, image.reference, name, *self._client), long=True)
        return step, replace(image, reference=name, archive=file)

    # -- running --------------------------------------------------------------------------------------------------

    def enter(self, task: Task, run: str, image: Ready) -> Task:
        container = task.container
        if container is None:
            raise ValueError("the task has no container")
        seen = sight(task, container)
        passable(task, seen.mounts)
        passed, said = split_environment(task.environment)
        argv = (*self._client, "run", *self._options(task, container, run, seen), *(f"--env={name}" for name in passed),
                *(f"--env={name}={value}" for name, value in said.items()), *self.settings.options, image.reference, *task.argv)
        if self.facts.kind == "podman":  # its monitor leaves a file called `oom` where the client was started: not among the outputs
            argv = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", scratch(task), *argv)
        if image.archive:
            error = "Error" if self.facts.kind == "podman" else "docker"  # as `failure` knows it
            load = ("sh", "-c", _LOAD, "sh", image.archive, image.reference, error, *self._client)
            argv = ("sh", "-c", _AFTER, "sh", str(len(load)), *load, *argv)
        environment = {**passed, "TMPDIR": scratch(task)}
        return replace(task, argv=argv, environment=environment, stdin=seen.stdin, stage=seen.stage, container=None,
                       enclosure=self._enclosure(task, run, image, seen))

    def _options(self, task: Task, container: Container, run: str, seen: Sight) -> Iterator[str]:
        yield from ("--rm", f"--name={name_of(task.key)}", f"--cidfile={task.dir}/{ID_FILE}")
        yield from ("--pull=never", "--log-driver=none", "--read-only")
        yield from (f"--label={RUN}={run}", f"--label={KEY}={task.key}", f"--label={OWNER}={self.facts.owner}")
        yield from self._user()
        yield f"--workdir={container.outdir}"
        if task.stdin is not None:
            yield "--interactive"
        yield from self._network(task)
        if "memory" in self._limits(task):
            yield f"--memory={max(task.resources.memory, _LEAST_MEMORY)}"
        if "cores" in self._limits(task):
            yield f"--cpus={max(task.resources.cores, _LEAST_CORES):g}"
        if task.resources.gpus:  # which of them is said by whoever starts the client
            yield from ("--gpus=all" if self.facts.kind == "docker" else "--device=nvidia.com/gpu=all", f"--env={DEVICES}")
        for mount in seen.mounts:
            yield f"--mount={_mount(mount)}"

    def _limits(self, task: Task) -> set[str]:
        return set(task.limits) & set(self.facts.limits) if self.settings.limits else set()

    def _user(self) -> Iterator[str]:
        """The caller's, so that what it writes is ours. A rootless Docker maps its root to the caller; Podman can keep the number."""
        uid, gid = self.facts.user
        if not self.facts.rootless:
            yield f"--user={uid}:{gid}"
        elif self.facts.kind == "podman":
            yield from ("--userns=keep-id", f"--user={uid}:{gid}")
        else:
            yield "--user=0:0"

    def _network(self, task: Task) -> Iterator[str]:
        if not task.network:
            yield "--network=none"
        elif self.settings.network:
            yield f"--network={self.settings.network}"

    def _enclosure(self, task: Task, run: str, image: Ready, seen: Sight) -> Enclosure:
        own = tuple(self._own(task, run, image)) if self.facts.user[0] else ()  # root may do everything as it is
        return Enclosure(self.remove((name_of(task.key),)), own, ID_FILE, seen.paths)

    def _own(self, task: Task, run: str, image: Ready) -> Iterator[str]:
        """Makes what root or somebody else wrote in the container ours, by the image's own chown."""
        yield from (*self._client, "run", "--rm", f"--name={name_of(task.key)}-own")
        yield from (f"--label={RUN}={run}", f"--label={OWNER}={self.facts.owner}")
        yield from ("--pull=never", "--log-driver=none", "--network=none", "--read-only", "--user=0:0", "--entrypoint=chown")
        if self.facts.rootless and self.facts.kind == "podman":
            yield "--userns=keep-id"
        for name in ("out", "tmp"):
            yield f"--mount={_mount(Mount(f'{task.dir}/{name}', f'/hyflow/{name}', writable=True))}"
        uid, gid = (0, 0) if self.facts.rootless and self.facts.kind == "docker" else self.facts.user
        yield from (image.reference, "-R", "-h", f"{uid}:{gid}", "/hyflow/out", "/hyflow/tmp")

    # -- what became of it ----------------------------------------------------------------------------------------

    def failure(self, outcome: Outcome) -> EngineFailure | None:
        if outcome.code not in (_ENGINE_CODE, _NOT_EXECUTABLE, _NOT_FOUND):
            return None
        said = _SAID[self.facts.kind].search(outcome.stderr)
        if said is None or (self.facts.kind == "podman" and outcome.code != _ENGINE_CODE and "OCI" not in said[0]):
            return None
        words = " ".join(_ADVICE.split(said[0])[0].split())
        words = logged["words"] if (logged := _LOGGED.fullmatch(words)) else words
        if starting := _STARTING.search(words):
            return EngineFailure(_not_started(starting, words), command=True)
        return EngineFailure(words, transient=is_passing(words))

    def list(self, run: str) -> Argv:
        ours = [word for label in (f"{OWNER}={self.facts.owner}", f"{RUN}={run}") for word in ("--filter", f"label={label}")]
        return (*self._client, "ps", "--all", *ours, "--format", "{{.Names}}")

    def sweep(self) -> Argv:
        return ("sh", "-c", _SWEEP, "sh", f"{OWNER}={self.facts.owner}", " ".join(self._at_once), *self._client)

    def remove(self, names: tuple[str, ...]) -> Argv:
        return (*self._client, "rm", "--force", *self._at_once, *names)


def _not_started(starting: re.Match[str], words: str) -> str:
    if starting["denied"]:
        return f"it cannot be executed in the image: {starting['denied']}"
    name = starting["name"] if starting["name"] is not None else starting["other"]
    if starting["other"] or "not found" in words or "no such file" in words:
        return f"{name} is not in the image"
    return f"{name} cannot be executed in the image: {starting['why'].strip()}"


def _mount(mount: Mount) -> str:
    """The value of --mount, which is a line of comma-separated values."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}", *([] if mount.writable else ["readonly"])]
    return ",".join(map(_field, fields))


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') or text != text.strip() else text
