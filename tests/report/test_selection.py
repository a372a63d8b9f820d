from __future__ import annotations

import pytest

from hyflow.errors import UsageError
from hyflow.report.selection import Selection, select

STEPS = ["/align", "/sub/map", "/a/same", "/b/same", "/odd[1]"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/align", Selection("/align", None)),
        ("align[3]", Selection("/align", (3,))),
        ("/align[3,1]", Selection("/align", (3, 1))),
        ("map[0]", Selection("/sub/map", (0,))),
        ("sub/map", Selection("/sub/map", None)),
        ("odd[1]", Selection("/odd[1]", None)),
        ("/odd[1][2]", Selection("/odd[1]", (2,))),
    ],
)
def test_what_a_person_means(text: str, found: Selection) -> None:
    assert select(text, STEPS) == found


@pytest.mark.parametrize(
    ("text", "hint"),
    [("algin", "there are: /align"), ("same[1]", "say which: /a/same, /b/same"), ("align[x]", "/align"), ("", "/align"), ("p", "/align")],
)
def test_what_nobody_can_mean(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        select(text, STEPS)


def test_names_in_complaints_are_harmless() -> None:
    with pytest.raises(UsageError) as caught:
        select("x\x1b[31m\n", ["/al\x1b]ign"])
    assert "\x1b" not in str(caught.value)


def test_a_run_of_which_nothing_is_known() -> None:
    with pytest.raises(UsageError, match="nothing has run yet"):
        select("align", [])
