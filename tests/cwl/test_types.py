"""Types: which values fit, and what is said of those that do not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hyflow.cwl.types import AnyType, Array, Data, Enum, Named, Primitive, Record, Union, describe, fits, parse_type, pick, problem
from hyflow.errors import InputError, WorkflowError

RECORD = {"type": "record", "name": "file:///x.cwl#R", "fields": [
    {"name": "file:///x.cwl#R/a", "type": "int"},
    {"name": "file:///x.cwl#R/b", "type": ["null", "string"], "inputBinding": {"prefix": "-b"}}]}
TREE = {"#Tree": {"type": "record", "name": "#Tree", "fields": [
    {"name": "#Tree/left", "type": ["null", "#Tree"]}, {"name": "#Tree/n", "type": "int"}]}}


@pytest.mark.parametrize(("document", "good", "bad"), [
    ("null", [None], [0, "", False]),
    ("boolean", [True, False], [0, 1, None, "true"]),
    ("int", [0, -2**31, 2**31 - 1], [True, 2**31, -2**31 - 1, 1.0, "1", None]),
    ("long", [2**31, 2**63 - 1, -2**63], [True, 2**63, 1.5]),
    ("float", [1, 1.5, 1e300], [True, "1.5", None]),
    ("double", [1, 1.5], [True]),
    ("string", ["", "é"], [1, None, []]),
    ("Any", [0, "", [], {}, False], [None]),
    ("File", [{"class": "File", "location": "file:///a"}], ["file:///a", {"class": "Directory"}, {"location": "x"}]),
    ("Directory", [{"class": "Directory", "listing": []}], [{"class": "File"}]),
    ({"type": "array", "items": "int"}, [[], [1, 2]], [[1, True], 1, [2**31], [None], None]),
    ({"type": "array", "items": ["int", "string"]}, [[1, "a"]], [[1.5]]),
    ({"type": "enum", "symbols": ["file:///x.cwl#E/a", "b"]}, ["a", "b"], ["E/a", "c", 1]),
    (RECORD, [{"a": 1}, {"a": 1, "b": "x", "more": 1}, {"a": 1, "b": None}], [{}, {"a": "1"}, {"a": 1, "b": 2}, []]),
    (["null", "File"], [None, {"class": "File"}], ["x"]),
    ({"type": "File"}, [{"class": "File"}], [1]),
    ({"type": ["null", "int"]}, [None, 1], ["x"]),
    ("stdin", [{"class": "File"}], ["x"]),
    ("https://w3id.org/cwl/cwl#File", [{"class": "File"}], [1]),
    ("org.w3id.cwl.salad.Any", [1], [None]),
])
def test_what_fits(document: Any, good: list[Any], bad: list[Any]) -> None:
    type_ = parse_type(document)
    assert [(value, fits(value, type_), problem(value, type_)) for value in good] == [(value, True, None) for value in good]
    assert [(value, fits(value, type_), bool(problem(value, type_))) for value in bad] == [(value, False, True) for value in bad]


def test_parsed_forms() -> None:
    assert parse_type(["null", {"type": "array", "items": "string"}]) == Union((Primitive("null"), Array(Primitive("string"))))
    assert parse_type(["File"]) == Data("File")
    assert parse_type("Any") == AnyType()
    record = parse_type(RECORD)
    assert isinstance(record, Record)
    assert [each.name for each in record.fields] == ["a", "b"]
    assert record.fields[1].document["inputBinding"] == {"prefix": "-b"}
    assert parse_type("#E", {"#E": {"type": "enum", "name": "#E", "symbols": ["x"]}}) == Enum("#E", ("x",))


def test_a_record_may_hold_itself() -> None:
    type_ = parse_type("#Tree", TREE)
    assert isinstance(type_, Record)
    assert type_.fields[0].type == Union((Primitive("null"), Named("#Tree", TREE)))
    assert fits({"n": 1, "left": {"n": 2, "left": {"n": 3}}}, type_)
    assert problem({"n": 1, "left": {"n": 2, "left": {"n": "3"}}}, type_) == "at left.left.n: expected int, found a string ('3')"


@pytest.mark.parametrize("document", ["nothing", {"items": "int"}, 3, {"type": "#Missing"}])
def test_what_is_no_type(document: Any) -> None:
    with pytest.raises(WorkflowError):
        parse_type(document)


@pytest.mark.parametrize(("value", "document", "message"), [
    (2**31, "int", "expected int, found an int (2147483648), which is more than an int can hold"),
    (2**63, ["int", "long"], "expected int or long, found an int (9223372036854775808), which is more than an int or a long can hold"),
    ({"class": "file"}, "File", "expected File, found an object of class file"),
    (True, "int", "expected int, found a boolean (true)"),
    ("x", ["null", "int"], "expected null or int, found a string ('x')"),
    ([1, "x"], ["null", {"type": "array", "items": "int"}], "at [1]: expected int, found a string ('x')"),
    ({"a": 1, "b": 2}, RECORD, "at b: expected null or string, found an int (2)"),
    ({}, RECORD, "the field 'a' is missing (expected int)"),
    ([[{}]], {"type": "array", "items": {"type": "array", "items": RECORD}}, "at [0][0]: the field 'a' is missing (expected int)"),
    ({"class": "Directory"}, "File", "expected File, found a Directory"),
    ("c", {"type": "enum", "symbols": ["a", "b"]}, "expected one of a, b, found a string ('c')"),
    (None, "Any", "expected anything but null, found null"),
    (1, {"type": "array", "items": ["int", "File"]}, "expected a list of (int or File), found an int (1)"),
])
def test_messages(value: Any, document: Any, message: str) -> None:
    assert problem(value, parse_type(document)) == message


def test_pick_takes_the_first_branch_that_fits() -> None:
    union = parse_type(["null", "int", {"type": "array", "items": "int"}, ["long", "string"], "Any"])
    assert pick(1, union) == Primitive("int")
    assert pick(2**31, union) == Primitive("long")
    assert pick([], union) == Array(Primitive("int"))
    assert pick("x", union) == Primitive("string")
    assert pick(1.5, union) == AnyType()
    assert pick(None, union) == Primitive("null")
    assert isinstance(pick({"n": 1}, parse_type(["null", "#Tree"], TREE)), Record)
    with pytest.raises(InputError, match="expected int"):
        pick("x", parse_type("int"))


def test_a_long_enum_is_shown_in_part() -> None:
    assert describe(parse_type({"type": "enum", "symbols": [f"s{n}" for n in range(50)]})).endswith("s19, ...")


def test_many_strings_are_checked_at_once() -> None:
    values: list[Any] = [f"s{n}" for n in range(100_000)]
    type_ = parse_type(["null", {"type": "array", "items": "string"}])
    start = time.process_time()
    assert fits(values, type_)
    assert time.process_time() - start < 0.5
    assert problem([*values, 1], type_) == "at [100000]: expected string, found an int (1)"
