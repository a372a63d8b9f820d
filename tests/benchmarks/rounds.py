"""Runs cases: all runners of a case, one after the other, round after round, so that what else the machine does meets all alike."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import BY_NAME, Case, Family, Kind, held
from figures import Cell, Figures
from runners import FIRST, PAIRS, Runner, environment

MEASURE = Path(__file__).with_name("measure.py")
SLOW = 30.0
"""Seconds from which on a peer has one round only."""
ENOUGH = 300.0
"""Seconds that hyflow's own rounds in one case may take together where they are as slow as that."""


@dataclass(frozen=True, slots=True)
class Failed(Exception):
    """A run that cannot be counted, and why."""

    why: str


def rounds_of(wall: float, most: int, own: bool) -> int:
    """How many rounds are run where one took `wall` seconds."""
    if wall <= SLOW:
        return most
    return max(1, min(most, int(ENOUGH / wall))) if own else 1


def warms(case: Case, runner: Runner) -> bool:
    """Whether there is a run before those that count. Peers keep nothing but what the system keeps of their files: a small run will do."""
    if runner.own:
        return runner.name != FIRST
    return bool(case.warm) or case.name in ("one", "help")


def wanted_rounds(case: Case, runner: Runner, wall: float, most: int) -> int:
    """How many rounds a runner has in a case: those of a pair are compared round by round, so both have all of them."""
    return most if runner.name in PAIRS.get(case.family, ()) else rounds_of(wall, most, runner.own)


def foreseen(case: Case, runner: Runner, figures: Figures, patience: float) -> str:
    """Why a case is not begun: what the smaller one took says that it would be given up. "" when nothing is against it."""
    if not case.smaller or case.smaller not in figures.rows:
        return ""
    smaller = BY_NAME[case.smaller]
    wall = figures.wall(smaller.name, runner.name)
    if wall is None:
        return f"not begun: {smaller.title} were too many"
    if wall * case.jobs / smaller.jobs > patience:
        return f"not begun: {smaller.title} took {wall:.0f} s"
    return ""


@dataclass(frozen=True, slots=True)
class Table:
    """Where and how long things are run: the directory of the documents, and the patience with one run in seconds."""

    room: Path
    patience: float

    def once(self, case: Case, runner: Runner, job: str) -> tuple[float, int, int]:
        """One run: (seconds, bytes of the largest process, bytes of all). Failed when it did not do what it should."""
        home, own = self.room / "homes" / case.name / runner.name, self.room / "now"
        if runner.name == FIRST:
            shutil.rmtree(home, ignore_errors=True)
        for kept in (home / "hyflow" / "cache").glob("results.sqlite*"):  # else every round but the first would do nothing
            kept.unlink()
        for directory in (home, *(own / name for name in ("out", "tmp", "work", "coordination"))):
            directory.mkdir(parents=True, exist_ok=True)
        try:
            return self._measured(case, runner, job, home, own)
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _measured(self, case: Case, runner: Runner, job: str, home: Path, own: Path) -> tuple[float, int, int]:
        said = own / "said"
        (self.room / "stamp").unlink(missing_ok=True)
        order = {"argv": runner.argv(case, self.room, own, job), "cwd": str(own), "environment": environment(runner, home, own),
                 "said": str(said), "patience": self.patience}
        os.sync()
        result = measured(order)
        if result["wall"] is None:
            raise Failed(f"given up after {self.patience / 60:.0f} minutes")
        return self._wall(case, result, said, job), result["largest"], result["tree"]

    def _wall(self, case: Case, result: dict[str, Any], said: Path, job: str) -> float:
        """The seconds that count, once it is seen that the work was done."""
        if case.kind is Kind.START:
            stamp = self.room / "stamp"
            if not stamp.exists():
                raise Failed(f"failed: {last_words(said)}")
            return float(stamp.stat().st_mtime - result["began"])
        if result["status"]:
            raise Failed(f"failed: {last_words(said)}")
        if case.kind is Kind.RUN and job == case.job and (found := held(json.loads(said.read_text(encoding="utf-8")))) != case.holds:
            raise Failed(f"failed: {found} results, not {case.holds}")
        return float(result["wall"])

    def row(self, case: Case, runners: Sequence[Runner], most: int, figures: Figures, tell: Callable[[str], None]) -> dict[str, Cell]:
        """All rounds of one case. Whoever fails is out of it, with a note."""
        cells = {runner.name: Cell(note=foreseen(case, runner, figures, self.patience)) for runner in runners}
        in_it = [runner for runner in runners if not cells[runner.name].note]
        for number in range(most + 1):
            for runner in in_it if number % 2 or case.family is Family.PEERS else reversed(in_it):
                cell = cells[runner.name]
                wanted = number <= wanted_rounds(case, runner, max(cell.walls), most) if cell.walls else number or warms(case, runner)
                if cell.note or not wanted:
                    continue
                cells[runner.name] = self._round(case, runner, cell, number)
                tell(f"{case.name}, round {number or 'to warm up'}: {runner.name} {_last(cells[runner.name]) if number else ''}")
        return cells

    def _round(self, case: Case, runner: Runner, cell: Cell, number: int) -> Cell:
        """Round 0 fills what the runner keeps, and counts for nothing."""
        try:
            sample = self.once(case, runner, case.job if number else case.warm or case.job)
        except Failed as failed:
            return Cell(note=failed.why)
        return cell.after(*sample) if number else cell


def measured(order: Mapping[str, Any]) -> dict[str, Any]:
    """Have a command measured. When this is interrupted, what was started is ended before it goes on."""
    with subprocess.Popen([sys.executable, str(MEASURE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            answer, _ = process.communicate(json.dumps(order).encode())
        except BaseException:
            process.terminate()
            process.wait()
            raise
    result: dict[str, Any] = json.loads(answer)
    return result


def _last(cell: Cell) -> str:
    return f"{cell.walls[-1]:.2f} s" if cell.walls else cell.note


def last_words(said: Path) -> str:
    """The last line that a runner wrote to standard error, short enough for a table, without the places of this machine."""
    lines = Path(f"{said}.err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = " ".join((lines or ["it said nothing"])[-1].split())
    return re.sub(r"(?:file://)?/[^\s'\"]*/", "", last).replace("|", "/")[:100]
