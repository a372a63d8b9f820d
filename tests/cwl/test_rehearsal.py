"""The command of a job before its data is anywhere."""

from __future__ import annotations

from pathlib import Path

from onetool import RESOURCES, Tool, file, folder

from hyflow.cwl.rehearsal import DIRECTORY
from hyflow.model.facts import Listing
from hyflow.model.jobs import Job, JobId
from hyflow.model.tasks import Task
from hyflow.shell.executables import Command, command_of

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: own
requirements:
  InitialWorkDirRequirement: {listing: [$(inputs.a), {entryname: text, entry: $(inputs.s)}]}
  EnvVarRequirement: {envDef: {PATH: /opt/bin}}
arguments: [/opt/script.py, $(runtime.outdir), --db=/data/db, $(runtime.cores)]
inputs:
  a: {type: File, inputBinding: {}}
  d: {type: Directory, loadListing: deep_listing, inputBinding: {}}
  s: {type: string, inputBinding: {}}
outputs: {o: {type: File, outputBinding: {glob: o}}}
"""


def test_a_rehearsal(tmp_path: Path) -> None:
    tool = Tool(tmp_path, TOOL)
    tool.disk.facts = {Listing("site://far/d", True): ()}
    inputs = {"a": file("http://h/a.txt"), "d": folder("site://far/d"), "s": "/etc/x"}
    demand = tool.demand(**inputs)
    job = Job(JobId("/tool"), tool.process, inputs)
    task: Task = tool.disk.settle(lambda facts: tool.processes.rehearse(job, demand, RESOURCES, facts))
    assert len(task.argv) == len(tool.argv(**inputs))
    assert command_of(task.argv, [DIRECTORY], task.environment) == Command(
        "own", ("/opt/script.py", "/data/db", "/etc/x"), "/opt/bin")
    assert set(demand.sources) == {"http://h/a.txt", "site://far/d"}
