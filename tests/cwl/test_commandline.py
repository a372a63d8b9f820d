"""The command line: every way to bind a value, and the order of what is bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onetool import Tool, file, folder

from hyflow.cwl.commandline import text_of
from hyflow.errors import WorkflowError

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nrequirements: {InlineJavascriptRequirement: {}}\noutputs: {}\n"


def argv(path: Path, body: str, **inputs: Any) -> tuple[str, ...]:
    return Tool(path, HEAD + body).argv(**inputs)


@pytest.mark.parametrize(("type_", "binding", "value", "words"), [
    ("string", "{}", "a b", ("a b",)),
    ("string", "{prefix: -x}", "$(touch)", ("-x", "$(touch)")),
    ("string", "{prefix: --x=, separate: false}", "é\n", ("--x=é\n",)),
    ("int", "{prefix: -n}", 3, ("-n", "3")),
    ("double", "{}", 1e-7, ("0.0000001",)),
    ("double", "{}", 1.5e21, ("1500000000000000000000",)),
    ("double", "{}", 2.5, ("2.5",)),
    ("boolean", "{prefix: -v}", True, ("-v",)),
    ("boolean", "{prefix: -v}", False, ()),
    ("boolean", "{}", True, ()),
    ("string?", "{prefix: -x}", None, ()),
    ("string?", "{prefix: -x, valueFrom: always}", None, ()),
    ("File", "{prefix: -f}", file("file:///d/a.txt"), ("-f", "/job/in/1/a.txt")),
    ("Directory", "{}", folder("file:///d/e"), ("/job/in/1/e",)),
    ("'int[]'", "{prefix: -n}", [1, 2], ("-n", "1", "2")),
    ("'int[]'", "{prefix: -n}", [], ()),
    ("'int[]'", "{prefix: -n, itemSeparator: ','}", [1, 2], ("-n", "1,2")),
    ("'int[]'", "{prefix: -n=, separate: false, itemSeparator: ','}", [1, 2], ("-n=1,2",)),
    ("'int[]'", "{prefix: -n, valueFrom: '$([7, 8])'}", [1], ("-n", "7", "8")),
    ("'File[]'", "{itemSeparator: ':'}", [file("file:///d/a"), file("file:///e/a")], ("/job/in/1/a:/job/in/2/a",)),
    ("{type: array, items: int, inputBinding: {prefix: -n}}", "{prefix: -A}", [1, 2], ("-A", "-n", "1", "-n", "2")),
    ("{type: array, items: {type: array, items: int, inputBinding: {prefix: -i}}, inputBinding: {prefix: -o}}", "{}", [[1], [2]],
     ("-o", "-i", "1", "-o", "-i", "2")),
    ("{type: enum, symbols: [x, y]}", "{prefix: -e}", "y", ("-e", "y")),
    ("[int, {type: array, items: int}]", "{prefix: -u}", 4, ("-u", "4")),
    ("[int, {type: array, items: int}]", "{prefix: -u}", [4, 5], ("-u", "4", "5")),
    ("Any", "{prefix: -a}", "x", ("-a", "x")),
    ("Any", "{prefix: -a}", ["x", 1], ("-a", "x", "1")),
    ("string", "{valueFrom: '$(self)-$(inputs.x)'}", "v", ("v-v",)),
    ("string", "{valueFrom: '$(null)'}", "v", ()),
    ("string", "{valueFrom: fixed, prefix: -p}", "v", ("-p", "fixed")),
])
def test_a_bound_value(tmp_path: Path, type_: str, binding: str, value: Any, words: tuple[str, ...]) -> None:
    assert argv(tmp_path, f"baseCommand: c\ninputs: {{x: {{type: {type_}, inputBinding: {binding}}}}}", x=value) == ("c", *words)


RECORD = """
baseCommand: c
inputs:
  r:
    type:
      type: record
      name: rec
      inputBinding: {prefix: -t}
      fields:
        b: {type: int, inputBinding: {prefix: -b, position: 2}}
        a: {type: string?, inputBinding: {prefix: -a, position: 2}}
        unbound: string?
    inputBinding: {prefix: -r}
