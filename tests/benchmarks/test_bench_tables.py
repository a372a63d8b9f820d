"""The tables: what stands in them, what stays around them, and when the quick run speaks of slower."""

from __future__ import annotations

import pytest
from cases import BY_NAME
from figures import Cell, Figures
from runners import FIRST, OWN
from tables import BEGIN, END, HEAD, case_rows, comparison, memory, per_second, put_in, report, seconds, text, worse

MIB = 1024 * 1024


def cell(*walls: float) -> Cell:
    return Cell(walls, (30 * MIB,) * len(walls), (50 * MIB,) * len(walls))


def figures(**rows: dict[str, Cell]) -> Figures:
    return Figures({name.replace("_", "-"): row for name, row in rows.items()}, {name.replace("_", "-"): "on a day" for name in rows})


@pytest.mark.parametrize(("value", "told"), [(None, "-"), (0.1234, "0.12 s"), (12.34, "12.3 s"), (168.4, "168 s")])
def test_seconds(value: float | None, told: str) -> None:
    assert seconds(value) == told


def test_rates_and_memory() -> None:
    assert [per_second(value) for value in (None, 2.345, 1234.5)] == ["-", "2.3", "1,234"]
    assert [memory(sizes) for sizes in ((), (MIB, 3 * MIB))] == ["-", "3 MiB"]


def test_a_line_for_each_runner_and_why_one_has_no_figure() -> None:
    some = figures(one={OWN: cell(0.5), "cwltool": cell(1)},
                   jobs_1000={"Toil": Cell(note="given up after 10 minutes"), "cwltool": cell(6, 5, 7), OWN: cell(1.5, 1.5, 1.5)})
    ours, cwltool, toil = case_rows(some, BY_NAME["jobs-1000"])
    assert ours == (OWN, "1.50 s", "1.50 s .. 1.50 s", "1,000", "30 MiB", "50 MiB", "3", "5.0 times the rate")
    assert cwltool == ("cwltool", "6.00 s", "5.00 s .. 7.00 s", "200", "30 MiB", "50 MiB", "3", "")
    assert toil == ("Toil", "given up after 10 minutes", *"------")


def test_one_job_is_compared_by_its_time() -> None:
    row, *_ = case_rows(figures(one={OWN: cell(0.5), "cwltool": cell(1)}), BY_NAME["one"])
    assert row[-1] == "0.50 of the time"


def test_the_report_has_the_cases_that_were_measured_but_for_the_quick_ones() -> None:
    some = figures(one={OWN: cell(0.5), FIRST: cell(1), "cwltool": cell(1)}, jobs_200={OWN: cell(1), "cwltool": cell(2)})
    lines = report(some).splitlines()
    assert "Measured on a day." in lines
    assert [line for line in lines if line.startswith("### ")] == ["### One tool"]
    assert [line for line in lines if "at most half" in line] == [
        "| One tool | 0.50 s | cwltool 1.00 s | 0.50 of the time | at most half of the best peer's time | yes |",
    ]
    tables = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in tables} == {7, len(HEAD) + 1}


def test_what_stands_around_the_tables_is_left_alone() -> None:
    assert put_in(f"a\n{BEGIN}\nold\n{END}\nb\n", "new\n") == f"a\n{BEGIN}\nnew\n{END}\nb\n"
    with pytest.raises(ValueError, match="lacks"):
        put_in(f"a\n{BEGIN}\n", "new\n")


def test_columns_are_of_even_width() -> None:
    assert text(("", "b"), [("long", "x"), ("s", "yy")]) == ["      b", "long  x", "s     yy"]


@pytest.mark.parametrize(("now", "recorded", "is_worse"), [(0.5, 0.5, False), (0.57, 0.5, False), (0.58, 0.5, True), (0.3, 0.5, False),
                                                           (0.5, None, False), (None, 0.5, False)])
def test_slower_is_only_what_is_more_than_the_noise(now: float | None, recorded: float | None, is_worse: bool) -> None:
    assert worse(now, recorded) is is_worse


def test_the_quick_run_names_what_got_slower() -> None:
    recorded = figures(one={OWN: cell(0.5), FIRST: cell(1), "cwltool": cell(1)}, help={OWN: cell(0.1), "cwltool": cell(0.2)})
    now = figures(one={OWN: cell(1.0), FIRST: cell(3), "cwltool": cell(2)}, help={OWN: cell(0.1), "cwltool": cell(0.1)})
    lines, fell = comparison(now, recorded)
    assert fell == [("one", FIRST), ("help", OWN)]
    assert [line.split()[-1] for line in lines] == ["change", "+0%", "WORSE", "WORSE"]
    assert comparison(now, Figures())[1] == []
