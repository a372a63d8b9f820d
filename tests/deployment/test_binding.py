"""Which binding holds for a step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.deployment.binding import Binding, Override, Target, covers, location_problems, override_for, step_problems, targets_for
from hyflow.errors import Where

WORDS = st.text("ab*?[]. \n", min_size=1, max_size=4)


def bound(*patterns: str) -> list[Binding]:
    return [Binding(pattern, (Target(f"s{number}"),), where=Where("d", number + 1)) for number, pattern in enumerate(patterns)]


@pytest.mark.parametrize(
    ("pattern", "step", "does"),
    [
        ("/", "/", True), ("/", "/a/b", True), ("/a", "/a", True), ("/a", "/a/b", True), ("/a", "/ab", False), ("/a/b", "/a", False),
        ("/*", "/a/b", True), ("/a*c", "/abbc", True), ("/a*c", "/abcd", False), ("/a/*", "/a", False), ("/a.b", "/axb", False),
        ("/*/c", "/a/b/c", False),
    ],
)  # fmt: skip
def test_what_a_pattern_covers(pattern: str, step: str, does: bool) -> None:
    assert covers(pattern, step) is does


@given(st.lists(WORDS, max_size=3), WORDS)
def test_a_path_covers_itself_and_all_below(parts: list[str], below: str) -> None:
    path = "/" + "/".join(parts)
    assert covers(path, path)
    assert covers(path, f"{path}/{below}")


@pytest.mark.parametrize(
    ("patterns", "step", "site"),
    [
        (["/", "/a"], "/a/b", "s1"), (["/a", "/"], "/a", "s0"), (["/*", "/a"], "/a", "s1"), (["/a", "/*"], "/a", "s0"),
        (["/a", "/*/b"], "/a/b", "s1"), (["/a", "/a"], "/a", "s1"), (["/*/b", "/a/*"], "/a/b", "s1"),
    ],
)  # fmt: skip
def test_the_most_specific_wins_then_the_later(patterns: list[str], step: str, site: str) -> None:
    assert targets_for(bound(*patterns), ["s0", "s1"], step) == (Target(site),)


@given(st.text("ab*", max_size=8), st.text("ab.\n", min_size=1, max_size=8))
def test_a_star_stands_for_any_characters_of_one_part(pattern: str, part: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), part, re.DOTALL) is not None
    assert covers(f"/{pattern}", f"/{part}") is (expected or pattern == "")


def test_many_stars_take_no_longer() -> None:
    assert not covers("/" + "*a" * 5000 + "b", "/" + "a" * 50_000)


def test_what_nothing_covers_runs_at_the_only_site() -> None:
    assert targets_for([], ["one"], "/a") == (Target("one"),)
    assert targets_for([], ["x", "y"], "/a") == ()


def test_each_resource_is_that_of_the_most_specific_binding_that_names_it() -> None:
    here = (Target("here"),)
    bindings = [
        Binding("/a/b", here, Override(cores=2)), Binding("/", here, Override(1, 100, time=60)), Binding("/a", here, Override(memory=7)),
    ]  # fmt: skip
    assert override_for(bindings, "/a/b") == Override(2, 7, None, 60)
    assert override_for(bindings, "/c") == Override(1, 100, None, 60)
    assert override_for(bindings[:1], "/c") == Override()


PATTERNS = st.lists(st.lists(st.sampled_from(["a", "b", "*", "a*"]), max_size=3), min_size=1)


@given(PATTERNS, st.lists(st.sampled_from(["a", "b"]), max_size=3))
def test_no_covering_pattern_has_more_parts_than_the_one_that_wins(patterns: list[list[str]], step: list[str]) -> None:
    bindings = bound(*("/" + "/".join(parts) for parts in patterns))
    path = "/" + "/".join(step)
    fitting = [one for one in bindings if covers(one.step, path)]
    won = targets_for(bindings, ["x", "y"], path)
    assert bool(won) == bool(fitting)
    best = [one.step.strip("/").count("/") for one in fitting if one.step != "/" and one.targets == won]
    assert all(one.step == "/" or one.step.strip("/").count("/") <= best[0] for one in fitting)


def test_bindings_and_steps_that_miss_each_other() -> None:
    problems = step_problems(bound("/algin", "/train/*", "/train/fit"), ["s0", "s1"], ["/align", "/train", "/train/fit"])
    assert [str(problem).replace("\n  ", "; ") for problem in problems] == [
        "d:1: the workflow has no step /algin; did you mean /align?",
        "no binding covers the step /align, and there are several sites (s0, s1)"
        "; add a binding, such as {step: /, site: ...} for all that no other covers",
    ]
    (problem,) = step_problems([], ["s0", "s1"], [f"/s{number:02}" for number in range(30)], "file")
    assert str(problem).startswith("file: no binding covers the steps /s00, /s01, ")
    assert "/s19, ..., and there are several sites" in str(problem)


def test_what_runs_no_command_needs_no_binding() -> None:
    assert step_problems(bound("/a"), ["x", "y"], ["/a", "/b"], placeless=["/b"]) == []
    assert len(step_problems(bound("/a"), ["x", "y"], ["/a", "/b"])) == 1
    assert len(step_problems(bound("/a", "/c"), ["x", "y"], ["/a", "/b"], placeless=["/b"])) == 1
    assert step_problems(bound("/a", "/b"), ["x", "y"], ["/a", "/b"], placeless=["/b"]) == []


def test_locations_that_a_site_does_not_have() -> None:
    bindings = [Binding("/", (Target("x", "gpu"), Target("y", "any"), Target("x")), where=Where("d", 3, 5))]
    (problem,) = location_problems(bindings, {"x": ["cpu", "gpus"]})
    assert str(problem) == "d:3:5: the site x has no location 'gpu'\n  did you mean gpus?"
    assert location_problems(bindings, {"x": ["gpu"]}) == []
