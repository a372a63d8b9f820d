"""What cwltool knows of CWL, kept on disk: documents are read the same with it, and what is broken or foreign is not used."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cwltool import process

from hyflow import plain
from hyflow.cwl import schemas
from hyflow.cwl.load import load
from hyflow.errors import WorkflowError

TOOL = """cwlVersion: {version}
class: CommandLineTool
baseCommand: echo
inputs:
  word: {{type: string, inputBinding: {{}}}}
  reads: {{type: File?, format: "http://edamontology.org/format_1930", secondaryFiles: [.fai]}}
outputs:
  said: {{type: stdout}}
"""
WORKFLOW = """cwlVersion: {version}
class: Workflow
inputs: {{word: string}}
outputs: {{said: {{type: File, outputSource: b/said}}}}
steps:
  a: {{run: tool.cwl, in: {{word: word}}, out: [said]}}
  b: {{run: tool.cwl, in: {{word: word}}, out: [said]}}
"""


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """cwltool as it is when a process begins."""
    monkeypatch.setattr(process, "SCHEMA_CACHE", {})
    for name in ("SCHEMA_ANY", "SCHEMA_FILE", "SCHEMA_DIR"):
        monkeypatch.setattr(process, name, None)


def forget() -> None:
    process.SCHEMA_CACHE.clear()
    process.SCHEMA_ANY = process.SCHEMA_FILE = process.SCHEMA_DIR = None


def written(tmp_path: Path, version: str) -> Path:
    (tmp_path / "tool.cwl").write_text(TOOL.format(version=version))
    (tmp_path / "flow.cwl").write_text(WORKFLOW.format(version=version))
    return tmp_path / "flow.cwl"


@pytest.mark.parametrize("version", ["v1.0", "v1.2"])
def test_a_document_compiles_to_the_same_from_either(tmp_path: Path, version: str, forgetful: None) -> None:
    flow, cache = written(tmp_path, version), tmp_path / "cache"
    without = plain.dumps(load(str(flow), cache=None))
    forget()
    load(str(flow), cache=cache)
    kept = sorted(cache.glob("*.pickle"))
    assert len(kept) == 2
    for entry in cache.glob("*.json"):
        entry.unlink()
    forget()
    before = [path.stat().st_mtime_ns for path in kept]
    assert plain.dumps(load(str(flow), cache=cache)) == without
    assert [path.stat().st_mtime_ns for path in kept] == before


def test_a_mistake_is_told_the_same_from_either(tmp_path: Path, forgetful: None) -> None:
    flow, cache = written(tmp_path, "v1.2"), tmp_path / "cache"
    load(str(flow), cache=cache)
    tool = tmp_path / "tool.cwl"
    tool.write_text(tool.read_text().replace("type: string", "type: strnig").replace("baseCommand", "baseComand"))
    told = []
    for where in (None, cache):
        forget()
        with pytest.raises(WorkflowError) as refused:
            load(str(tool), cache=where)
        told.append(str(refused.value))
    assert told[0] == told[1]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file that is in order."""
    cache = tmp_path / "cache"
    cache.mkdir(0o700)
    file = cache / "kept.pickle"
    file.write_bytes(pickle.dumps(dict.fromkeys(["ctx", "graph", "cache", "names", "types"])))
    file.chmod(0o600)
    assert schemas.read(file) is not None
    return file


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x05N.", b"\x80\x05}.", b"cos\nnone\n."])
def test_what_is_broken_is_not_used(kept: Path, content: bytes) -> None:
    kept.write_bytes(content)
    assert schemas.read(kept) is None


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_could_have_written_is_not_used(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    assert schemas.read(kept) is None
    kept.chmod(0o600)
    kept.parent.chmod(0o770)
    assert schemas.read(kept) is None
