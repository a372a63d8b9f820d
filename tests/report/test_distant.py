"""What is brought from elsewhere, printed: between the words of a job, notes; at the end, or in place of it, an error."""

from __future__ import annotations

import pytest

from hyflow.errors import HyflowError, SiteError
from hyflow.model.jobs import Key
from hyflow.report.distant import Distant, Written
from hyflow.report.failure import Whereabouts
from hyflow.report.growing import Told


def distant(*streams: str) -> Distant:
    told = Told(streams, as_lines=False, whole=True)
    return Distant("/align", Key("k"), Whereabouts("box/gpu", "/far/\x1b[31maway", "vm"), 2, told)


def test_what_came_is_printed_in_its_order(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    files = distant("stdout")
    files.bring(Written("stdout", b"odd\xff"))
    files.note("box: no\nanswer\x1b[2J")
    files.bring(Written("stdout", b"\xc3"))
    files.bring(Written("stdout", b"\xa9\n"))
    assert (files.pump(), files.ended, files.full) == (False, False, False)
    files.finish()
    assert files.pump(last=True) and files.ended
    out, err = capfdbinary.readouterr()
    assert (out, err) == (b"odd\xff\xc3\xa9\n", b"box: no\\nanswer\n")


def test_two_streams_have_headings_and_what_is_left_out_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    files = distant("stderr", "stdout")
    files.bring(Written("stderr", b"", 1000, 5000))
    files.bring(Written("stderr", b"e\n"))
    files.bring(Written("stdout", b"o\n"))
    files.pump()
    assert capfd.readouterr().out.splitlines() == [
        "... the first 1,000 of 5,000 bytes are left out; --all shows them, and they are in /far/away/stderr",
        "--- stderr: /far/away/stderr", "e", "--- stdout: /far/away/stdout", "o",
    ]  # fmt: skip


def test_an_error_comes_after_what_came(capfd: pytest.CaptureFixture[str]) -> None:
    files = distant("stdout")
    files.bring(Written("stdout", b"said\n"))
    files.finish(SiteError("refused", transient=False))
    with pytest.raises(SiteError, match="refused"):
        files.pump()
    assert capfd.readouterr().out == "said\n"


def test_more_than_can_be_printed_is_waited_with(capfd: pytest.CaptureFixture[str]) -> None:
    files = distant("stdout")
    while not files.full:
        files.bring(Written("stdout", b"x"))
    files.pump()
    assert not files.full and set(capfd.readouterr().out) == {"x"}


def test_where_what_nobody_can_bring_lies() -> None:
    error = distant("stdout").unreadable()
    assert isinstance(error, HyflowError) and distant("stdout").site == "box"
    assert error.what == "what /align writes cannot be read from here: it runs, or ran, at box/gpu (on vm)"
    assert error.hint == "what is left of it lies there, in /far/away/stdout and /far/away/stderr"
