"""What is made of the answers of the scripts that look at marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.batch.marks import Seat, parse
from hyflow.connector import Lost, Running
from hyflow.errors import SiteError
from hyflow.model.jobs import Key

A = Key("a")


def test_every_kind_of_line() -> None:
    seen = parse(b"R a 1700000000 node 1\nD b\nM batch-1 x 3\nM batch-1 p 3\nQ c\nC d\nG e\nW a batch-2 4\nE f\n\n")
    assert seen.running == {A: Running(1700000000.0, "node 1")} and seen.beginnings == {A: "r:1700000000:a:node 1"}
    assert (seen.died, seen.queued, seen.claimed, seen.gone) == ({Key("b"): ""}, {Key("c")}, {Key("d")}, {Key("e")})
    assert seen.jobs == {Seat("batch-1", 3): {"x", "p"}} and seen.seats == {A: Seat("batch-2", 4)}
    assert seen.ended == {Key("f"): Lost("its results cannot be read")}


def test_nothing_new() -> None:
    assert parse(b"\n").ended == {}


@pytest.mark.parametrize("answer", [b"", b"R a 17", b"Q a\n"])
def test_an_answer_that_is_cut_off_says_nothing(answer: bytes) -> None:
    with pytest.raises(SiteError, match="not whole"):
        parse(answer)


@pytest.mark.parametrize("line", [b"R a", b"M batch x", b"M batch x y", b"Z a", b"Q", b"W a batch", b"welcome to the cluster"])
def test_nonsense_is_no_answer(line: bytes) -> None:
    with pytest.raises(SiteError, match="cannot be read") as raised:
        parse(line + b"\n\n")
    assert raised.value.transient


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(answer: bytes) -> None:
    try:
        parse(answer)
    except SiteError:
        return
    assert answer.startswith(b"\n") or b"\n\n" in answer
