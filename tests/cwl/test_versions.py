"""v1.0 and v1.1 documents behave as their own versions say, through the real engine.

The differences are those that the specifications list at their head, and what those lists are silent of.

A document keeps its version when another one runs it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onetool import Tool
from versions import ALL, CWLTOOL, OLD, SCRIPT, expression, file, refused, said_by, tool, workflow
from wholerun import path_of, run, text_of

LIMIT = 64 * 1024


# -- the version itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["draft-3", "v1.2.0-dev4", "v1.3", "v1", "1.2", None])
def test_a_version_that_is_none_is_refused(tmp_path: Path, version: str | None) -> None:
    refused(tmp_path, {**tool("v1.2"), "cwlVersion": version}, "main.cwl")


# -- defaults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "ram"), [("v1.0", 1024), ("v1.1", 256), ("v1.2", 256)])
def test_resources_nobody_asked_for(tmp_path: Path, version: str, ram: int) -> None:
    fields = "$(runtime.cores) $(runtime.ram) $(runtime.tmpdirSize) $(runtime.outdirSize)"
    assert said_by(run(tmp_path, tool(version, arguments=[fields]))) == f"1 {ram} 1024 1024"


@pytest.mark.parametrize(("version", "network"), [("v1.0", True), ("v1.1", False), ("v1.2", False)])
def test_network_access_that_nobody_asked_for(tmp_path: Path, version: str, network: bool) -> None:
    assert Tool(tmp_path, json.dumps(tool(version))).demand().network is network


@pytest.mark.parametrize(("version", "shown"), [("v1.0", "dir:in:x"), ("v1.1", "none"), ("v1.2", "none")])
def test_listings_of_directories(tmp_path: Path, version: str, shown: str) -> None:
    file(tmp_path / "d" / "dir" / "in" / "x")
    show = """(function l(d) {return d.listing ? d.listing.map(function(e) {return e.basename + (e.class == "File" ? "" : ":" + l(e))})
                                        .join() : "none"})(inputs.d)"""
    job = {"d": {"class": "Directory", "path": str(tmp_path / "d")}}
    assert said_by(run(tmp_path, tool(version, requirements=SCRIPT, inputs={"d": "Directory"}, arguments=[f"$({show})"]), job)) == shown
    assert run(tmp_path, expression(version, show, "string", inputs={"d": "Directory"}), job).outputs == {"o": shown}


@pytest.mark.parametrize(("version", "shown"), [("v1.0", "a"), ("v1.1", "none"), ("v1.2", "none")])
def test_listings_of_outputs(tmp_path: Path, version: str, shown: str) -> None:
    made = {"type": "string", "outputBinding": {"glob": "d", "outputEval": "$(self[0].listing ? self[0].listing[0].basename : 'none')"}}
    ran = run(tmp_path, tool(version, ["sh", "-c", "mkdir d; touch d/a"], requirements=SCRIPT, outputs={"o": made}))
    assert ran.outputs == {"o": shown}, ran.said


@pytest.mark.parametrize("version", ALL)
def test_a_listing_can_be_had_and_not_had_in_every_version(tmp_path: Path, version: str) -> None:
    file(tmp_path / "d" / "dir" / "in" / "x")
    job = {"d": {"class": "Directory", "path": str(tmp_path / "d")}}
    name = "cwltool:LoadListingRequirement" if version == "v1.0" else "LoadListingRequirement"
    show = "!inputs.d.listing ? 'none' : inputs.d.listing[0].listing ? 'deep' : 'shallow'"
    for wanted, shown in (("no_listing", "none"), ("shallow_listing", "shallow"), ("deep_listing", "deep")):
        document = expression(version, show, "string", inputs={"d": "Directory"}, hints={name: {"loadListing": wanted}}, **CWLTOOL)
        assert run(tmp_path, document, job).outputs == {"o": shown}


# -- loading contents -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_contents_beyond_the_limit_are_cut_off_before_v1_2_and_an_error_since(tmp_path: Path, version: str, size: int) -> None:
    job = {"f": file(tmp_path / "f", "x" * size)}
    old = {"type": "File", "inputBinding": {"loadContents": True}}
    of_input = expression(version, "inputs.f.contents.length", "int", inputs={"f": old})
    of_output = tool(version, ["head", "-c", str(size), "/dev/zero"], requirements=SCRIPT, stdout="z", outputs={"o": {
        "type": "int", "outputBinding": {"glob": "z", "loadContents": True, "outputEval": "$(self[0].contents.length)"}}})
    for document in (of_input, of_output):
        ran = run(tmp_path, document, job)
        if version in OLD or size == LIMIT:
            assert ran.outputs == {"o": LIMIT}
        else:
            assert ran.status == 1
            assert "64 KiB" in ran.said


def test_a_character_that_the_limit_cuts_in_two_goes_as_a_whole(tmp_path: Path) -> None:
    job = {"f": file(tmp_path / "f", "x" * (LIMIT - 1) + "é" * 5)}
    inputs = {"f": {"type": "File", "inputBinding": {"loadContents": True}}}
    assert run(tmp_path, expression("v1.1", "inputs.f.contents.length", "int", inputs=inputs), job).outputs == {"o": LIMIT - 1}


@pytest.mark.parametrize("version", ALL)
def test_a_literal_may_hold_more_than_the_limit(tmp_path: Path, version: str) -> None:
    job = {"f": {"class": "File", "basename": "f", "contents": "x" * (LIMIT + 1)}}
    count = tool(version, ["wc", "-c"], stdin="$(inputs.f.path)", inputs={"f": "File"})
    assert said_by(run(tmp_path, count, job)).strip() == str(LIMIT + 1)


@pytest.mark.parametrize("version", OLD)
def test_contents_of_a_workflows_input(tmp_path: Path, version: str) -> None:
    """In v1.0 `inputBinding` may stand in any process; it loads contents for the workflow's own expressions."""
    inner = expression(version, "inputs.t", "string", inputs={"t": "string"})
    step = {"run": inner, "in": {"f": {"source": "f", "loadContents": True} if version == "v1.1" else {"source": "f"},
                                 "t": {"valueFrom": "$(inputs.f.contents)"}}, "out": ["o"]}
    document = workflow(version, {"s": step}, {"o": {"type": "string", "outputSource": "s/o"}},
                        inputs={"f": {"type": "File", "inputBinding": {"loadContents": True}}},
                        requirements={**SCRIPT, "StepInputExpressionRequirement": {}})
    assert run(tmp_path, document, {"f": file(tmp_path / "f", "text")}).outputs == {"o": "text"}


