from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.report.terminal import cell_width, clean, duration, one_line, shorten, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext é 日本", "plain\n\ttext é 日本"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("\x1bP1$r\x1b\\x\x1bcy\x1b(B", "xy"),
        ("\x9b2Jx\x9d0;t\x9c", "x"),
        ("\x1b]unfinished", "\\x1b]unfinished"),
        ("\x1b\x1b[0m[31m", "\\x1b[31m"),
        ("safe\revil\r\nnext", "safe\nevil\nnext"),
        ("a\x08\x07\x00\x7f\x85", "a\\x08\\x07\\x00\\x7f\\x85"),
        ("\u202eevil\u2066\u200b\u2028\ufeff", "\\u202eevil\\u2066\\u200b\\u2028\\ufeff"),
        ("\udcff\ud800\U000e0041", "\\xff\\ud800\\U000e0041"),
    ],
)
def test_hostile_text_becomes_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(st.characters(codec=None), max_size=60) | st.text(st.sampled_from("\x1b\x9b\x9d\x9c\x07[];?0m\\\rPa\n\t\u202e\udc80")))
def test_no_control_character_survives(text: str) -> None:
    for shown, allowed in ((clean(text), "\n\t"), (one_line(text), "")):
        bad = [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in allowed]
        assert bad == []
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@pytest.mark.parametrize("part", ["\x1b]", "\x9d", "\x1b[", "\x1bP\x1b", "\r"])
def test_cleaning_takes_linear_time(part: str) -> None:
    assert len(clean(part * 200_000)) >= 0


def test_names_stay_on_their_line() -> None:
    assert one_line("a\nb\rc\td\x1b[2J") == "a\\nb\\rc\\td"


def test_durations() -> None:
    seconds = (-1, 0.42, 9.99, 59.4, 60, 185, 3600 * 2 + 7 * 60, 86400 * 3 + 3600 * 4)
    assert [duration(s) for s in seconds] == ["0.0 s", "0.4 s", "10 s", "59 s", "1 min 00 s", "3 min 05 s", "2 h 07 min", "3 d 04 h"]


def test_tables_line_up_and_hold_one_line_a_row() -> None:
    text = table(("STEP", "N"), [("日本", "5"), ("a\nb", "1,000"), ("e\u0301", "")], numbers=(1,))
    assert text == "STEP      N\n日本      5\na\\nb  1,000\ne\u0301"
    assert {cell_width(line) for line in text.split("\n")[:3]} == {11}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Mn"]), max_size=40), st.integers(8, 30))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cell_width(shorten(text, width)) <= max(width, 1 + 2 * (width // 3))
    assert shorten("/a/b", width) == "/a/b"
