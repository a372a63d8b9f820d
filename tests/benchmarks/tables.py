"""The figures as tables: in Markdown for the report, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from budgets import BUDGETS, MIB, Budget
from cases import BY_NAME, CASES, Case, Family
from figures import Cell, Figures, ratio
from runners import FIRST, OWN, RUNNERS

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NOISE = 0.15
"""By how much a ratio may differ between two runs on a machine that does other things too."""


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} s" if value >= 100 else f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def memory(sizes: Sequence[int]) -> str:
    return f"{max(sizes) / MIB:.0f} MiB" if sizes else "-"


def per_second(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def spread(cell: Cell) -> str:
    return f"{seconds(min(cell.walls))} .. {seconds(max(cell.walls))}" if len(cell.walls) > 1 else "-"


def beside(figures: Figures, case: str, runner: str) -> str:
    """hyflow beside the best peer, as a user would say it: how much less time, and of many jobs how much higher a rate."""
    wall, best = figures.wall(case, runner), figures.best(case)
    theirs = figures.wall(case, best) if best else None
    if wall is None or theirs is None:
        return "-"
    said = f"{wall / theirs:.2f} of the time"
    rate, fastest = figures.rate(case, runner), figures.best_rate(case)
    their_rate = figures.rate(case, fastest) if fastest else None
    return f"{rate / their_rate:.1f} times the rate" if rate and their_rate else said


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """A table; `right` are the columns of figures."""
    rule = ["---:" if number in right else "---" for number in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The same in columns of even width."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]


HEAD = ("", "start to finish", "spread", "jobs a second", "largest process", "all processes", "rounds", "beside the best peer")


def case_rows(figures: Figures, case: Case) -> list[tuple[str, ...]]:
    """A line for each runner of a case."""
    names = [runner.name for runner in RUNNERS if runner.name in figures.rows.get(case.name, {})]
    return [_case_row(figures, case.name, name) for name in names]


def _case_row(figures: Figures, case: str, name: str) -> tuple[str, ...]:
    cell = figures.cell(case, name)
    if not cell.walls:
        return (name, cell.note, *("-" for _ in HEAD[2:]))
    ours = beside(figures, case, name) if name in (OWN, FIRST) else ""
    return (name, seconds(cell.wall), spread(cell), per_second(figures.rate(case, name)), memory(cell.largest), memory(cell.tree),
            str(len(cell.walls)), ours)


def budget_row(figures: Figures, budget: Budget) -> tuple[str, ...]:
    """A budget, the figures that it is about, and whether it is held."""
    best = budget.other or figures.best(budget.case)
    theirs = f"{best} {_figure(figures, budget.case, best)}" if best else "-"
    share = ratio(figures.cell(budget.case, budget.runner), figures.cell(budget.case, budget.other))
    said = f"{share:.2f} of the time" if share is not None else beside(figures, budget.case, budget.runner)
    return (title_of(budget.case, budget.runner), _figure(figures, budget.case, budget.runner), theirs, said, budget.words,
            budget.held(figures).value)


def _figure(figures: Figures, case: str, runner: str) -> str:
    rate = figures.rate(case, runner)
    return seconds(figures.wall(case, runner)) + (f", {per_second(rate)}/s" if rate else "")


def report(figures: Figures) -> str:
    """What stands between the two marks of docs/performance.md."""
    lines = ["## What was asked, and what is", ""]
    places = {figures.places[case.name] for case in CASES if case.name in figures.rows and case.family is Family.PEERS}
    lines += [f"Measured {' and '.join(sorted(places))}.", ""]
    head = ("", "hyflow", "held against", "hyflow beside it", "budget", "held")
    lines += markdown(head, [budget_row(figures, budget) for budget in BUDGETS if budget.case in figures.rows], (1, 2, 3))
    lines += ["", "## All figures", ""]
    for case in (case for case in CASES if case.name in figures.rows and case.everyone and case.family is Family.PEERS):
        lines += [f"### {case.title}", "", case.about, "", *markdown(HEAD, case_rows(figures, case), range(1, len(HEAD))), ""]
    return "\n".join(lines)


def put_in(page: str, report: str) -> str:
    """The page with everything between the marks replaced; what stands before and after is left as it is. ValueError: a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} and {END}, between which the tables go")
    return f"{before}{BEGIN}\n{report}{END}{after}"


def worse(now: float | None, recorded: float | None) -> bool:
    """Whether hyflow takes more of cwltool's time than it did, by more than the noise."""
    return now is not None and recorded is not None and now > recorded * (1 + NOISE)


def title_of(case: str, runner: str) -> str:
    return BY_NAME[case].title + (" (first run)" if runner == FIRST else "")


def comparison(now: Figures, recorded: Figures) -> tuple[list[str], list[tuple[str, str]]]:
    """The table of the quick run, and what got worse: (case, hyflow's row in it)."""
    rows, fell = [], []
    for case, runner in ((case, name) for case in now.rows for name in (OWN, FIRST) if name in now.rows[case]):
        here = ratio(now.cell(case, runner), now.cell(case, "cwltool"))
        there = ratio(recorded.cell(case, runner), recorded.cell(case, "cwltool"))
        fell += [(case, runner)] if worse(here, there) else []
        walls = [seconds(now.wall(case, name)) for name in (runner, "cwltool")]
        rows.append((title_of(case, runner), *walls, _share(here), _share(there), _change(here, there)))
    return text(("", "hyflow", "cwltool", "ratio now", "recorded", "change"), rows), fell


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _change(now: float | None, then: float | None) -> str:
    if now is None or then is None:
        return "-"
    return f"{now / then - 1:+.0%}" + ("  WORSE" if worse(now, then) else "")
