"""Whatever stands in a job or deployment file, hyflow says what is wrong in one clean message, or takes it; it never hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import corpus
import pytest
from complaint import check, told
from fuzzing import wrong_deployments, wrong_jobs
from generated import examples
from hypothesis import example
from hypothesis import given as drawn

from hyflow import deployment
from hyflow.cli.inputs import accepted, given_by, located
from hyflow.cwl.inputs import JobDocument, read_job
from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes
from hyflow.run import check_inputs

TAKES_ALL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: "true"
inputs:
  files: File[]?
  file: {type: File?, secondaryFiles: [.s?], loadContents: true}
  folder: {type: Directory?, loadListing: deep_listing}
  inp1: Any?
  p: {type: [int, string, "null"]}
  r: {type: ["null", {type: record, fields: {a: string, b: 'int?'}}]}
  l: long?
  e: {type: ["null", {type: enum, symbols: [a, b]}]}
outputs: {}
"""

ON_THE_WEB = b"""
files:
  - {class: File, location: "http://127.0.0.1:1/a", secondaryFiles: [{class: File, location: "http://127.0.0.1:1/b"}]}
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory where all lies that a file of the suite may name."""
    return corpus.linked(tmp_path_factory.mktemp("fuzz") / "suite")


@pytest.fixture(scope="module")
def processes(beside: Path) -> Processes:
    """A tool with inputs of many types."""
    (beside / "takes.cwl").write_text(TAKES_ALL, encoding="utf-8")
    return Processes(load(str(beside / "takes.cwl"), cache=None))


def held(processes: Processes, job: JobDocument) -> None:
    """The job against the types of the tool: under the names that it says, and under those that the tool has."""
    names = [port.name for port in processes.input_types()]
    for each in (job, replace(job, inputs=dict(zip(names, job.inputs.values(), strict=False)))):
        told(lambda each=each: taken(processes, each))


def taken(processes: Processes, job: JobDocument) -> None:
    """All that is asked of inputs before something runs."""
    given = given_by(job, (), processes)
    inputs = accepted(given, processes, check)
    with located(given):
        asyncio.run(check_inputs(processes, inputs))


@examples(250)
@drawn(job=wrong_jobs())
@example(job=b'{"file": {"class": "File", "location": "gopher://x/y"}}')
@example(job=ON_THE_WEB)
@example(job=b'{"file": {"class": "File", "path": "http://["}}')
def test_job_files(beside: Path, processes: Processes, job: bytes) -> None:
    path = beside / "fuzzed.yml"
    path.write_bytes(job)
    document = told(lambda: read_job(str(path)))
    if document is not None:
        held(processes, document)


@examples(250)
@drawn(file=wrong_deployments())
def test_deployment_files(tmp_path_factory: pytest.TempPathFactory, file: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed-deployment.yml"
    path.write_bytes(file)
    read = told(lambda: deployment.read(str(path)))
    if read is not None:
        told(lambda: read.check_steps(("/align", "/train/fit")))
