"""A search path on which this machine's container tools are not found, and the lab's under their plain names if they are asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from lab import engine_site, setting

PATH = os.environ["PATH"]
TOOLS = ("apptainer", "singularity", "docker", "podman", "skopeo")


def toolless(folder: Path) -> Path:
    """The new directory, with all programs of this machine but those tools."""
    folder.mkdir()
    for place in PATH.split(":"):
        for name in os.listdir(place) if os.path.isdir(place) else ():
            if name not in TOOLS and not (folder / name).is_symlink():
                (folder / name).symlink_to(f"{place}/{name}")
    return folder


def offer(tool: str, folder: Path) -> None:
    """Put a tool into that directory which has the lab's images. Skips where it is not installed, or not up."""
    program = shutil.which(tool, path=PATH)
    if program is None:
        pytest.skip(f"{tool} is not installed")
    script = folder / tool
    script.write_text(_script(tool, program, folder))
    script.chmod(0o755)


def _script(tool: str, program: str, folder: Path) -> str:
    match tool:
        case "docker":
            return f'#!/bin/sh\nDOCKER_HOST={setting("DOCKER_HOST")} exec {program} "$@"\n'
        case "podman":
            return f'#!/bin/sh\nexec {" ".join(engine_site("podman")["container"]["command"][:-1])} {program} "$@"\n'
        case "apptainer":
            return Path(engine_site("apptainer")["container"]["command"][0]).read_text().replace("exec apptainer", f"exec {program}")
        case _:
            registries = folder / ".config/containers/registries.conf"
            registries.parent.mkdir(parents=True)
            registries.write_text(f'[[registry]]\nprefix = "docker.io"\nlocation = "{setting("HYFLOW_LAB_REGISTRY")}"\ninsecure = true\n')
            return f'#!/bin/sh\nHOME={folder} exec {program} "$@"\n'
