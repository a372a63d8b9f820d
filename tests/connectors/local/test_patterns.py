"""Patterns: any name matches itself when quoted, stars respect dots and slashes, and nothing leaves the directory."""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow_local.supervisor.patterns import compiled, match

NAMES = st.binary(min_size=1, max_size=20).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"0").replace(b"/", b"1"))).filter(
    lambda name: name not in (".", ".."))


@given(NAMES)
@settings(max_examples=100, deadline=None)
def test_a_quoted_name_matches_itself_alone(name: str) -> None:
    with tempfile.TemporaryDirectory() as base:
        for other in {name, "other", "*", "?x"}:
            os.mkdir(os.path.join(base, other))
        quoted = re.sub(r"([*?\[\]\\])", r"\\\1", name)
        assert match(base, quoted) == [name]
        assert name in match(base, "*" if not name.startswith(".") else ".*")


@given(st.text("ab.[]*?!-", min_size=1, max_size=8), st.text("ab.-", min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_single_components_agree_with_fnmatch_but_for_dots(pattern: str, name: str) -> None:
    components = compiled(pattern)
    if components is None or len(components) != 1 or name in (".", ".."):
        return
    component = components[0]
    mine = name == component if isinstance(component, str) else bool(component.fullmatch(name))
    hidden = name.startswith(".") and not pattern.startswith(".")
    assert mine == (fnmatch.fnmatchcase(name, pattern) and not hidden)


@pytest.mark.parametrize("pattern", ["/etc/*", "..", "../*", "a/../../*", ""])
def test_nothing_outside_matches(pattern: str, tmp_path: Path) -> None:
    assert match(str(tmp_path), pattern) == []


@pytest.mark.parametrize(("pattern", "expected"), [
    ("[]a]", ["]", "a"]), ("[^a-z]", ["]", "é"]), ("[!]]", ["a", "b", "é"]), (r"[\]]", ["]"]), ("[[:alpha:]]", ["a", "b"]),
    ("[z-a]", []), ("[é]", ["é"]), ("\\.x", [".x"]), (".?", [".x"]), ("[.]x", []), ("./*/", [])])
def test_brackets_and_dots(pattern: str, expected: list[str], tmp_path: Path) -> None:
    for name in ("a", "b", "]", "é", ".x"):
        (tmp_path / name).touch()
    assert match(str(tmp_path), pattern) == expected


def test_dangling_links_match_and_order_is_of_bytes(tmp_path: Path) -> None:
    for name in ("b", "\U0001f600", "\uffee", "\udcff"):
        (tmp_path / name).symlink_to("nowhere")
    assert match(str(tmp_path), "*") == ["b", "\uffee", "\U0001f600", "\udcff"]
    assert match(str(tmp_path), "b") == ["b"]


def test_many_stars_take_no_time(tmp_path: Path) -> None:
    (tmp_path / ("a" * 200)).touch()
    before = time.monotonic()
    assert match(str(tmp_path), "*" * 50 + "b") == []
    assert match(str(tmp_path), "*a" * 12 + "*b") == []
    assert time.monotonic() - before < 10
