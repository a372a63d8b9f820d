"""Nodes that failed jobs of a run, in a file of this machine: who takes the run up again stays away from them, too."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hyflow.batch.marks import Seat
from hyflow.plain import dumps, loads

FILE = "nodes.json"
MOST = 200
"""Nodes that are remembered: those that failed most."""


def remembered(directory: Path) -> dict[str, set[Seat]]:
    """The jobs that each node failed, by its name. None where there is no such file, or one that cannot be read: to try a node once more is
    better than to fail a run for it."""
    try:
        told = loads((directory / FILE).read_bytes(), dict[str, set[Seat]])
    except (OSError, ValueError, msgspec.DecodeError):
        return {}
    return dict(told)


def remember(directory: Path, failures: Mapping[str, set[Seat]]) -> None:
    """Keep them, if that is possible: a disk that is full is told by what cannot do without it."""
    worst = sorted(failures.items(), key=lambda each: -len(each[1]))[:MOST]
    part = directory / f".{FILE}"
    with contextlib.suppress(OSError):
        part.write_bytes(dumps(dict(worst)))
        os.replace(part, directory / FILE)
