"""Medians of pairs with their intervals, and the tables about containers."""

from __future__ import annotations

import itertools
import statistics

import pytest
from cases import BY_NAME
from figures import Cell, Figures
from pairs import Median, beside, containers, median, section, training
from runners import INSIDE, OUTSIDE, OWN, SCRIPT


def cell(*walls: float) -> Cell:
    return Cell(walls, (1,) * len(walls), (1,) * len(walls))


def figures(**rows: dict[str, Cell]) -> Figures:
    return Figures({name.replace("_", "-"): row for name, row in rows.items()}, {name.replace("_", "-"): "on a day" for name in rows})


@pytest.mark.parametrize(("count", "out", "sure"), [(1, 0, 0), (2, 0, 0.5), (5, 0, 0.9375), (7, 0, 0.984375), (9, 1, 0.9609375)])
def test_the_interval_is_the_narrowest_that_is_likely_enough(count: int, out: int, sure: float) -> None:
    values = [float(number) for number in range(count)]
    assert median(values[::-1]) == Median(statistics.median(values), values[out], values[-1 - out], sure)


def test_the_interval_is_as_likely_as_it_says() -> None:
    """Every way in which nine figures can lie above and below the true median, 0, is as likely as any other."""
    draws = [[side * (number + 1) for number, side in enumerate(sides)] for sides in itertools.product((-1, 1), repeat=9)]
    found = [median([float(value) for value in draw]) for draw in draws]
    assert sum(one.low < 0 < one.high for one in found) / len(draws) == found[0].sure


def test_no_figures_have_no_median() -> None:
    with pytest.raises(ValueError, match="no median"):
        median([])
    assert beside(Figures(), "containers-200", OWN, SCRIPT) is None


def test_what_was_run_in_the_same_round_is_compared() -> None:
    some = figures(containers_200={OWN: cell(1, 20, 3), SCRIPT: cell(1, 10, 4)})
    assert beside(some, "containers-200", OWN, SCRIPT) == Median(1, 0.75, 2, 0.75)


def test_the_table_of_many_containers() -> None:
    some = figures(containers_200={OWN: cell(11, 22, 36), SCRIPT: cell(10, 20, 30),
                                   "cwltool": cell(50), "StreamFlow": Cell(note="failed: x")})
    _, rows = containers(some, BY_NAME["containers-200"])
    assert rows == [
        (OWN, "22.0 s", "11.0 s .. 36.0 s", "110 ms", "3", "1.10 (1.10 .. 1.20)"),
        (SCRIPT, "20.0 s", "10.0 s .. 30.0 s", "100 ms", "3", ""),
        ("cwltool", "50.0 s", "-", "250 ms", "1", "5.00"),
        ("StreamFlow", "failed: x", *"----"),
    ]


def test_the_table_of_a_long_step() -> None:
    some = figures(training_18000={INSIDE: cell(99, 101), OUTSIDE: cell(100, 100)})
    _, (ours, theirs) = training(some, BY_NAME["training-18000"])
    assert ours == ("hyflow", "100 s", "100 s", "2", "+0.00 % (-1.00 % .. +1.00 %)")
    assert theirs[-1] == "-4.3 % .. -0.45 %, as published"
    failed = figures(training_18000={INSIDE: Cell(note="failed: x"), OUTSIDE: cell(100)})
    assert training(failed, BY_NAME["training-18000"])[1][0][-1] == "failed: x"


def test_the_section_has_what_was_measured_but_for_the_small_sizes() -> None:
    assert section(Figures()) == section(figures(containers_10={OWN: cell(1), SCRIPT: cell(1)})) == ""
    said = section(figures(containers_200={OWN: cell(1, 1), SCRIPT: cell(1, 1)}, one={OWN: cell(1)})).splitlines()
    assert [line for line in said if line.startswith("#")] == ["## In containers", "### 200 containers"]
    assert "between them with a probability of 50%. Measured on a day." in said[-1]
