"""What every engine can say: a protocol of pure functions, and the values that they share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from hyflow.containers.modules import SHELLS_OWN
from hyflow.model.containers import ContainerSettings, Image, Mount
from hyflow.model.tasks import Outcome, Task

Kind: TypeAlias = Literal["docker", "podman", "apptainer"]
Argv: TypeAlias = tuple[str, ...]
Form: TypeAlias = Literal["sif", "docker"]
"""How an image lies in one file: as Apptainer runs it, or as `docker save` writes it."""
RUN, KEY, OWNER = "hyflow.run", "hyflow.key", "hyflow.owner"
"""Labels: the run that a container belongs to, its attempt, and the user and machine whose hyflow started it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an engine at a site. `rootless`: its root is an ordinary user (or it has none). `limits`: which of "cores" and
    "memory" it can enforce. `user`: numbers of the user and the group that hyflow is there; `host`: the machine's name; `cache`: a
    directory for images, absolute; `machine`: what kind of machine it is, as `uname -m` says it. `absent`: it is not where
    hyflow's commands run, and nothing was seen of it; the machines that run jobs have it, as the user says."""

    kind: Kind
    version: str
    rootless: bool
    limits: tuple[str, ...]
    user: tuple[int, int]
    host: str
    cache: str
    machine: str = ""
    absent: bool = False

    @property
    def owner(self) -> str:
        """Whose containers these are, as the label says it."""
        return f"{self.user[0]}@{self.host}"


@dataclass(frozen=True, slots=True)
class Ready:
    """An image that is at the site: `reference` is what containers are made from, `digest` names its content. `entry` is what the image
    puts before the command and `command` what stands for one, where the engine leaves these to us. `archive`: the file that holds it, where
    the machine that runs a job may have to load it first."""

    reference: str
    digest: str
    entry: Argv = ()
    command: Argv = ()
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of several that bring an image to a site. `feed`: its standard input. Those that are `long` may be silent for minutes."""

    argv: Argv
    feed: str = ""
    long: bool = False


class Engine(Protocol):
    """One engine at one site. All methods are pure: they give commands and read answers, and run nothing."""

    facts: Facts
    settings: ContainerSettings

    def look(self, image: Image) -> Argv:
        """Says on standard output what `found` reads when the image is there; exit status other than 0 when it is not."""

    def may_be_stale(self, image: Image) -> bool:
        """Whether the image must be fetched although one is there: it was made of an archive that may have changed since, under a name that
        only says where the archive is."""

    def found(self, answer: str) -> Ready:
        """Raises ValueError when the answer cannot be read."""

    def fetch(self, image: Image, archive: str | None) -> Step:
        """Brings the image; `archive` is the path at the site of what `image.source` names. Raises ValueError when this engine cannot."""

    def fetched(self, image: Image, answer: str) -> Image:
        """What the image is called now, by what `fetch` wrote to standard output."""

    def forms(self, image: Image) -> tuple[Form, ...]:
        """As what the image may be sent here when it was fetched elsewhere, the best first; () when it can only be fetched here."""

    def sent(self, image: Image) -> Image:
        """What the image is called here once it was sent, and in the archive that is sent."""

    def take(self, image: Image, archive: str, form: Form) -> Step:
        """Brings the image, called as `sent` says, from the file at this path of the site."""

    def keep(self, image: Ready) -> tuple[Step, Ready] | None:
        """Makes it be seen by jobs that run on other machines of the site, and what it is to them; None: it is seen as it is."""

    def enter(self, task: Task, run: str, image: Ready) -> Task:
        """The task that runs the given one, which has a container, in it: a command of the engine's client with an enclosure."""

    def failure(self, outcome: Outcome) -> EngineFailure | None:
        """Why the engine, and not the command, failed; None when it is not to blame."""

    def list(self, run: str) -> Argv:
        """Prints the name of each container of a run, a line each; () where containers cannot outlive their clients."""

    def sweep(self) -> Argv:
        """Removes all containers of ours whose client is gone and prints their names; () as for `list`."""

    def remove(self, names: tuple[str, ...]) -> Argv:
        """Ends and removes the containers of these names."""


@dataclass(frozen=True, slots=True)
class EngineFailure:
    """`command`: the container's command could not be started (it is not in the image, or cannot be executed); else the engine itself
    failed, which may be `transient`."""

    what: str
    command: bool = False
    transient: bool = False


