"""Flags after a --: what each type takes, and every mistake told with the flag's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyflow.cwl.inputs import from_flags
from hyflow.cwl.types import Type, parse_type
from hyflow.errors import UsageError

RECORD = {"type": "record", "name": "r", "fields": [
    {"name": "a", "type": "int"}, {"name": "b", "type": ["null", {"type": "array", "items": "string"}]}]}
TYPES: dict[str, Type] = {name: parse_type(document) for name, document in {
    "word": "string", "n": "int", "x": ["null", "double"], "flag": "boolean", "maybe": ["null", "boolean"], "file": "File",
    "dir": ["null", "Directory"], "list": {"type": "array", "items": "string"}, "files": ["null", {"type": "array", "items": "File"}],
    "numbers": {"type": "array", "items": "int"}, "choice": {"type": "enum", "symbols": ["a", "b"]}, "either": ["int", "string"],
    "any": "Any", "dotted.name": "string", "rec": RECORD,
    "grid": {"type": "array", "items": {"type": "array", "items": "int"}},
}.items()}


@pytest.mark.parametrize(("argv", "made"), [
    ([], {}),
    (["--word", "--n", "--n", "-3"], {"word": "--n", "n": -3}),
    (["--word=a=b", "-n", "4", "--x", "1e3"], {"word": "a=b", "n": 4, "x": 1000.0}),
    (["--flag", "--no-maybe"], {"flag": True, "maybe": False}),
    (["--flag=false", "--maybe=yes"], {"flag": False, "maybe": True}),
    (["--list", "a", "--word", "w", "--list", "b"], {"list": ["a", "b"], "word": "w"}),
    (["--list", '["x", "y"]'], {"list": ["x", "y"]}),
    (["--numbers", "1", "--numbers", "2"], {"numbers": [1, 2]}),
    (["--choice", "b", "--either", "7", "--any", "[1]"], {"choice": "b", "either": 7, "any": "[1]"}),
    (["--either", "x"], {"either": "x"}),
    (["--rec.a", "1", "--rec.b", "x", "--rec.b", "y"], {"rec": {"a": 1, "b": ["x", "y"]}}),
    (["--rec", '{"a": 1}'], {"rec": {"a": 1}}),
    (["--dotted.name", "x"], {"dotted.name": "x"}),
    (["--grid", "[[1], []]"], {"grid": [[1], []]}),
    (["--word", "$(x)\n'\""], {"word": "$(x)\n'\""}),
])
def test_flags(argv: list[str], made: dict[str, Any]) -> None:
    assert from_flags(argv, TYPES) == made


def test_flags_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").write_text("")
    file = {"class": "File", "location": f"file://{tmp_path}/a%20b", "basename": "a b"}
    assert from_flags(["--file", "a b", "--dir", ".", "--files", "a b", "--files", "http://example.org/z"], TYPES) == {
        "file": file, "dir": {"class": "Directory", "location": f"file://{tmp_path}", "basename": tmp_path.name},
        "files": [file, {"class": "File", "location": "http://example.org/z", "basename": "z"}]}


@pytest.mark.parametrize(("argv", "message"), [
    (["--wrod", "x"], "there is no input called wrod\n  Did you mean --word?"),
    (["--zzzzzz", "x"], "Its inputs are --word, --n"),
    (["word"], "'word' is no flag"),
    (["--n", "three"], "--n: expected int, found 'three'"),
    (["--n", "3000000000"], "--n: expected int, found an int (3000000000), which is more than an int can hold\n  a larger number needs"),
    (["--n"], "--n needs a value (int)\n  as in --n 1"),
    (["--n", "x", "--choice", "aa", "--wrod", "y", "--x", "z"], "--n: expected int, found 'x'\n--choice: expected one of a, b, "
     "found 'aa'\n  did you mean a?\nthere is no input called wrod\n  Did you mean --word?\n--x: expected null or double, found 'z'"),
    (["--file", "http://ada:hush@h/.."], "--file: http://h/.. gives no name"),
    (["--n", "1", "--n", "2"], "--n is given twice"),
    (["--choice", "c"], "expected one of a, b"),
    (["--flag=perhaps"], "expected boolean"),
    (["--x", "nan"], "expected null or double"),
    (["--rec.b", "x"], "--rec: the field 'a' is missing"),
    (["--rec", '{"a": 1}', "--rec.a", "2"], "given twice"),
    (["--grid", "[[1], [true]]"], "--grid: at [1][0]: expected int, found a boolean (true)"),
    (["--list", "[1"], "--list: expected a list of string"),
])
def test_flags_that_cannot_be_understood(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_flags(argv, TYPES)
    assert message in str(caught.value)


def test_no_inputs_no_flags() -> None:
    with pytest.raises(UsageError, match="It takes no inputs"):
        from_flags(["--x", "1"], {})
