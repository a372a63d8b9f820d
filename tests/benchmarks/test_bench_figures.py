"""What is read out of the figures: medians, rates, the best peer, ratios, budgets; and that they come back from their file."""

from __future__ import annotations

from pathlib import Path

from budgets import BUDGETS, Held
from cases import BY_NAME
from figures import Cell, Figures, ratio, read, write
from runners import FIRST, OWN, SCRIPT

PLACE = "on a day"


def cell(*walls: float, tree: int = 1) -> Cell:
    return Cell(walls, (1,) * len(walls), (tree,) * len(walls))


def figures(**rows: dict[str, Cell]) -> Figures:
    return Figures({name.replace("_", "-"): row for name, row in rows.items()}, {name.replace("_", "-"): PLACE for name in rows})


def held(figures: Figures) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for budget in BUDGETS:
        told.setdefault(budget.case, []).append(budget.held(figures).value)
    return told


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert figures(one={OWN: cell(3, 1, 2)}).wall("one", OWN) == 2
    assert figures(one={OWN: Cell(note="failed")}).wall("one", OWN) is None
    assert Figures().wall("one", OWN) is None


def test_a_rate_is_what_a_further_job_costs() -> None:
    some = figures(one={OWN: cell(0.5)}, jobs_1000={OWN: cell(2.5), "cwltool": cell(9)})
    assert some.rate("jobs-1000", OWN) == 500
    assert some.rate("one", OWN) is None
    assert some.rate("jobs-1000", "cwltool") is None


def test_the_best_peer_is_the_quickest_of_those_that_finished() -> None:
    some = figures(one={OWN: cell(0.1), FIRST: cell(0.1), "cwltool": cell(2), "StreamFlow": cell(1), "Toil": Cell(note="given up")})
    assert some.best("one") == "StreamFlow"
    assert figures(one={OWN: cell(1)}).best("one") is None


def test_the_highest_rate_may_be_that_of_another_peer() -> None:
    some = figures(one={"cwltool": cell(1), "StreamFlow": cell(7)}, chain_50={"cwltool": cell(8), "StreamFlow": cell(9)})
    assert (some.best("chain-50"), some.best_rate("chain-50")) == ("cwltool", "StreamFlow")


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio(cell(1, 10, 4), cell(2, 20, 4)) == 0.5
    assert ratio(Cell(), cell(1)) is None


def test_a_case_that_is_measured_again_keeps_the_other_runners() -> None:
    some = figures(one={OWN: cell(1), "cwltool": cell(2)}).joined("one", {OWN: cell(3)}, "later")
    assert (some.wall("one", OWN), some.wall("one", "cwltool"), some.places["one"]) == (3, 2, "later")


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    some = figures(one={OWN: cell(0.25, 0.5), "Toil": Cell(note="given up after 10 minutes")}, help={OWN: cell(0.1)})
    write(some, tmp_path / "figures.json")
    assert read(tmp_path / "figures.json") == some
    assert read(tmp_path / "none.json") == Figures()


def test_every_budget_is_about_a_case_and_unknown_without_figures() -> None:
    assert {budget.case for budget in BUDGETS} <= set(BY_NAME)
    assert {budget.held(Figures()) for budget in BUDGETS} == {Held.UNKNOWN}


def test_budgets_that_are_held() -> None:
    some = figures(
        one={OWN: cell(0.5), FIRST: cell(0.9), "cwltool": cell(1)}, help={OWN: cell(0.1)},
        jobs_1000={OWN: cell(1.5), "cwltool": cell(6)}, javascript_1000={OWN: cell(1.7)}, jobs_10000={OWN: cell(10.5)},
        jobs_100000={OWN: cell(120), "cwltool": Cell(note="not begun")}, steps_500={OWN: cell(0.4), FIRST: cell(1), "cwltool": cell(2)},
        containers_200={OWN: cell(11, 10), SCRIPT: cell(10, 10), "cwltool": cell(1)},
    )
    assert {word for words in held(some).values() for word in words} == {"yes"}


def test_budgets_that_are_not() -> None:
    much = 600 * 1024 * 1024
    some = figures(
        one={OWN: cell(0.51), "cwltool": cell(1)}, help={OWN: cell(0.15)}, jobs_1000={OWN: cell(2.51), "cwltool": cell(7)},
        javascript_1000={OWN: cell(3.1)}, jobs_10000={OWN: cell(21)}, jobs_100000={OWN: cell(300, tree=much)},
        steps_500={OWN: cell(1.1), FIRST: cell(2), "cwltool": cell(2)}, containers_200={OWN: cell(11, 12), SCRIPT: cell(10, 10)},
    )
    told = held(some)
    assert told.pop("jobs-1000") == ["yes", "**no**"]
    assert {word for words in told.values() for word in words} == {"**no**"}
