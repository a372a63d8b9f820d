"""Which engine a site has: the questions, and what the answers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hyflow.containers.apptainer import Apptainer
from hyflow.containers.engine import Argv, Engine, Facts, Kind, last_words
from hyflow.containers.oci import Oci
from hyflow.model.containers import ContainerSettings

ORDER: tuple[Kind, ...] = ("docker", "podman", "apptainer")
"""In which order `auto` tries them."""

_ABOUT = """
printf '%s\\n' "$(id -u)" "$(id -g)" "$(uname -n)" "${XDG_CACHE_HOME:-$HOME/.cache}/hyflow/images" "$(uname -m)"
command -v "$1" >/dev/null || { echo "$1 is not installed" >&2; exit 127; }
exec "$@"
"""
_QUESTIONS: Mapping[Kind, Argv] = {
    "docker": ("info", "--format", "{{json .}}"),
    "podman": ("info", "--format", "json"),
    "apptainer": ("--version",),
}
_START: Mapping[Kind, str] = {
    "docker": "start its daemon (on many systems: sudo systemctl start docker), or say where it is: DOCKER_HOST, or the site's "
              "container: {command: [docker, --host, ADDRESS]}",
    "podman": "podman info says what is wrong with it",
    "apptainer": "apptainer --version must work there",
}


class Unusable(Exception):
    """This engine does not work; says why, in words of its own."""


def question(kind: Kind, settings: ContainerSettings) -> Argv:
    """Asks whether the engine works, and about the user and the machine."""
    return ("sh", "-c", _ABOUT, "sh", *(settings.command or (kind,)), *_QUESTIONS[kind])


def understood(kind: Kind, settings: ContainerSettings, code: int, answer: str, said: str) -> Engine:
    """The engine that answered `question`. Raises Unusable."""
    about, rest = answer.split("\n")[:5], "\n".join(answer.split("\n")[5:])
    if code != 0 or len(about) < 5:
        raise Unusable(_reason(said) or _reason(rest) or f"exit status {code}")
    if not _is_about(about):
        raise Unusable(f"what the site says of its user and machine cannot be read: {about!r:.200}")
    user, (host, cache, machine) = (int(about[0]), int(about[1])), about[2:]
    if kind == "apptainer":
        return Apptainer(Facts(kind, rest.split()[-1] if rest.split() else "?", user[0] != 0, (), user, host, cache, machine), settings)
    try:
        told = json.loads(rest)
        version, rootless, limits = _docker(told) if kind == "docker" else _podman(told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(_reason(said) or "what it says of itself cannot be read") from error
    return Oci(Facts(kind, version, rootless, limits, user, host, cache, machine), settings)


def unseen(settings: ContainerSettings, answer: str) -> Engine | None:
    """The engine that the machine which answered `question` has not got, and that others of its site have: its images are files.
    None where there can be no such engine, or what the machine says cannot be read."""
    about = answer.split("\n")[:5]
    if settings.runtime != "apptainer" or not _is_about(about):
        return None
    number, group, host, cache, machine = about
    return Apptainer(Facts("apptainer", "", number != "0", (), (int(number), int(group)), host, cache, machine, absent=True), settings)


def how_to_start(kinds: Sequence[Kind], elsewhere: bool = False) -> str:
    """What to do when none of these works. `elsewhere`: jobs run on other machines, which may have another one."""
    advice = _START[kinds[0]] if len(kinds) == 1 else "start one of them, or install one"
    if elsewhere and len(kinds) > 1:
        advice = "where the machines that run jobs have Apptainer, say so: `container: {runtime: apptainer}`"
    return f"{advice}; to run with what is installed instead: --container none"


def _is_about(lines: Sequence[str]) -> bool:
    """Whether they are what _ABOUT says of user and machine."""
    return len(lines) == 5 and lines[0].isdecimal() and lines[1].isdecimal() and lines[3].startswith("/")


def _docker(told: Mapping[str, Any]) -> tuple[str, bool, tuple[str, ...]]:
    if not told.get("ServerVersion"):
        raise Unusable("; ".join(told.get("ServerErrors") or []) or "its daemon does not answer")
    rootless = any("rootless" in option for option in told.get("SecurityOptions") or [])
    limits = [name for name, key in (("cores", "CpuCfsQuota"), ("memory", "MemoryLimit")) if told.get(key)]
    return str(told["ServerVersion"]), rootless, tuple(limits)


def _podman(told: Mapping[str, Any]) -> tuple[str, bool, tuple[str, ...]]:
    host = told["host"]
    rootless = bool(host["security"]["rootless"])
    have = set(host.get("cgroupControllers") or []) if rootless or host.get("cgroupVersion") == "v2" else {"cpu", "memory"}
    if rootless and host.get("cgroupVersion") != "v2":
        have = set()
    limits = [name for name, controller in (("cores", "cpu"), ("memory", "memory")) if controller in have]
    return str(told["version"]["Version"]), rootless, tuple(limits)


def _reason(said: str) -> str:
    """The last thing that was said, on one line."""
    return last_words(said).removeprefix("ERROR: ").removeprefix("Error: ")[:300]