_PASSING = ("connection refused", "timeout", "timed out", "EOF", "TLS handshake", "too many requests", "temporar", "reset by peer",
            "resource busy", "Cannot connect", "503 ", "502 ", "toomanyrequests", "no such host", "network is unreachable",
            "Node fail", "preempt", "unable to contact")  # the last ones: of batch systems, in whose jobs engines may be asked


def is_passing(words: str) -> bool:
    """Whether what an engine says may be otherwise in a moment."""
    return any(word.lower() in words.lower() for word in _PASSING)


_STATUS = re.compile(r"\bexit(ed)?( with)?( exit)? (code|status) \d+\W*$", re.IGNORECASE)


def last_words(said: str) -> str:
    """The last line that says more than an exit status, as whoever runs a command for somebody else adds it ("srun: error: n1: task 0:
    Exited with exit code 1"); the last line at all where there is none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not _STATUS.search(line)), lines[-1] if lines else "")


DEVICES = "CUDA_VISIBLE_DEVICES"
"""The variable by which a command knows its GPUs."""


def scratch(task: Task) -> str:
    """The temporary directory of whatever an attempt runs on the machine itself; by it they know their own."""
    return f"{task.dir}/tmp"  # noqa: S108 (the attempt's own)


def passable(task: Task, mounts: Iterable[Mount]) -> None:
    """Raises ValueError when an engine would not pass on all that the task's container needs as it is: each of them replaces what is not
    UTF-8, without a word."""
    for what, words in (("the argument", task.argv), ("the variable", (f"{name}={value}" for name, value in task.environment.items()))):
        for word in words:
            if not _is_text(word):
                raise ValueError(f"{what} {_shown(word)} cannot be passed to a container: it is not UTF-8")
    for mount in mounts:
        for path in (mount.source, mount.target):
            if not _is_text(path) or "\r\n" in path:
                raise ValueError(f"{_shown(path)} cannot be seen in a container: its name is not UTF-8, or has a line's end in it")


def _is_text(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _shown(word: str) -> str:
    return ascii(word[:200])


def name_of(key: str) -> str:
    """The container's name of the attempt with this key."""
    return f"hyflow-{key}"


_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CLIENTS_OWN = re.compile(
    r"(PATH|HOME|TMPDIR|USER|LOGNAME|SHELL|PWD|TERM|LD_.*|DOCKER_.*|BUILDKIT_.*|_?CONTAINERS?_.*|PODMAN_.*|APPTAINER.*|SINGULARITY.*|XDG_.*|"
    r"REGISTRY_.*|STORAGE_.*|DBUS_.*|NOTIFY_SOCKET|LISTEN_.*|GO.*|SSL_.*|SSH_.*|OTEL_.*|(?i:(https?|no|all|ftp)_proxy)|"
    rf"GLIBC_.*|GCONV_PATH|LOCPATH|MALLOC_.*|_|{SHELLS_OWN.pattern}|PYTHON.*|PERL.*|RUBY.*)"  # a client may be a script around the real one
)


_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def architecture(machine: str) -> str:
    """What images call the kind of machine that `uname -m` calls so."""
    return _MACHINES.get(machine, machine)


def archived(name: str) -> str:
    """The name that an image of this name bears in an archive, where none has a digest in it."""
    if "@" in name:
        return f"hyflow-sent:{short(name)}"
    return name.removeprefix("docker://")


def short(text: str) -> str:
    """A few letters that are others for another text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def is_shell_name(name: str) -> bool:
    """Whether a shell could set a variable of this name. Of other names not every engine takes a value that is not said: Podman has
    patterns for them (`S*`)."""
    return _SHELL_NAME.fullmatch(name) is not None


def is_clients_own(name: str) -> bool:
    """Whether an engine's client itself heeds this variable, so that a tool's value of it must not get into the client's environment."""
    return _CLIENTS_OWN.fullmatch(name) is not None


def split_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables that may pass through the client's environment, where other users do not see them, and those that may not."""
    passed = {name: value for name, value in environment.items() if is_shell_name(name) and not is_clients_own(name)}
    return passed, {name: value for name, value in environment.items() if name not in passed}
