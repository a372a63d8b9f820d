"""What hyflow has set itself, and whether the figures hold to it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from figures import Figures, ratio
from runners import FIRST, OWN, SCRIPT

MIB = 1024 * 1024
Test = Callable[[Figures], bool | None]
"""Whether a budget is held; None where a figure is missing."""


class Held(enum.Enum):
    YES = "yes"
    NO = "**no**"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Budget:
    """One thing that is asked of hyflow in a case, in words and as a test of the figures."""

    case: str
    words: str
    test: Test
    runner: str = OWN
    other: str = ""
    """What it is held against, where that is not the best peer."""

    def held(self, figures: Figures) -> Held:
        answer = self.test(figures)
        return Held.UNKNOWN if answer is None else Held.YES if answer else Held.NO


def _wall(case: str, most: float, runner: str = OWN) -> Test:
    """hyflow takes at most `most` times as long as the best peer."""
    def test(figures: Figures) -> bool | None:
        own, best = figures.wall(case, runner), figures.best(case)
        theirs = figures.wall(case, best) if best else None
        return None if own is None or theirs is None else own <= most * theirs
    return test


def _rate(case: str, least: float) -> Test:
    """hyflow's rate is at least `least` times that of the best peer."""
    def test(figures: Figures) -> bool | None:
        own, best = figures.rate(case, OWN), figures.best_rate(case)
        theirs = figures.rate(case, best) if best else None
        return None if own is None or theirs is None else own >= least * theirs
    return test


def _own_rate(case: str, other: str, least: float) -> Test:
    """hyflow's rate in a case is at least `least` times its rate in another."""
    def test(figures: Figures) -> bool | None:
        here, there = figures.rate(case, OWN), figures.rate(other, OWN)
        return None if here is None or there is None else here >= least * there
    return test


def _own_wall(case: str, other: str, most: float) -> Test:
    def test(figures: Figures) -> bool | None:
        here, there = figures.wall(case, OWN), figures.wall(other, OWN)
        return None if here is None or there is None else here <= most * there
    return test


def _seconds(case: str, most: float) -> Test:
    def test(figures: Figures) -> bool | None:
        wall = figures.wall(case, OWN)
        return None if wall is None else wall < most
    return test


def _memory(case: str, most: int) -> Test:
    def test(figures: Figures) -> bool | None:
        tree = figures.cell(case, OWN).tree
        return max(tree) < most if tree else None
    return test


def _beside(case: str, other: str, most: float) -> Test:
    """hyflow takes at most `most` times as long as another runner, round by round."""
    def test(figures: Figures) -> bool | None:
        share = ratio(figures.cell(case, OWN), figures.cell(case, other))
        return None if share is None else share <= most
    return test


BUDGETS = (
    Budget("one", "at most half of the best peer's time", _wall("one", 0.5)),
    Budget("help", "under 0.15 s", _seconds("help", 0.15)),
    Budget("jobs-1000", "at least 3 times the best peer's rate", _rate("jobs-1000", 3)),
    Budget("jobs-1000", "the aim: 5 times", _rate("jobs-1000", 5)),
    Budget("javascript-1000", "within 1.2 times of its own time without JavaScript", _own_wall("javascript-1000", "jobs-1000", 1.2)),
    Budget("jobs-10000", "its own rate of 1,000 jobs, or better", _own_rate("jobs-10000", "jobs-1000", 1)),
    Budget("jobs-100000", "its own rate of 1,000 jobs within 20 %", _own_rate("jobs-100000", "jobs-1000", 0.8)),
    Budget("jobs-100000", "less than 600 MiB of memory, all processes together", _memory("jobs-100000", 600 * MIB)),
    Budget("steps-500", "at most half of the best peer's time", _wall("steps-500", 0.5)),
    Budget("steps-500", "at most half of the best peer's time", _wall("steps-500", 0.5, FIRST), FIRST),
    Budget("containers-200", "at most 1.1 times the time of a script with the same containers", _beside("containers-200", SCRIPT, 1.1),
           other=SCRIPT),
)
