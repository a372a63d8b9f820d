"""Images made into files on the machine that hyflow runs on, for sites that cannot or may not fetch them: which tools can, and their words.

What becomes of such a file at a site is its engine's affair (`Engine.take`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from hyflow.containers.engine import Argv, Form, Step, archived
from hyflow.model.containers import Image, ImageKind

Tool: TypeAlias = Literal["docker", "podman", "apptainer", "skopeo"]
_MAKE = Path(__file__).with_name("make.sh").read_text()
_WORKS = 'command -v "$1" >/dev/null || { echo "it is not installed" >&2; exit 127; }; exec "$@" >/dev/null'
_COPY = 'cd "$1" && shift && exec "$@"'
_QUESTIONS: Mapping[Tool, Argv] = {
    "docker": ("version", "--format", "{{.Server.Version}}"), "podman": ("info",), "apptainer": ("--version",), "skopeo": ("--version",),
}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of an image. `forms`: those that will do, the best first; `architecture`: of the machine that it is for, "" where that is of
    this one's kind; `afresh`: the registry is asked although the image may be here."""

    image: Image
    forms: tuple[Form, ...]
    architecture: str = ""
    afresh: bool = False


def tools(wanted: Wanted) -> Sequence[tuple[Tool, Form]]:
    """What could make it, in the order to try them in, and what would come out; empty for an image that lies in a file already."""
    if wanted.image.kind is ImageKind.BUILD:
        able: list[tuple[Tool, Form]] = [("docker", "docker"), ("podman", "docker")]
    elif wanted.image.kind is ImageKind.PULL:
        able = [("apptainer", "sif"), ("docker", "docker"), ("podman", "docker"), ("skopeo", "docker")]
    else:
        able = []
    if _scheme(wanted.image.name) not in ("", "docker"):
        able = [(tool, form) for tool, form in able if tool == "apptainer"]
    return [(tool, form) for tool, form in able if form in wanted.forms]


def question(tool: Tool) -> Argv:
    """Whether it works here: exit status 0."""
    return ("sh", "-c", _WORKS, "sh", tool, *_QUESTIONS[tool])


def make(tool: Tool, wanted: Wanted, folder: str) -> tuple[Step, str]:
    """The command that makes it with that tool, in that directory; and the path of the file, which is not there yet."""
    image, other = wanted.image, wanted.architecture
    plain, name = image.name.removeprefix("docker://"), archived(image.name)
    match tool:
        case "apptainer":
            address = image.name if _scheme(image.name) else f"docker://{image.name}"
            arch = (f"--arch={other}",) if other else ()
            return Step(("sh", "-c", _COPY, "sh", folder, tool, "pull", *arch, "image.sif", address), long=True), f"{folder}/image.sif"
        case "skopeo":
            arch = (f"--override-arch={other}",) if other else ()
            words = (tool, "copy", "--quiet", *arch, f"docker://{plain}", f"docker-archive:image.tar:{name}")
            return Step(("sh", "-c", _COPY, "sh", folder, *words), long=True), f"{folder}/image.tar"
        case _:
            how = "build" if image.kind is ImageKind.BUILD else "always" if wanted.afresh else "missing"
            platform = f"linux/{other}" if other else ""
            words = ("sh", "-c", _MAKE, "sh", f"{folder}/image.tar", plain, name, platform, how, tool)
            return Step(words, image.source, long=True), f"{folder}/image.tar"


def _scheme(name: str) -> str:
    found = _SCHEME.match(name)
    return found[1] if found else ""
