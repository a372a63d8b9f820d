"""Two runners beside each other, round by round: the median, and between which figures it most likely lies; the tables made of that."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cases import CASES, Case, Family
from figures import Figures
from runners import CONTAINED, INSIDE, OUTSIDE, PAIRS
from tables import markdown, seconds, spread

SURE = 0.95
"""How likely the interval of a median should hold it, where there are rounds enough."""


@dataclass(frozen=True, slots=True)
class Median:
    """The median of some figures, and an interval that holds that of all there could be with a probability of `sure`."""

    value: float
    low: float
    high: float
    sure: float


def median(values: Sequence[float]) -> Median:
    """The interval is made of two of the figures themselves: the narrowest that is likely enough, else the smallest and the largest. Each
    figure is below the true median as likely as above it, whatever they are spread like. ValueError: there is none."""
    if not values:
        raise ValueError("no figures, no median")
    ordered, count = sorted(values), len(values)
    likely = [1 - 2 * sum(math.comb(count, below) for below in range(out + 1)) / 2**count for out in range((count + 1) // 2)]
    out = max((out for out, sure in enumerate(likely) if sure >= SURE), default=0)
    return Median(statistics.median(ordered), ordered[out], ordered[-1 - out], max(likely[out], 0.0))


def beside(figures: Figures, case: str, first: str, second: str) -> Median | None:
    """How long the one took as a share of the other; None where one was not measured."""
    pairs = zip(figures.cell(case, first).walls, figures.cell(case, second).walls, strict=False)
    shares = [one / two for one, two in pairs]
    return median(shares) if shares else None


def section(figures: Figures) -> str:
    """What the report says of containers; "" when nothing of it was measured."""
    cases = [case for case in CASES if case.family is not Family.PEERS and case.name in figures.rows and not case.named]
    lines = [line for case in cases for line in described(figures, case)]
    if not lines:
        return ""
    return "\n".join(["", "## In containers", "", *lines])


def described(figures: Figures, case: Case) -> list[str]:
    """A section of its own, in Markdown."""
    head, rows = containers(figures, case) if case.family is Family.CONTAINERS else training(figures, case)
    found = beside(figures, case.name, *PAIRS[case.family])
    sure = f"The two figures in brackets have the median between them with a probability of {found.sure:.0%}. " if found else ""
    measured = f"{sure if found and found.sure else ''}Measured {figures.places[case.name]}."
    return [f"### {case.title}", "", case.about, "", *markdown(head, rows, range(1, len(head))), "", measured, ""]


def containers(figures: Figures, case: Case) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """hyflow and its peers beside the script, as a table."""
    _, script = PAIRS[case.family]
    rows = []
    for name in (runner.name for runner in CONTAINED if runner.name in figures.rows.get(case.name, {})):
        cell = figures.cell(case.name, name)
        if cell.wall is None:
            rows.append((name, cell.note, *"----"))
            continue
        each = f"{cell.wall / case.holds * 1000:.0f} ms"
        share = beside(figures, case.name, name, script) if name != script else None
        times = _interval(share, lambda share: f"{share:.2f}") if share else ""
        rows.append((name, seconds(cell.wall), spread(cell), each, str(len(cell.walls)), times))
    return ("", "start to finish", "spread", "a container", "rounds", "times the script"), rows


def training(figures: Figures, case: Case) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """What a container costs a long step, as a table."""
    found = beside(figures, case.name, INSIDE, OUTSIDE)
    inside, outside = figures.cell(case.name, INSIDE), figures.cell(case.name, OUTSIDE)
    change = _interval(found, _percent) if found else inside.note or outside.note
    pairs = str(min(len(inside.walls), len(outside.walls)))
    ours = ("hyflow", seconds(outside.wall), seconds(inside.wall), pairs, change)
    theirs = ("DeepHealth (deliverable D3.6, Table 2)", "-", "-", "-", "-4.3 % .. -0.45 %, as published")
    return ("", "without a container", "in it", "pairs", "difference"), [ours, theirs]


def _percent(share: float) -> str:
    return f"{(share - 1) * 100:+.2f} %"


def _interval(found: Median, told: Callable[[float], str]) -> str:
    return told(found.value) + (f" ({told(found.low)} .. {told(found.high)})" if found.sure else "")
