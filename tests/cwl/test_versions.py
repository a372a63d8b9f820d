"""v1.0 and v1.1 documents behave as their own versions say, through the real engine.

The differences are those that the specifications list at their head, and what those lists are silent of.

A document keeps its version when another one runs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from onetool import Tool
from wholerun import Ran, path_of, run, text_of

OLD = ("v1.0", "v1.1")
ALL = (*OLD, "v1.2")
LIMIT = 64 * 1024
SCRIPT = {"InlineJavascriptRequirement": {}}
CWLTOOL = {"$namespaces": {"cwltool": "http://commonwl.org/cwltool#"}}


def tool(version: str, command: Any = "echo", **fields: Any) -> dict[str, Any]:
    """A command whose standard output is its output `o`."""
    return {"cwlVersion": version, "class": "CommandLineTool", "baseCommand": command, "inputs": {}, "outputs": {"o": "stdout"}, **fields}


def expression(version: str, text: str, type_: Any = "Any", **fields: Any) -> dict[str, Any]:
    """An ExpressionTool whose output `o` is what `text` gives."""
    return {"cwlVersion": version, "class": "ExpressionTool", "requirements": SCRIPT, "inputs": {}, "outputs": {"o": type_},
            "expression": f"${{return {{o: {text}}}}}", **fields}


def workflow(version: str, steps: Mapping[str, Any], outputs: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"cwlVersion": version, "class": "Workflow", "inputs": {}, "outputs": outputs, "steps": steps, **fields}


def said_by(ran: Ran) -> str:
    """What the command of a run that succeeded said."""
    assert ran.status == 0, ran.said
    return text_of(ran.outputs["o"]).removesuffix("\n")


def refused(folder: Path, document: Mapping[str, Any], *words: str, job: Mapping[str, Any] | None = None, **others: Any) -> None:
    """The document is wrong, and the message says why in these words."""
    ran = run(folder, document, job, **others)
    assert ran.status != 0
    assert "Traceback" not in ran.said
    for word in words:
        assert word in ran.said


def file(path: Path, contents: str = "") -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(contents, encoding="utf-8")
    return {"class": "File", "path": str(path)}


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


# -- what came with v1.1 --------------------------------------------------------------------------------------------


def test_standard_input_as_a_type_came_with_v1_1(tmp_path: Path) -> None:
    job = {"i": file(tmp_path / "f", "text")}
    for version in ("v1.1", "v1.2"):
        assert said_by(run(tmp_path, tool(version, "cat", inputs={"i": "stdin"}), job)) == "text"


@pytest.mark.parametrize("required", [True, False])
def test_secondary_files_with_required_came_with_v1_1(tmp_path: Path, required: bool) -> None:
    inputs = {"f": {"type": "File", "secondaryFiles": [{"pattern": ".i", "required": required}]}}
    job = {"f": file(tmp_path / "f")}
    refused(tmp_path, tool("v1.0", inputs=inputs), "main.cwl:1:", "an object", job=job)
    assert (run(tmp_path, tool("v1.1", inputs=inputs), job).status == 0) is not required


@pytest.mark.parametrize("version", ALL)
def test_secondary_files_of_inputs_are_required_and_those_of_outputs_not(tmp_path: Path, version: str) -> None:
    job = {"f": file(tmp_path / "f")}
    refused(tmp_path, tool(version, inputs={"f": {"type": "File", "secondaryFiles": [".i"]}}), "f.i", job=job)
    output = {"type": "File", "secondaryFiles": ".i", "outputBinding": {"glob": "f"}}
    ran = run(tmp_path, tool(version, ["touch", "f"], outputs={"o": output}))
    assert ran.status == 0
    assert not ran.outputs["o"].get("secondaryFiles")


@pytest.mark.parametrize("field", [{"format": "http://e.org/f"}, {"secondaryFiles": ".i"}])
def test_fields_of_a_record_speak_of_their_files_since_v1_1(tmp_path: Path, field: dict[str, Any]) -> None:
    type_ = {"type": "record", "name": "r", "fields": {"f": {"type": "File", "inputBinding": {"valueFrom": "$(self.basename)"}, **field}}}
    data = {**file(tmp_path / "f"), "format": "http://e.org/f"}
    file(tmp_path / "f.i")
    job = {"r": {"f": data}}
    refused(tmp_path, tool("v1.0", inputs={"r": {"type": type_}}), *field, job=job)
    assert said_by(run(tmp_path, tool("v1.1", inputs={"r": {"type": type_}}), job)) == "f"
    if "format" in field:
        refused(tmp_path, tool("v1.1", inputs={"r": {"type": type_}}), "format", job={"r": {"f": {**data, "format": "http://e.org/g"}}})


def test_the_binding_of_a_record_came_with_v1_1(tmp_path: Path) -> None:
    type_ = {"type": "record", "name": "r", "inputBinding": {"prefix": "-r"}, "fields": {"a": {"type": "int", "inputBinding": {}}}}
    refused(tmp_path, tool("v1.0", inputs={"r": {"type": type_}}), "inputBinding", job={"r": {"a": 1}})
    assert said_by(run(tmp_path, tool("v1.1", inputs={"r": {"type": type_}}), {"r": {"a": 1}})) == "-r 1"


NEW_IN_1_1 = {
    "WorkReuse": {"enableReuse": False}, "ToolTimeLimit": {"timelimit": 20}, "NetworkAccess": {"networkAccess": False},
    "InplaceUpdateRequirement": {"inplaceUpdate": True}, "LoadListingRequirement": {"loadListing": "no_listing"},
}


@pytest.mark.parametrize("name", NEW_IN_1_1)
def test_requirements_that_came_with_v1_1(tmp_path: Path, name: str) -> None:
    refused(tmp_path, tool("v1.0", requirements={name: NEW_IN_1_1[name]}), name)
    assert run(tmp_path, tool("v1.1", requirements={name: NEW_IN_1_1[name]})).status == 0


@pytest.mark.parametrize("place", ["hints", "requirements"])
def test_their_names_as_extensions_in_v1_0(tmp_path: Path, place: str) -> None:
    names = {"cwltool:WorkReuse": {"enableReuse": False}, "cwltool:TimeLimit": {"timelimit": 20},
             "cwltool:NetworkAccess": {"networkAccess": False}, "cwltool:InplaceUpdateRequirement": {"inplaceUpdate": True}}
    demand = Tool(tmp_path, json.dumps({**tool("v1.0"), **CWLTOOL, place: names})).demand()
    assert (demand.reuse, demand.time_limit, demand.network) == (False, 20.0, False)


def test_a_time_limit_under_its_old_name_ends_the_command(tmp_path: Path) -> None:
    ran = run(tmp_path, tool("v1.0", ["sleep", "20"], hints={"cwltool:TimeLimit": {"timelimit": 1}}, **CWLTOOL))
    assert ran.status == 1
    assert "time limit" in ran.said


def test_requirements_in_the_job_came_with_v1_1(tmp_path: Path) -> None:
    job = {"cwl:requirements": [{"class": "EnvVarRequirement", "envDef": {"GIVEN": "yes"}}]}
    refused(tmp_path, tool("v1.0", ["sh", "-c", "echo $GIVEN"]), "v1.0", job=job)
    assert said_by(run(tmp_path, tool("v1.1", ["sh", "-c", "echo $GIVEN"]), job)) == "yes"


def test_entries_that_are_lists_or_nothing_came_with_v1_1(tmp_path: Path) -> None:
    """Nothing is laid out for an entry that is null."""
    def document(version: str, entry: str) -> dict[str, Any]:
        work = {"InitialWorkDirRequirement": {"listing": [{"entry": entry}]}}
        ls = ["sh", "-c", "ls | grep -x '[ab]' || :"]
        return tool(version, ls, inputs={"fs": "File[]", "no": "File?"}, requirements={**SCRIPT, **work})

    job = {"fs": [file(tmp_path / "in" / "a"), file(tmp_path / "in" / "b")]}
    refused(tmp_path, document("v1.0", "$(inputs.fs)"), "v1.0", job=job)
    assert said_by(run(tmp_path, document("v1.1", "$(inputs.fs)"), job)).split() == ["a", "b"]
    assert said_by(run(tmp_path, document("v1.1", "$(inputs.no)"), job)) == ""


# -- what came with v1.2 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", OLD)
def test_conditions_and_picking_came_with_v1_2(tmp_path: Path, version: str) -> None:
    inner = {key: value for key, value in tool(version).items() if key != "cwlVersion"}
    outputs = {"o": {"type": "File?", "outputSource": "s/o"}}
    refused(tmp_path, workflow(version, {"s": {"run": inner, "in": {}, "out": ["o"], "when": "$(true)"}}, outputs), "when")
    picked = {"o": {"type": "File?", "outputSource": ["s/o"], "pickValue": "first_non_null"}}
    refused(tmp_path, workflow(version, {"s": {"run": inner, "in": {}, "out": ["o"]}}, picked), "pickValue")


@pytest.mark.parametrize("version", OLD)
def test_operations_and_intents_came_with_v1_2(tmp_path: Path, version: str) -> None:
    refused(tmp_path, {"cwlVersion": version, "class": "Operation", "inputs": {}, "outputs": {}}, "Operation")
    refused(tmp_path, tool(version, intent=["http://e.org/i"]), "intent")
    assert run(tmp_path, tool("v1.2", intent=["http://e.org/i"])).status == 0


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("amount", [1.5, "$(3 / 2)"])
def test_fractions_of_resources_came_with_v1_2(tmp_path: Path, version: str, amount: Any) -> None:
    requirements = {**SCRIPT, "ResourceRequirement": {"coresMin": amount, "ramMin": amount}}
    refused(tmp_path, tool(version, requirements=requirements), "cores")
    shown = said_by(run(tmp_path, tool("v1.2", requirements=requirements, arguments=["$(runtime.cores) $(runtime.ram)"])))
    assert shown == "2 2"


def test_values_as_json_in_files_came_with_v1_2(tmp_path: Path) -> None:
    def document(version: str) -> dict[str, Any]:
        work = {"InitialWorkDirRequirement": {"listing": [{"entryname": "f", "entry": "$(inputs.a)"}]}}
        return tool(version, ["cat", "f"], inputs={"a": "Any"}, requirements=work)

    for version in OLD:
        refused(tmp_path, document(version), version, job={"a": {"x": [1, None]}})
    assert json.loads(said_by(run(tmp_path, document("v1.2"), {"a": {"x": [1, None]}}))) == {"x": [1, None]}


@pytest.mark.parametrize("version", OLD)
def test_absolute_names_in_the_working_directory_came_with_v1_2(tmp_path: Path, version: str) -> None:
    work = {"InitialWorkDirRequirement": {"listing": [{"entryname": "/tmp/x", "entry": "x"}]}}
    refused(tmp_path, tool(version, requirements=work), "/tmp/x", "relative")


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
