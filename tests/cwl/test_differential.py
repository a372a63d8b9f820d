"""Generated tools and workflows end as they do with cwltool: command lines, environments, working directories, exit status, outputs.

What is left out of the generators, as both sides differ by right, stands in docs/differences.md, and test_differences.py holds it fast.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from flows import flows
from generated import examples
from hypothesis import example, given
from sides import Case, both
from tools import file_tools, output_tools, parameter_tools, workdir_tools

# cwltool leaves files and pipes open
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


def agree(case: Case) -> None:
    """Run the case on both sides; fail where they differ."""
    with tempfile.TemporaryDirectory() as folder:
        actual, expected = both(case, Path(folder).resolve())
    assert actual == expected, f"hyflow: {actual.said[-1500:]}\ncwltool: {expected.said[-1500:]}"


@examples(60)
@given(parameter_tools())
def test_command_lines(case: Case) -> None:
    agree(case)


@examples(60)
@given(file_tools())
def test_files_and_environments(case: Case) -> None:
    agree(case)


@examples(50)
@given(workdir_tools())
def test_working_directories(case: Case) -> None:
    agree(case)


ONE_FILE_TWICE = Case({
    "cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "inputs": {}, "outputs": {
        "o": {"type": "File", "format": "http://example.org/a", "outputBinding": {"glob": "x"}},
        "p": {"type": "File", "outputBinding": {"glob": "x"}}}}, plan={"files": {"x": "X"}})
NOT_ZERO = Case({"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "inputs": {}, "outputs": {},
                 "successCodes": [1]})
NO_FILE = Case({
    "cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "inputs": {"f": "File?"}, "outputs": {}, "requirements": {
        "InlineJavascriptRequirement": {},
        "InitialWorkDirRequirement": {"listing": "$([{class: 'Directory', basename: 'd', listing: [inputs.f]}])"}}})
UNDEFINED = Case({"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "inputs": {}, "outputs": {},
                  "arguments": ["$(inputs.x)"],
                  "requirements": {"InlineJavascriptRequirement": {}}})


@examples(70)
@given(output_tools())
@example(ONE_FILE_TWICE)
@example(NOT_ZERO)
@example(NO_FILE)
@example(UNDEFINED)
def test_outputs_and_exit_codes(case: Case) -> None:
    agree(case)


@examples(50)
@given(flows())
def test_workflows(case: Case) -> None:
    agree(case)
