"""Documents that name others, that are more than may be read, and what their expressions say: one message, its place, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from told import FLOW, HEAD, TOOL, told

from hyflow.cwl.load import load
from hyflow.errors import HyflowError, WorkflowError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tool.cwl").write_text(TOOL)
    return tmp_path


GRAPH = "cwlVersion: v1.2\n$graph:\n" + "".join(
    f"- {{class: CommandLineTool, id: {name}, baseCommand: x, inputs: [], outputs: []}}\n" for name in ("one", "two")
)


def test_several_processes_and_none_of_them_meant() -> None:
    assert told(GRAPH) == [
        "doc.cwl:3:1: the document holds several processes, and none of them is #main",
        "  name one of them, as in doc.cwl#one: one, two",
    ]
    with pytest.raises(WorkflowError) as caught:
        load("doc.cwl#tow", cache=None)
    assert str(caught.value) == "doc.cwl:3:1: the document has no process called tow\n  did you mean two?"


@pytest.mark.parametrize(
    ("part", "files", "lines"),
    [
        ("requirements: [{$import: req.yml}]", {}, ["doc.cwl:6:26: there is no file req.yml", "  there is nothing of a similar name in ."]),
        ("requirements: [{$import: reg.yml}]", {"req.yml": "[]"}, ["doc.cwl:6:26: there is no file reg.yml", "  did you mean req.yml?"]),
        ("requirements: {$import: far/req.yml}", {}, ["doc.cwl:6:25: there is no file far/req.yml", "  there is no directory far either"]),
        (
            "requirements: {$import: req.yml}",
            {"req.yml": "{$import: req.yml}"},
            ["req.yml:1:11: a document imports itself", "  take one of the imports away"],
        ),
        (
            "requirements: {$import: a.yml}",
            {"a.yml": "{$import: b.yml}", "b.yml": "{$import: a.yml}"},
            ["b.yml:1:11: a document imports itself: a.yml -> b.yml -> a.yml", "  take one of the imports away"],
        ),
        ("requirements: {$import: req.yml}", {"req.yml": "[a, }"}, ["req.yml:1:5: this is not YAML: a value is missing before this"]),
        (
            "requirements: {$import: req.yml}",
            {"req.yml": "[{class: EnvVarRequirement, envDef: 3}]"},
            ["req.yml:1:37: `envDef` must be an object or a list, found a whole number", "  where there are none: envDef: {}"],
        ),
        (
            "requirements: {InlineJavascriptRequirement: {expressionLib: [{$include: lib.js}]}}",
            {"libs.js": ""},
            ["doc.cwl:6:73: there is no file lib.js", "  did you mean libs.js?"],
        ),
    ],
)
def test_imports(part: str, files: dict[str, str], lines: list[str]) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    assert told(f"{TOOL}{part}\n") == lines


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 4)}]\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("text", "files", "what"),
    [
        (TOOL + BOMB, {}, "doc.cwl: its aliases expand to more than 2,000,000 nodes"),
        (TOOL + "hints: {$import: bomb.yml}\n", {"bomb.yml": BOMB}, "bomb.yml: its aliases expand to more than 2,000,000 nodes"),
        (TOOL + "requirements: [{$mixin: bomb.yml}]\n", {"bomb.yml": BOMB}, "bomb.yml: its aliases expand to more than 2,000,000 nodes"),
        (TOOL + "hints: " + "[" * 100_000, {}, "doc.cwl:6:207: the document is nested more than 200 deep"),
        (TOOL + "hints: " + "[" * 2_000 + "]" * 2_000, {}, "the document is nested more than 200 deep"),
        (TOOL + "hints: &a [*a]\n", {}, "the document is nested more than 200 deep"),
    ],
)
def test_what_is_more_than_may_be_read(text: str, files: dict[str, str], what: str) -> None:
    for name, content in files.items():
        Path(name).write_text(content)
    assert what in told(text)[0]


def test_a_document_of_a_hundred_megabytes() -> None:
    with open("doc.cwl", "wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(WorkflowError, match=r"doc\.cwl: the document is larger than 32 MiB"):
        load("doc.cwl", cache=None)


JS = HEAD + "requirements: {InlineJavascriptRequirement: {}}\ninputs: {size: int, names: File}\n"


@pytest.mark.parametrize(
    ("rest", "lines"),
    [
        ("arguments: [$(1 +)]\noutputs: {}", ["doc.cwl:6:13: $(1 +) is no JavaScript: unexpected token in expression: ')'"]),
        (
            'arguments: ["$(inputs.size"]\noutputs: {}',
            ["doc.cwl:6:14: the expression $(inputs.size does not end: the bracket ( is not closed"],
        ),
        (
            "outputs:\n  o:\n    type: int\n    outputBinding:\n      outputEval: |\n        ${\n"
            "          var a = 1;\n          var b = ;\n          return b;\n        }",
            ["doc.cwl:13:19: ${ var a = 1; var b = ; return b; } is no JavaScript: unexpected token in expression: ';'"],
        ),
        ("outputs: {}\nhints: {InlineJavascriptRequirement: {expressionLib: ['function f( { }']}}\n", None),
    ],
)
def test_javascript_that_is_none(rest: str, lines: list[str] | None) -> None:
    if lines is None:
        text = JS.replace("Requirement: {}", "Requirement: {expressionLib: ['function f( { }']}") + "outputs: {}\n"
        assert told(text)[0].startswith("doc.cwl:4:62: expressionLib is no JavaScript: ")
    else:
        assert told(f"{JS}{rest}\n") == lines


def test_javascript_that_is_not_declared() -> None:
    assert told(TOOL + "arguments: [$(inputs.x.size * 2)]\n") == [
        "doc.cwl:6:13: $(inputs.x.size * 2) is no reference such as $(inputs.x.path), and JavaScript is not declared",
        "  declare it under requirements: InlineJavascriptRequirement: {}",
    ]


def test_warnings_say_where() -> None:
    Path("doc.cwl").write_text(
        f"{JS}hints: {{Nonsense: {{}}, ResorceRequirement: {{}}, 'http://commonwl.org/cwltool#Secrets': {{secrets: [size]}}}}\n"
        "arguments: [$(inputs.siez), $(inputs.nams.path + 'inputs.other'), $(runtime.coers)]\noutputs: {}\n"
    )
    warnings = [
        "doc.cwl:6:9: the hint Nonsense is not known, it is passed over",
        "doc.cwl:6:23: the hint ResorceRequirement is not known, it is passed over (did you mean ResourceRequirement?)",
        "doc.cwl:6:47: the hint cwltool:Secrets is not known, its inputs are told in logs and reports like others",
        "doc.cwl:7:13: there is no input siez (did you mean size?)",
        "doc.cwl:7:29: there is no input nams (did you mean names?)",
        "doc.cwl:7:67: `runtime` has no coers (did you mean cores?)",
    ]
    assert sorted(load("doc.cwl", cache=Path("cache")).warnings) == sorted(warnings)
    Path("deep").mkdir()
    os.chdir("deep")
    told = load("../doc.cwl", cache=Path("../cache")).warnings  # from the cache
    assert sorted(told) == sorted(f"../{warning}" for warning in warnings)


def test_an_input_that_nobody_takes_is_warned_of() -> None:
    Path("doc.cwl").write_text(FLOW.replace("in: {x: f}", "in: {x: f, xx: f, wait: n}"))
    assert load("doc.cwl", cache=None).warnings == (
        "doc.cwl:6:35: the step one gives xx, which what it runs does not take (did you mean x?)",
    )


def test_files_are_called_as_they_are_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a name").mkdir()
    monkeypatch.chdir(tmp_path / "a name")
    Path("b c.cwl").write_text(TOOL.replace("File", "Fil"))
    for called in ("b c.cwl", "./b c.cwl", str(tmp_path / "a name" / "b c.cwl")):
        with pytest.raises(WorkflowError, match=r"^b c\.cwl:4:13: there is no type"):
            load(called, cache=None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkflowError, match=r"^a name/b c\.cwl:4:13: there is no type"):
        load("a name/b c.cwl", cache=None)


def test_the_document_itself_is_not_there() -> None:
    with pytest.raises(HyflowError) as caught:
        load("tol.cwl", cache=None)
    assert (str(caught.value), caught.value.exit_status) == ("tol.cwl: there is no such document\n  did you mean tool.cwl?", 2)
    with pytest.raises(WorkflowError, match="this is a directory, and a document is a file"):
        load(".", cache=None)
