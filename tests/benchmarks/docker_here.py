"""The Docker that containers are measured with: the user's own, or that of the lab where it is up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runners import ROOT

LAB = ROOT / ".lab" / "lab.env"
"""What the lab that is up in this checkout tells of itself, as KEY=VALUE lines."""


class Unprepared(Exception):
    """Why cases cannot be measured here, and what would help."""


def choose() -> str:
    """Settle on one Docker for all runners, whatever home each has, by DOCKER_HOST; gives its version. Raises Unprepared."""
    said = ""
    for host in (_own(), _lab()):
        if not host:
            continue
        try:
            version = asked(("--host", host, "version", "--format", "{{.Server.Version}}"))
        except Unprepared as error:
            said = said or str(error)
            continue
        os.environ["DOCKER_HOST"] = host
        return f"Docker {version}"
    raise Unprepared(f"Docker does not work here ({said or 'there is none'}). To have one for the time: sh tests/lab/lab.sh up docker")


def _own() -> str:
    """Where the user's `docker` speaks to; "" without one."""
    try:
        return asked(("context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))
    except Unprepared:
        return ""


def _lab() -> str:
    lines = LAB.read_text(encoding="utf-8").splitlines() if LAB.is_file() else []
    return next((line.partition("=")[2] for line in lines if line.startswith("DOCKER_HOST=")), "")


def sweep(room: Path) -> None:
    """Remove containers that see files below `room`: those of runs that were given up or interrupted. Raises Unprepared."""
    while ours := _below(room):
        try:
            asked(("rm", "--force", *ours))
        except Unprepared:  # one that ended by itself just now, which is no harm
            if set(ours) <= set(_below(room)):
                raise


def _below(room: Path) -> list[str]:
    lines = (line.split(" ", 1) for line in asked(("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}")).splitlines())
    return [name for name, mounts in lines if any(Path(source).is_relative_to(room) for source in mounts.split(","))]


def asked(words: Sequence[str]) -> str:
    """What the client says on standard output. Raises Unprepared when it fails."""
    return run(("docker", *words))


def run(argv: Sequence[str], **environment: str) -> str:
    """What a command says on standard output; `environment` is put on top of ours. Raises Unprepared when it fails."""
    try:
        done = subprocess.run(argv, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
    except OSError as error:
        raise Unprepared(f"{argv[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise Unprepared(f"{argv[0]}: {(done.stderr.strip() or 'it said nothing').splitlines()[-1][:300]}")
    return done.stdout.rstrip("\n")
