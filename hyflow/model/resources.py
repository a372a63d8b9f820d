"""Amounts of what a machine has: cores, memory, disk, GPUs."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Resources:
    """`cores` may be a fraction; `memory`, `tmpdir`, `outdir` in bytes; `gpus` whole devices."""

    cores: float = 0.0
    memory: int = 0
    tmpdir: int = 0
    outdir: int = 0
    gpus: int = 0

    def fits(self, room: Resources) -> bool:
        """Whether `room` has at least this much of cores, memory and GPUs (disk is the site's own concern)."""
        return self.cores <= room.cores + 1e-9 and self.memory <= room.memory and self.gpus <= room.gpus

    def minus(self, other: Resources) -> Resources:
        """What remains of cores, memory and GPUs when `other` is taken; disk is not counted."""
        return Resources(self.cores - other.cores, self.memory - other.memory, self.tmpdir, self.outdir, self.gpus - other.gpus)

    def plus(self, other: Resources) -> Resources:
        """What there is when `other` comes back; disk is not counted."""
        return Resources(self.cores + other.cores, self.memory + other.memory, self.tmpdir, self.outdir, self.gpus + other.gpus)


@dataclass(frozen=True, slots=True)
class Request:
    """What a job asks for: at least `least`, and no more than `most` is of use to it."""

    least: Resources
    most: Resources


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used. Seconds; bytes; None where nobody measured it."""

    wall: float | None = None
    cpu: float | None = None
    memory: int | None = None


NOTHING = Resources()
ONE_CORE = Resources(cores=1.0)
UNMEASURED = Usage()
