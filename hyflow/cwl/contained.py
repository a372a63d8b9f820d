"""What a tool's DockerRequirement asks: an image, and where the command sees its directories (CWL v1.2, CommandLineTool, section 5.7).

Knows no engine. The directories have the same names in every attempt, so that what a tool writes about its command line is the
same in every run.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyflow.errors import Where, WorkflowError
from hyflow.model.containers import MADE_NAME, Image, ImageKind

INDIR = "/var/lib/cwl"
OUTDIR = "/var/spool/cwl"
TMPDIR = "/tmp"  # noqa: S108 (in the container, where it is the attempt's own directory)
_OTHER_TMPDIR = "/var/tmp"  # noqa: S108 (as above)
_KERNELS = ("/dev", "/proc", "/sys")
_SYSTEM = ("/", "/etc", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/var", "/var/lib")


@dataclass(frozen=True, slots=True)
class Asked:
    """`required`: it stands under requirements, not hints. `outdir`: where the command sees its output directory."""

    image: Image
    required: bool
    outdir: str = OUTDIR

    @property
    def indir(self) -> str:
        """Where the command sees its inputs."""
        return INDIR

    @property
    def tmpdir(self) -> str:
        """Where the command sees its temporary directory."""
        return _OTHER_TMPDIR if _within(self.outdir, TMPDIR) else TMPDIR


def asked(requirement: Mapping[str, Any], where: Where | str | None) -> Asked:
    """What a DockerRequirement says. Raises WorkflowError when it names no image, or an output directory that cannot be."""
    image = _image(requirement)
    if image is None:
        raise WorkflowError("DockerRequirement names no image", where=where,
                            hint="say dockerPull: NAME, or dockerLoad, dockerImport, dockerFile")
    if image.name.startswith("-") or any(ord(letter) < 32 for letter in image.name):
        raise WorkflowError(f"no image can be called {image.name!r}", where=where)
    return Asked(image, bool(requirement["required"]), _outdir(requirement.get("dockerOutputDirectory"), where))


def named(requirement: Mapping[str, Any]) -> str:
    """How a person knows the image; "" where there is none."""
    name = next((requirement[word] for word in ("dockerPull", "dockerImageId", "dockerLoad", "dockerImport") if requirement.get(word)), "")
    return str(name) if name or not requirement.get("dockerFile") else "made of its dockerFile"


def _image(requirement: Mapping[str, Any]) -> Image | None:
    name = str(requirement.get("dockerImageId") or "")
    if pull := requirement.get("dockerPull"):
        return Image(str(pull))
    if load := requirement.get("dockerLoad"):
        return Image(name, ImageKind.LOAD, str(load))
    if archive := requirement.get("dockerImport"):
        return Image(name or MADE_NAME + _digest(str(archive)), ImageKind.IMPORT, str(archive))
    if text := requirement.get("dockerFile"):
        return Image(name or "hyflow-built:" + _digest(str(text)), ImageKind.BUILD, str(text))
    return Image(name) if name else None


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _outdir(given: Any, where: Where | str | None) -> str:
    if not given:
        return OUTDIR
    path = posixpath.normpath(str(given))
    path = path[1:] if path.startswith("//") else path
    kernels = any(_within(path, directory) for directory in _KERNELS)
    if not path.startswith("/") or "\0" in path or path in _SYSTEM or kernels or _within(path, INDIR) or _within(INDIR, path):
        raise WorkflowError(f"dockerOutputDirectory cannot be {given!r}", where=where,
                            hint="it must be an absolute path that nothing else in the container needs")
    return path


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")
