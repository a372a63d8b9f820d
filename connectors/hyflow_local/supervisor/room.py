"""What the commands that run may use together. More attempts may be here than fit: they start in their order as there is room."""

from __future__ import annotations

from typing import Any

KINDS = ("cores", "memory", "gpus")
SLACK = 1e-9
"""Cores may be fractions, whose sums are not exact."""


class Room:
    """Amounts by kind, as in the model's Resources. Until it is told what there is, everything fits."""

    def __init__(self) -> None:
        self._all: dict[str, float] | None = None
        self._used = dict.fromkeys(KINDS, 0.0)
        self._count = 0
        self._devices: dict[int, bool] = {}

    def settle(self, everything: dict[str, float]) -> None:
        """What there is in all."""
        self._all = everything
        self._devices = {number: self._devices.get(number, True) for number in range(int(everything["gpus"]))}

    def has(self, wanted: dict[str, Any]) -> bool:
        """Whether this much is free. When nothing is in use, anything may start."""
        everything = self._all
        if everything is None or self._count == 0:
            return True
        return all(self._used[kind] + wanted[kind] <= everything[kind] + SLACK for kind in KINDS)

    def take(self, wanted: dict[str, Any]) -> list[int]:
        """The numbers of the GPUs that are given."""
        self._count += 1
        for kind in KINDS:
            self._used[kind] += wanted[kind]
        given = [number for number, free in self._devices.items() if free][:int(wanted["gpus"])]
        self._devices.update(dict.fromkeys(given, False))
        return given

    def give_back(self, wanted: dict[str, Any], devices: list[int]) -> None:
        self._count -= 1
        for kind in KINDS:
            self._used[kind] = self._used[kind] - wanted[kind] if self._count else 0.0
        self._devices.update(dict.fromkeys(devices, True))
