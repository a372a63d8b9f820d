"""What was measured, as plain data, and what is read out of it: medians, rates, the best peer. In a file of JSON beside the report."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cases import BY_NAME
from runners import PEERS


@dataclass(frozen=True, slots=True)
class Cell:
    """One runner in one case: seconds and bytes of each round; or a `note` that says why there is none."""

    walls: tuple[float, ...] = ()
    largest: tuple[int, ...] = ()
    tree: tuple[int, ...] = ()
    note: str = ""

    @property
    def wall(self) -> float | None:
        return statistics.median(self.walls) if self.walls else None

    def after(self, wall: float, largest: int, tree: int) -> Cell:
        return Cell((*self.walls, round(wall, 4)), (*self.largest, largest), (*self.tree, tree))


Row = Mapping[str, Cell]
"""One case: cells by the name of the runner, hyflow's first."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured: rows by the name of the case, and for each the day and the place where that was."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def cell(self, case: str, runner: str) -> Cell:
        return self.rows.get(case, {}).get(runner, Cell())

    def wall(self, case: str, runner: str) -> float | None:
        return self.cell(case, runner).wall

    def rate(self, case: str, runner: str) -> float | None:
        """Jobs a second beyond the first: n / (wall - wall of one job); None for a case of one job, or where one of the two is unknown."""
        jobs, wall, one = BY_NAME[case].jobs, self.wall(case, runner), self.wall("one", runner)
        return jobs / (wall - one) if jobs > 1 and wall and one and wall > one else None

    def best(self, case: str) -> str | None:
        """The peer that was the first to finish."""
        walls = {peer.name: wall for peer in PEERS if (wall := self.wall(case, peer.name)) is not None}
        return min(walls, key=walls.__getitem__) if walls else None

    def best_rate(self, case: str) -> str | None:
        """The peer with the highest rate."""
        rates = {peer.name: rate for peer in PEERS if (rate := self.rate(case, peer.name)) is not None}
        return max(rates, key=rates.__getitem__) if rates else None

    def joined(self, case: str, row: Row, place: str) -> Figures:
        """These figures with those of one case put in, runner by runner."""
        together = {**self.rows.get(case, {}), **row}
        return Figures({**self.rows, case: together}, {**self.places, case: place})


def ratio(first: Cell, second: Cell) -> float | None:
    """How long the one took beside the other: the median over the rounds, in each of which the two ran one after the other."""
    pairs = [one / two for one, two in zip(first.walls, second.walls, strict=False)]
    return statistics.median(pairs) if pairs else None


def read(path: Path) -> Figures:
    """The figures of a file; none when it is not there."""
    if not path.is_file():
        return Figures()
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = {case: {name: _cell(cell) for name, cell in row.items()} for case, row in data["rows"].items() if case in BY_NAME}
    return Figures(rows, data["places"])


def _cell(data: Mapping[str, list[float] | str]) -> Cell:
    return Cell(*(value if isinstance(value, str) else tuple(value) for value in data.values()))  # type: ignore[arg-type]  # as asdict wrote it


def write(figures: Figures, path: Path) -> None:
    """Write them, a line for each runner in each case, whole or not at all."""
    lines = []
    for case, row in figures.rows.items():
        cells = [f"   {json.dumps(name)}: {json.dumps(dataclasses.asdict(cell))}" for name, cell in row.items()]
        lines.append(f"  {json.dumps(case)}: {{\n" + ",\n".join(cells) + "\n  }")
    text = '{"rows": {\n' + ",\n".join(lines) + '\n},\n"places": ' + json.dumps(dict(figures.places), indent=1) + "}\n"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
