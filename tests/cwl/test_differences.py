"""Where hyflow and cwltool differ by right (docs/differences.md): each case with what both make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sides import Case, Seen, both

# cwltool leaves files and pipes open
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
ROOT = Path(__file__).resolve().parents[2]
FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Difference:
    """`name` is the heading in the documentation; `look` shows what `hyflow` and `cwltool` give; FAILS: the run ends with status 1."""

    name: str
    case: Case
    look: Callable[[Seen], Any]
    hyflow: Any
    cwltool: Any


def tool(inputs: dict[str, Any] | None = None, outputs: dict[str, Any] | None = None, *, script: bool = True, **more: Any) -> dict[str,
                                                                                                                                   Any]:
    """A tool that runs the probe."""
    requirements = {**({"InlineJavascriptRequirement": {}} if script else {}), **more.pop("requirements", {})}
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "requirements": requirements,
            "inputs": inputs or {},
            "outputs": outputs or {}, **more}


def argv(seen: Seen) -> Any:
    return seen.records[0]["argv"]


def left(seen: Seen) -> Any:
    return seen.records[0]["tree"]


def bound(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "inputBinding": {}, **more}


def given(path: str) -> dict[str, Any]:
    return {"class": "File", "path": path}


def held(name: str) -> Callable[[Seen], Any]:
    return lambda seen: seen.outputs[name]["holds"]


LITERAL = {"class": "File", "basename": "x", "contents": "é"}
WORKDIR = {"InitialWorkDirRequirement": {"listing": [{"class": "File", "basename": "n", "contents": "a"},
                                                     {"class": "File", "basename": "n", "contents": "b"}]}}
BOTH = {"InitialWorkDirRequirement": {"listing": ["$(inputs.d.listing)", "$(inputs.d)"]}}
FOLDER = {"d": {"class": "Directory", "path": "in/d"}}

DIFFERENCES = (
    Difference("Large numbers that scripts make", Case(tool(arguments=["$(1e21)", "$(1e-7)"])), argv, ["1000000000000000000000",
                                                                                                       "0.0000001"], ["1e+21", "1e-07"]),
    Difference("The smallest numbers", Case(tool({"x": bound("double")}), {"x": 5e-324}), lambda seen: argv(seen)[0][-2:], "05", "04"),
    Difference("A position that is null", Case(tool({"x": {"type": "int", "inputBinding": {"position": "$(null)"}}}), {"x": 3}), argv,
               ["3"], FAILS),
    Difference("An itemSeparator that is empty", Case(tool({"x": {"type": "string[]", "inputBinding": {"itemSeparator": ""}}}),
                                                      {"x": ["a", "b"]}),
               argv, ["ab"], []),
    Difference("An empty list from valueFrom", Case(tool(arguments=[{"prefix": "-p", "valueFrom": "$([])"}])), argv, [], ["-p"]),
    Difference("Paths that look like addresses", Case(tool({"f": bound("File")}), {"f": given("in/a#b")}, {"in/a#b": "A"}), argv,
               ["<in>/a#b"], FAILS),
    Difference("Secondary files of names with ? and #", Case(tool({"f": {"type": "File", "secondaryFiles": [".s"]}},
                                                                  arguments=["$(inputs.f.secondaryFiles[0].basename)"]),
               {"f": {"class": "File", "location": "in/a%3F"}}, {"in/a?": "A", "in/a?.s": "S"}), argv, ["a?.s"], FAILS),
    Difference("Extensions of names that begin with a point", Case(tool({"f": {"type": "File", "secondaryFiles": ["^.s"]}},
                                                                        arguments=["$(inputs.f.secondaryFiles[0].basename)"]),
               {"f": given("in/.a")}, {"in/.a": "A", "in/.a.s": "S"}), argv, [".a.s"], FAILS),
    Difference("Contents of literal files", Case(tool({"f": {"type": "File", "loadContents": True}}, arguments=["$(inputs.f.contents)"]),
                                                 {"f": LITERAL}), argv, ["é"], FAILS),
    Difference("Sizes of literal files", Case(tool({"f": "File"}, arguments=["$(inputs.f.size)"]), {"f": LITERAL}), argv, ["2"], ["1"]),
    Difference("Standard input from inside a directory", Case(tool({"d": "Directory"}, stdin="$(inputs.d.path)/x"), FOLDER,
                                                              {"in/d/x": "X"}, {"stdin": True}),
               lambda seen: seen.records[0]["stdin"], "X", FAILS),
    Difference("Variables that are numbers", Case(tool(requirements={"EnvVarRequirement": {"envDef": {"A": "$(1 + 1)"}}})),
               lambda seen: seen.records[0]["env"], {"A": "2"}, FAILS),
    Difference("HOME and TMPDIR", Case(tool(requirements={"EnvVarRequirement": {"envDef": {"HOME": "/elsewhere"}}})),
               lambda seen: seen.records[0]["home"], "/elsewhere", "<out>"),
    Difference("Two entries of one name", Case(tool(requirements=WORKDIR)), left, {"n": "a", "n_2": "b"}, FAILS),
    Difference("A directory and what it holds", Case(tool({"d": {"type": "Directory", "loadListing": "shallow_listing"}},
                                                          requirements=BOTH), FOLDER, {"in/d/x": "X"}),
               left, {"d": {"x": "X"}, "x": "X"}, {"d": {"x": "X"}}),
    Difference("Names of streams with * and [", Case(tool(outputs={"o": "stdout"}, stdout="o[1]"), plan={"stdout": "X"}), held("o"), "X",
               FAILS),
    Difference("Literals as outputs",
               Case(tool(outputs={"o": {"type": "File",
                                        "outputBinding": {"outputEval": "$({class: 'File', basename: 'x', contents: 'X'})"}}})),
               held("o"), "X", FAILS),
    Difference("What cwl.output.json says beyond the outputs", Case(tool(outputs={"o": "int"}),
                                                                    plan={"files": {"cwl.output.json": '{"o": 1, "more": 2}'}}),
               lambda seen: seen.outputs, {"o": 1}, {"o": 1, "more": 2}),
    Difference("Secondary files of a file that two outputs name",
               Case(tool(outputs={"o": {"type": "File", "outputBinding": {"glob": "x"}}, "p": {"type": "File", "secondaryFiles": [".s"],
                                                                                               "outputBinding": {"glob": "x"}}}),
                    plan={"files": {"x": "X", "x.s": "S"}}),
                    lambda seen: [len(seen.outputs[name].get("secondaryFiles", [])) for name in "op"], [0, 1], FAILS),
    Difference("Links that lead nowhere", Case(tool(outputs={"o": {"type": "Directory", "outputBinding": {"glob": "d"}}}),
                                               plan={"folders": ["d"], "links": {"d/l": "gone"}}),
               lambda seen: seen.status, 0, FAILS),
    Difference("A file that is its own secondary file",
               Case(tool(outputs={"o": {"type": "File", "secondaryFiles": ["^.s"], "outputBinding": {"glob": "x.s"}}}),
                    plan={"files": {"x.s": "X"}}),
               lambda seen: len(seen.outputs["o"].get("secondaryFiles", [])), 0, 1),
)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.name)
def test_both_do_what_the_documentation_says(tmp_path: Path, difference: Difference) -> None:
    actual, expected = both(difference.case, tmp_path.resolve())
    for seen, wanted in ((actual, difference.hyflow), (expected, difference.cwltool)):
        shown = FAILS if seen.status else difference.look(seen)
        assert shown == wanted, seen.said[-2000:]


def test_the_documentation_names_each() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert [name for each in DIFFERENCES if f"\n### {(name := each.name)}\n" not in page] == []


def test_whole_numbers_have_no_point(tmp_path: Path) -> None:
    """`sides` does not see this difference, as it is everywhere."""
    from onetool import Tool

    made = Tool(tmp_path,
                "{cwlVersion: v1.2, class: CommandLineTool, baseCommand: c, inputs: {x: {type: double, inputBinding: {}}}, outputs: {}}")
    assert [made.argv(x=value)[1] for value in (1.0, -0.0, 1e22, 0.5)] == ["1", "-0", "1" + 22 * "0", "0.5"]


def test_truth_is_written_as_scripts_write_it(tmp_path: Path) -> None:
    """`sides` does not see this difference either."""
    from onetool import Tool

    made = Tool(tmp_path, "{cwlVersion: v1.2, class: CommandLineTool, baseCommand: c, outputs: {}, "
                          "inputs: {x: {type: 'boolean[]', inputBinding: {valueFrom: $(self)}}}}")
    assert list(made.argv(x=[True, False])[1:]) == ["true", "false"]
