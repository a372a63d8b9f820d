"""What the lab (tests/lab) has left for tests: its targets' deployment files, and where its services are. Tests skip where it is not up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

LAB = Path(__file__).resolve().parents[2] / ".lab"


def deployment(target: str, lab: Path = LAB) -> Path:
    """The deployment file of a target. It has one site, called "here" ("docker", "podman", "podman-rootless", "apptainer"), "ssh"
    ("ssh", "ssh-docker", "ssh-apptainer"), or "slurm" ("slurm", "slurm-bare", "slurm-apptainer")."""
    path = lab / f"{target}.yml"
    if not path.is_file():
        pytest.skip(_missing(target, lab))
    return path


def engine_site(target: str, lab: Path = LAB) -> dict[str, Any]:
    """The settings of the site "here" of such a target, as in its deployment file."""
    settings: dict[str, Any] = yaml.safe_load(deployment(target, lab).read_text(encoding="utf-8"))["sites"]["here"]
    return settings


def setting(key: str, lab: Path = LAB) -> str:
    """A value of lab.env, such as DOCKER_HOST (what parts give: `PART_env` in tests/lab/parts)."""
    path = lab / "lab.env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    values = dict(line.split("=", 1) for line in lines)
    if key not in values:
        pytest.skip(_missing(key, lab))
    return values[key]


def _missing(what: str, lab: Path) -> str:
    without = lab / "without"
    why = without.read_text(encoding="utf-8").splitlines() if without.is_file() else []
    return "; ".join([f"the lab has no {what} up: run `make lab`", *why])