@pytest.mark.parametrize("field", [{"loadContents": True}, {"loadListing": "deep_listing"}])
def test_loading_is_said_of_the_parameter_since_v1_1(tmp_path: Path, field: dict[str, Any]) -> None:
    inputs = {"f": {"type": "File", **field}}
    job = {"f": file(tmp_path / "f", "text")}
    refused(tmp_path, tool("v1.0", inputs=inputs), *field, job=job)
    assert run(tmp_path, tool("v1.1", inputs=inputs), job).status == 0


# -- expressions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ALL)
def test_a_backslash_before_an_expression(tmp_path: Path, version: str) -> None:
    old = version in OLD
    argument = r"\$(inputs) \\$(1 + 1) \a \" $(1 + 1) \${x}"
    ran = said_by(run(tmp_path, tool(version, ["printf", "%s"], requirements=SCRIPT, arguments=[argument])))
    assert ran == (r'$(inputs) \2 a " 2 ${x}' if old else r'$(inputs) \2 \a \" 2 ${x}')


@pytest.mark.parametrize("version", ALL)
def test_without_an_expression_a_backslash_is_a_backslash(tmp_path: Path, version: str) -> None:
    assert said_by(run(tmp_path, tool(version, ["printf", "%s"], arguments=[r" \\ \a $ "]))) == r" \\ \a $ "


@pytest.mark.parametrize("version", ALL)
def test_white_space_around_expressions_counts_in_files_alone(tmp_path: Path, version: str) -> None:
    listing = [{"entryname": "f", "entry": "  $(inputs.a)\n"}]
    document = tool(version, ["cat", "f"], inputs={"a": "string"}, requirements={"InitialWorkDirRequirement": {"listing": listing}})
    assert text_of(run(tmp_path, document, {"a": "x"}).outputs["o"]) == "  x\n"
    document = tool(version, ["printf", "[%s]"], inputs={"a": "string"}, arguments=[" $(inputs.a) "])
    assert said_by(run(tmp_path, document, {"a": "x"})) == "[x]"


