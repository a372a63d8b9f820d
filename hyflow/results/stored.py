"""A result as it is kept: what it was made of, where its files are, and what they held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyflow.model.jobs import JobId
from hyflow.model.values import Inputs

LEAST = 4096
"""Bytes that a result takes at the least, whatever it holds."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a file or directory held: SHA-256 in hex, bytes. `executable`: whether somebody might execute the file; None: nobody knows."""

    sha256: str
    size: int
    executable: bool | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The outputs of one job that succeeded.

    `key` and `parts` say what makes it the same as another one, `label` names the step across runs (the workflow's address and the path
    of the step). `dir`: the attempt's directory at the site, absolute. `data`: what every file and directory that the outputs name held,
    by address. `created` in seconds since the epoch. `id`: its number in the index, 0 before it is there.
    """

    key: str
    parts: Mapping[str, str]
    label: str
    run: str
    job: JobId
    site: str
    dir: str
    outputs: Inputs
    data: Mapping[str, Held]
    created: float
    id: int = 0

    @property
    def size(self) -> int:
        """Bytes that are kept for it."""
        return max(LEAST, sum(held.size for held in self.data.values()))


@dataclass(frozen=True, slots=True)
class Size:
    """What is kept in all."""

    results: int
    bytes: int
