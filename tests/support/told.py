"""A tool, a workflow, and what is said about a document that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.cwl.load import load
from hyflow.errors import WorkflowError

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: cat\n"
TOOL = HEAD + "inputs: {x: File}\noutputs: {out: stdout}\n"
FLOW = """cwlVersion: v1.2
class: Workflow
inputs: {f: File, many: "File[]", n: int}
outputs: {o: {type: File, outputSource: one/out}}
steps:
  one: {run: tool.cwl, in: {x: f}, out: [out]}
"""


def told(text: str | bytes, name: str = "doc.cwl") -> list[str]:
    """The lines of what is said about a document."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WorkflowError) as caught:
        load(name, cache=None)
    return str(caught.value).splitlines()