@pytest.mark.parametrize("version", ALL)
def test_exit_codes_in_expressions(tmp_path: Path, version: str) -> None:
    output = {"o": {"type": "Any", "outputBinding": {"outputEval": "$(runtime.exitCode === undefined ? 'none' : runtime.exitCode)"}}}
    ran = run(tmp_path, tool(version, ["sh", "-c", "exit 3"], successCodes=[3], requirements=SCRIPT, outputs=output))
    assert ran.outputs == {"o": "none" if version == "v1.0" else 3}


@pytest.mark.parametrize("version", ALL)
def test_value_from_is_not_evaluated_for_a_value_that_is_not_there(tmp_path: Path, version: str) -> None:
    inputs = {"a": {"type": "string?", "inputBinding": {"prefix": "-a", "valueFrom": "$(self.length)"}}}
    assert said_by(run(tmp_path, tool(version, inputs=inputs, requirements=SCRIPT))) == ""
    assert said_by(run(tmp_path, tool(version, inputs=inputs, requirements=SCRIPT), {"a": "xyz"})) == "-a 3"


def test_an_expression_as_position_came_with_v1_1(tmp_path: Path) -> None:
    inputs = {"a": {"type": "int", "inputBinding": {"position": "$(self)"}}, "b": {"type": "int", "inputBinding": {"position": 2}}}
    refused(tmp_path, tool("v1.0", inputs=inputs), "position", job={"a": 3, "b": 1})
    assert said_by(run(tmp_path, tool("v1.1", inputs=inputs), {"a": 3, "b": 1})) == "1 3"
    assert said_by(run(tmp_path, tool("v1.1", inputs=inputs), {"a": 1, "b": 1})) == "1 1"


# -- the same in all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ALL)
def test_null_is_let_through_as_any_from_an_expression(tmp_path: Path, version: str) -> None:
    assert run(tmp_path, expression(version, "null")).outputs == {"o": None}


@pytest.mark.parametrize("version", ALL)
def test_several_processes_in_one_document(tmp_path: Path, version: str) -> None:
    """Which is to run: the one called main, where the command line does not say."""
    def graph(*names: str) -> dict[str, Any]:
        parts = [{**tool(version, arguments=[name]), "id": name} for name in names]
        return {"cwlVersion": version, "$graph": [{key: value for key, value in part.items() if key != "cwlVersion"} for part in parts]}

    assert said_by(run(tmp_path, graph("other", "main"))) == "main"
    refused(tmp_path, graph("one", "other"), "main")


@pytest.mark.parametrize("version", ALL)
def test_one_source_in_a_list_is_passed_as_it_is(tmp_path: Path, version: str) -> None:
    inner = expression(version, "inputs.a", inputs={"a": "Any"})
    for merge, result in ({}, 1), ({"linkMerge": "merge_nested"}, [1]), ({"linkMerge": "merge_flattened"}, [1]):
        document = workflow(version, {"s": {"run": inner, "in": {"a": {"source": ["a"], **merge}}, "out": ["o"]}},
                            {"o": {"type": "Any", "outputSource": "s/o"}}, inputs={"a": "int"},
                            requirements={"MultipleInputFeatureRequirement": {}})
        ran = run(tmp_path, document, {"a": 1})
        assert ran.outputs == {"o": result}, ran.said


# -- documents of different versions together -----------------------------------------------------------------------


def by_step(version: str, **steps: Any) -> dict[str, Any]:
    """A workflow that runs each of `steps` with all its inputs; its outputs are theirs, by the step's name."""
    made = {name: {"run": run, "in": {"d": "d"}, "out": ["o"]} for name, run in steps.items()}
    outputs = {name: {"type": "Any", "outputSource": f"{name}/o"} for name in steps}
    return workflow(version, made, outputs, inputs={"d": "Directory"}, requirements={"SubworkflowFeatureRequirement": {}})


