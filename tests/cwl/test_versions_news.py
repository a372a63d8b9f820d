"""What came with v1.1 and with v1.2 is there from then on, and refused before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onetool import Tool
from versions import ALL, CWLTOOL, OLD, SCRIPT, file, refused, said_by, tool, workflow
from wholerun import run

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