"""


def test_a_record_adds_its_prefix_and_its_fields(tmp_path: Path) -> None:
    assert argv(tmp_path, RECORD, r={"a": "x", "b": 1}) == ("c", "-r", "-t", "-a", "x", "-b", "1")
    assert argv(tmp_path, RECORD, r={"b": 1}) == ("c", "-r", "-t", "-b", "1")


def test_named_types_bind_as_written_ones_do(tmp_path: Path) -> None:
    body = """
baseCommand: c
inputs: {r: {type: {type: array, items: '#rec'}, inputBinding: {prefix: -L}}}
"""
    head = HEAD.replace("requirements: {", """requirements: {SchemaDefRequirement: {types: [
  {name: rec, type: record, fields: {n: {type: int, inputBinding: {prefix: -n}}}}]}, """)
    assert Tool(tmp_path, head + body).argv(r=[{"n": 1}, {"n": 2}]) == ("c", "-L", "-n", "1", "-n", "2")


def test_a_type_may_hold_itself(tmp_path: Path) -> None:
    fields = "{v: {type: int, inputBinding: {prefix: -v}}, kids: {type: ['null', {type: array, items: tree}], inputBinding: {position: 1}}}"
    definition = f"{{name: tree, type: record, fields: {fields}}}"
    head = HEAD.replace("requirements: {", f"requirements: {{SchemaDefRequirement: {{types: [{definition}]}}, ")
    tool = Tool(tmp_path, head + "baseCommand: c\ninputs: {t: {type: tree, inputBinding: {prefix: -t}}}")
    assert tool.argv(t={"v": 1, "kids": [{"v": 2}, {"v": 3, "kids": []}]}) == ("c", "-t", "-v", "1", "-v", "2", "-v", "3")


def test_the_order_is_by_position_then_arguments_then_names(tmp_path: Path) -> None:
    body = """
baseCommand: [c, sub]
arguments:
  [first, {position: 2, valueFrom: late}, {position: -1, valueFrom: early}, $(1 + 1), {position: "$(inputs.at)", valueFrom: computed}]
inputs:
  zeta: {type: string, inputBinding: {}}
  alpha: {type: string, inputBinding: {}}
  front: {type: string, inputBinding: {position: -2}}
  moved: {type: string, inputBinding: {position: $(self.length)}}
  at: int
"""
    words = argv(tmp_path, body, zeta="z", alpha="a", front="f", moved="xxxxx", at=4)
    assert words == ("c", "sub", "f", "early", "first", "2", "a", "z", "late", "computed", "xxxxx")


def test_a_shell_command_is_quoted_but_for_what_says_not(tmp_path: Path) -> None:
    body = """
arguments: [echo, {valueFrom: "|", shellQuote: false}, "it's; $(inputs.x)"]
inputs: {x: {type: string, inputBinding: {position: 1, prefix: -x}}}
"""
    shell = HEAD.replace("requirements: {", "requirements: {ShellCommandRequirement: {}, ")
    words = Tool(tmp_path, shell + body).argv(x="$HOME `id`")
    assert words == ("/bin/sh", "-c", """echo | 'it'"'"'s; $HOME `id`' -x '$HOME `id`'""")


@pytest.mark.parametrize(("body", "inputs", "what"), [
    ("baseCommand: c\ninputs: {x: {type: string, inputBinding: {position: \"$('a')\"}}}", {"x": "v"}, "a position must be an integer"),
    ("baseCommand: c\ninputs: {x: {type: string, inputBinding: {separate: false}}}", {"x": "v"}, "needs a prefix"),
    ("baseCommand: c\ninputs: {x: {type: int}}", {"x": "v"}, "the input x does not fit: expected int, found a string"),
    ("baseCommand: c\ninputs: {x: {type: int}}", {}, "the input x is missing"),
    ("inputs: {}", {}, "the command line is empty"),
])
def test_what_cannot_be_bound(tmp_path: Path, body: str, inputs: dict[str, Any], what: str) -> None:
    with pytest.raises(WorkflowError, match=what) as caught:
        argv(tmp_path, body, **inputs)
    assert f"{tmp_path}/tool.cwl" in str(caught.value) or "position" in what or "prefix" in what


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_stand_in_decimal_and_read_back(value: float) -> None:
    text = text_of(value)
    assert "e" not in text
    assert float(text) == value
