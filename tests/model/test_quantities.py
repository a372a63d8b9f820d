"""Sizes and lengths of time as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.model.quantities import SIZE, TIME, parse_size, parse_time, size_text, time_text


@pytest.mark.parametrize(
    ("text", "size"), [("16GiB", 16 << 30), ("500MB", 500 * 10**6), ("1.5KiB", 1536), ("7B", 7), ("2 TiB", 2 << 40), ("3KB", 3000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1d1s", 86401)])
def test_times(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "GiB", "1gib", "-1MB", "1.MB", "1MB\n", "1e3MB", "٣GiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "1", "1:30", "30m1h", "1.5h", "-1s", "1h 30m", "1h\n"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not a length of time"):
        parse_time(text)


@given(st.one_of(st.from_regex(SIZE["pattern"]), st.from_regex(TIME["pattern"]), st.text(max_size=8)))
def test_the_patterns_and_the_parsers_agree(text: str) -> None:
    for rule, parse in ((SIZE, parse_size), (TIME, parse_time)):
        fits = re.search(rule["pattern"], text) is not None
        try:
            parse(text)
        except ValueError:
            assert not fits
        else:
            assert fits


@given(st.integers(0, 1 << 40))
def test_times_for_people_are_read_back(seconds: int) -> None:
    assert parse_time(time_text(seconds)) == seconds


def test_times_for_people() -> None:
    assert [time_text(seconds) for seconds in (0, 0.6, 90, 3600, 90000.0, 5400)] == ["0s", "1s", "1m30s", "1h", "1d1h", "1h30m"]


def test_sizes_for_people() -> None:
    assert [size_text(size) for size in (0, 1023, 1 << 20, 3 << 29, 16 << 30)] == ["0B", "1023B", "1MiB", "1.5GiB", "16GiB"]