@pytest.mark.parametrize("version", ALL)
def test_each_document_keeps_its_version(tmp_path: Path, version: str) -> None:
    """What a document says by being old is said of it alone: not of what it runs, nor of what runs it."""
    file(tmp_path / "d" / "x")
    shown = "$([runtime.ram, inputs.d.listing ? 'listed' : 'not', runtime.exitCode === undefined, '\\\\a'].join())"
    inner = {f"at{name[-1]}": tool(name, ["sh", "-c", "exit 0"], inputs={"d": "Directory"}, requirements=SCRIPT,
                                   outputs={"o": {"type": "string", "outputBinding": {"outputEval": shown}}}) for name in ALL}
    document = by_step(version, **{name: f"{name}.cwl" for name in inner})
    ran = run(tmp_path, document, {"d": {"class": "Directory", "path": str(tmp_path / "d")}}, **inner)
    assert ran.outputs == {"at0": "1024,listed,true,\\a", "at1": "256,not,false,\\a", "at2": "256,not,false,\\a"}, ran.said


@pytest.mark.parametrize("version", ALL)
def test_each_document_keeps_its_version_below_workflows_too(tmp_path: Path, version: str) -> None:
    file(tmp_path / "d" / "x")
    inner = {f"at{name[-1]}": expression(name, "inputs.d.listing ? 'listed' : 'not'", "string", inputs={"d": "Directory"}) for name in ALL}
    middle = {f"in{name[-1]}": by_step(name, **{each: f"{each}.cwl" for each in inner}) for name in ALL}
    for each in middle.values():
        each["outputs"] = {"o": {"type": "Any", "outputSource": ["at0/o", "at1/o", "at2/o"], "linkMerge": "merge_nested"}}
        each["requirements"] = {"MultipleInputFeatureRequirement": {}, "SubworkflowFeatureRequirement": {}}
    document = by_step(version, **{name: f"{name}.cwl" for name in middle})
    ran = run(tmp_path, document, {"d": {"class": "Directory", "path": str(tmp_path / "d")}}, **inner, **middle)
    assert ran.outputs == {name: ["listed", "not", "not"] for name in middle}, ran.said


def test_a_document_without_a_version_has_that_of_the_one_it_stands_in(tmp_path: Path) -> None:
    inner = tool("v1.0", inputs={"d": "Directory"}, outputs={"o": "stdout"}, arguments=["$(runtime.ram)"])
    del inner["cwlVersion"]
    for version, ram in (("v1.0", "1024"), ("v1.1", "256"), ("v1.2", "256")):
        ran = run(tmp_path, by_step(version, s=inner), {"d": {"class": "Directory", "path": str(tmp_path)}})
        assert path_of(ran.outputs["s"]).read_text().strip() == ram


def test_a_document_that_several_run_keeps_its_version_each_time(tmp_path: Path) -> None:
    """With all that stands in it."""
    counted = {"type": "File", "inputBinding": {"loadContents": True}}
    inner = {f"at{name[-1]}": expression(name, "inputs.d.contents.length", "int", inputs={"d": counted}) for name in ALL}
    nested = by_step("v1.0", s={**inner["at0"]})
    nested["inputs"] = {"d": "File"}
    nested["outputs"] = {"o": {"type": "int", "outputSource": "s/o"}}
    del nested["steps"]["s"]["run"]["cwlVersion"]
    document = by_step("v1.2", a="at0.cwl", b="at0.cwl", c="at1.cwl", d="at1.cwl", e="nested.cwl", f="nested.cwl")
    document["inputs"] = {"d": "File"}
    ran = run(tmp_path, document, {"d": file(tmp_path / "f", "x" * (LIMIT + 1))}, **inner, nested=nested)
    assert ran.outputs == dict.fromkeys("abcdef", LIMIT), ran.said
    newest = by_step("v1.0", a="at0.cwl", b="at2.cwl", c="at2.cwl")
    newest["inputs"] = {"d": "File"}
    refused(tmp_path, newest, "/b", "/c", "64 KiB", job={"d": file(tmp_path / "f", "x" * (LIMIT + 1))}, **inner)
