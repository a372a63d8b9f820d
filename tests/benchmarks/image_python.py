"""The Python of an image, without a container: the image's own files, unpacked, and started by the loader and with the libraries in there.

So that where a command is run in the image and outside of it, nothing differs but the container.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict

import docker_here

PROGRAM = "python3"
ABOUT = """
import json, os, sys
import numpy
with open("/proc/self/maps") as maps:
    files = sorted({line.split(None, 5)[5].strip() for line in maps if "/" in line})
print(json.dumps({"version": sys.version, "numpy": numpy.__version__, "prefix": sys.base_prefix, "files": files,
                  "program": os.path.realpath(sys.executable)}))
"""
"""What is asked of both: versions, and all the files that make up the process."""


class About(TypedDict):
    """What one of them is made of; paths are absolute, all links resolved."""

    version: str
    numpy: str
    prefix: str
    files: list[str]
    program: str


def install(image: str, programs: Path) -> None:
    """Make `programs`/python3, the Python of the image; what an image of the same content left there is kept. Raises docker_here.Unprepared
    when it is not made of the very same files in the end."""
    root = programs.parent.resolve() / "root"
    identity = docker_here.asked(("image", "inspect", "--format", "{{.Id}}", image))
    mark = programs.parent / "image.txt"
    about = _about(docker_here.asked(("run", "--rm", "--network=none", "--read-only", "--entrypoint=", image, PROGRAM, "-c", ABOUT)))
    if not mark.is_file() or mark.read_text(encoding="ascii") != identity:
        shutil.rmtree(programs.parent, ignore_errors=True)
        programs.mkdir(parents=True)
        root.mkdir()
        _unpack(image, root)
        mark.write_text(identity, encoding="ascii")
    (programs / PROGRAM).write_text(_start(root, about), encoding="utf-8")
    (programs / PROGRAM).chmod(0o755)
    here = _about(docker_here.run((str(programs / PROGRAM), "-c", ABOUT)))
    if (here["version"], here["numpy"], _code(here)) != (about["version"], about["numpy"], {f"{root}{path}" for path in _code(about)}):
        raise docker_here.Unprepared(f"the Python of {image} does not run outside of it as it does inside")


def versions(programs: Path) -> str:
    """Which Python and numpy they are."""
    about = _about(docker_here.run((str(programs / PROGRAM), "-c", ABOUT)))
    return f"Python {about['version'].split()[0]} and numpy {about['numpy']}"


def _about(said: str) -> About:
    found: About = json.loads(said)
    return found


def _code(about: About) -> set[str]:
    """The program and its libraries. What else is in its memory (a locale) depends on the environment."""
    return {path for path in about["files"] if ".so" in path or path.endswith(about["program"])}


def _unpack(image: str, root: Path) -> None:
    """The file system of an image, as it is."""
    made = docker_here.asked(("create", "--network=none", image, "true"))
    try:
        with subprocess.Popen(("docker", "export", made), stdout=subprocess.PIPE) as export:
            done = subprocess.run(("tar", "-x", "-C", str(root), "--no-same-owner", "--exclude=dev/*"), stdin=export.stdout, check=False)
        if export.returncode or done.returncode:
            raise docker_here.Unprepared(f"the files of {image} cannot be unpacked below {root}")
    finally:
        docker_here.asked(("rm", made))


def _start(root: Path, about: About) -> str:
    """The script that starts it. In the image nothing is writable, so compiled modules are not kept outside of it either."""
    libraries = [path for path in about["files"] if ".so" in path]
    loader = next(path for path in libraries if Path(path).name.startswith("ld-"))
    places = ":".join(sorted({f"{root}{Path(path).parent}" for path in libraries}))
    command = (f"{root}{loader}", "--library-path", places, f"{root}{about['program']}")
    settings = shlex.join((f"PYTHONHOME={root}{about['prefix']}", "PYTHONDONTWRITEBYTECODE=1"))
    return f'#!/bin/sh\nexport {settings}\nexec {shlex.join(command)} "$@"\n'
