"""InitialWorkDirRequirement in all its forms, and how versions differ in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from onetool import Tool, file, folder

from hyflow.cwl.processes import Bound
from hyflow.errors import UnsupportedRequirement, WorkflowError
from hyflow.model.facts import Listing
from hyflow.model.tasks import Stage, StageKind

LINK, COPY, WRITE, MKDIR = StageKind.LINK, StageKind.COPY, StageKind.WRITE, StageKind.MKDIR
A = file("file:///d/a.txt", secondaryFiles=[file("file:///d/a.txt.i")])
D = folder("file:///d/dir")


def bound(path: Path, listing: str, more: str = "", version: str = "v1.2") -> Bound:
    text = f"""
cwlVersion: {version}
class: CommandLineTool
baseCommand: c
requirements:
  InlineJavascriptRequirement: {{}}
  InitialWorkDirRequirement:
    listing: {json.dumps(listing) if listing.startswith("$") else listing}
  {more}
inputs: {{f: {{type: File, inputBinding: {{}}}}, many: "File[]", d: Directory, n: "Any?"}}
outputs: {{}}
"""
    tool = Tool(path, text)
    tool.disk.facts = {Listing("file:///d/dir", True): ()}
    return tool.bind(f=A, many=[file("file:///1/x"), file("file:///2/x")], d=D, n={"k": [1]})


def laid(path: Path, listing: str, more: str = "", version: str = "v1.2") -> tuple[Stage, ...]:
    """What is staged into the output directory."""
    return tuple(stage for stage in bound(path, listing, more, version).task.stage if stage.target.startswith("out/"))


@pytest.mark.parametrize(("listing", "stages"), [
    ("[$(inputs.f)]", [Stage(LINK, "out/a.txt", "/data/d/a.txt"), Stage(LINK, "out/a.txt.i", "/data/d/a.txt.i")]),
    ("[{entry: $(inputs.f), entryname: b.txt}]",
     [Stage(LINK, "out/b.txt", "/data/d/a.txt"), Stage(LINK, "out/a.txt.i", "/data/d/a.txt.i")]),
    ("[{entry: $(inputs.f), writable: true}]",
     [Stage(COPY, "out/a.txt", "/data/d/a.txt", writable=True), Stage(COPY, "out/a.txt.i", "/data/d/a.txt.i", writable=True)]),
    ("[{entry: $(inputs.d), entryname: sub/./name, writable: true}]",
     [Stage(COPY, "out/sub/name", "/data/d/dir", directory=True, writable=True)]),
    ("[$(inputs.many)]", [Stage(LINK, "out/x", "/data/1/x"), Stage(LINK, "out/x_2", "/data/2/x")]),
    ("[{entry: $(inputs.many), writable: true}]",
     [Stage(COPY, "out/x", "/data/1/x", writable=True), Stage(COPY, "out/x_2", "/data/2/x", writable=True)]),
    ("$(inputs.many)", [Stage(LINK, "out/x", "/data/1/x"), Stage(LINK, "out/x_2", "/data/2/x")]),
    ("$([null, inputs.d, [inputs.many[0]]])", [Stage(LINK, "out/dir", "/data/d/dir", directory=True), Stage(LINK, "out/x", "/data/1/x")]),
    ("[{entry: $(null), entryname: x}, $(null)]", []),
    ("[{entryname: t, entry: ' two $(inputs.f.basename) '}]", [Stage(WRITE, "out/t", text=" two a.txt ")]),
    ("[{entryname: '$(inputs.f.nameroot).j', entry: $(inputs.n)}]", [Stage(WRITE, "out/a.j", text='{"k": [1]}')]),
    ("[{entryname: e, entry: '$([])'}]", [Stage(WRITE, "out/e", text="[]")]),
    ("$([{entryname: 'q', entry: 'text'}, {'class': 'File', basename: 'r', contents: 'more', writable: true}])",
     [Stage(WRITE, "out/q", text="text"), Stage(WRITE, "out/r", text="more")]),
    ("$([{'class': 'Directory', basename: 'made', listing: [inputs.f, {'class': 'Directory', basename: 'deep', listing: []}]}])",
     [Stage(MKDIR, "out/made"), Stage(LINK, "out/made/a.txt", "/data/d/a.txt"), Stage(LINK, "out/made/a.txt.i", "/data/d/a.txt.i"),
      Stage(MKDIR, "out/made/deep")]),
    ("[$(inputs.f), $(inputs.f)]", [Stage(LINK, "out/a.txt", "/data/d/a.txt"), Stage(LINK, "out/a.txt.i", "/data/d/a.txt.i")]),
    ("[$(inputs.d), {entryname: dir/more, entry: text}]",
     [Stage(COPY, "out/dir", "/data/d/dir", directory=True), Stage(WRITE, "out/dir/more", text="text")]),
    ("$([{'class': 'File', location: inputs.d.location + '/in it', basename: 'y'}])", [Stage(LINK, "out/y", "/data/d/dir/in it")]),
    ("$([{'class': 'File', path: inputs.f.path, basename: 'z'}])",
     [Stage(LINK, "out/z", "/data/d/a.txt"), Stage(LINK, "out/a.txt.i", "/data/d/a.txt.i")]),
    ("$([{'class': 'File', location: 'file:///else/where'}])", [Stage(LINK, "out/where", "/data/else/where")]),
])
def test_a_listing(tmp_path: Path, listing: str, stages: list[Stage]) -> None:
    assert laid(tmp_path, listing) == tuple(stages)


def test_what_is_staged_has_its_path_there(tmp_path: Path) -> None:
    made = bound(tmp_path, "[{entry: $(inputs.f), entryname: sub/b.dat}, $(inputs.d)]")
    assert made.task.argv == ("c", "/job/out/sub/b.dat")
    expected = {**A, "path": "/job/out/sub/b.dat", "dirname": "/job/out/sub", "basename": "b.dat", "nameroot": "b", "nameext": ".dat",
                "secondaryFiles": [{**file("file:///d/a.txt.i"), "path": "/job/out/sub/a.txt.i", "dirname": "/job/out/sub",
                                    "nameroot": "a.txt", "nameext": ".i"}]}
    assert made.inputs["f"] == expected
    assert made.inputs["d"] == {**D, "path": "/job/out/dir"}


def test_updating_in_place_links_what_may_be_written(tmp_path: Path) -> None:
    listing = "[{entry: $(inputs.d), writable: true}]"
    in_place, copied = (Stage(kind, "out/dir", "/data/d/dir", directory=True, writable=True) for kind in (LINK, COPY))
    assert laid(tmp_path, listing, "InplaceUpdateRequirement: {inplaceUpdate: true}") == (in_place,)
    assert laid(tmp_path, listing, "InplaceUpdateRequirement: {inplaceUpdate: false}") == (copied,)


@pytest.mark.parametrize(("listing", "what"), [
    ("[{entry: x, entryname: ../x}]", "the name '../x' leads out of the output directory"),
    ("[{entry: x, entryname: a/../..}]", "leads out of the output directory"),
    ("[{entry: x, entryname: /etc/passwd}]", "the name '/etc/passwd' must be relative: only in a container"),
    ("$([{'class': 'File', basename: '../../x', contents: ''}])", "leads out of the output directory"),
    ("$([{'class': 'Directory', basename: 'd', listing: [{'class': 'File', basename: '../x', contents: ''}]}])",
     "'../x' cannot be the name of a file"),
    ("[{entry: x, entryname: $(7)}]", "an entryname must be a string"),
    ("[{entry: x}]", "an entry that is text needs an entryname"),
    ("[{entry: $(inputs.many), entryname: x}]", "entryname cannot name several files"),
    ("$([{'class': 'File', path: '/etc/passwd'}])", "/etc/passwd is the path of no input"),
    ("$('text')", "the listing must be a list"),
    ("[$(7)]", "expected a File, a Directory or a Dirent, found 7"),
])
def test_what_cannot_be_laid_out(tmp_path: Path, listing: str, what: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        laid(tmp_path, listing)
    assert what in str(caught.value)
    assert f"{tmp_path}/tool.cwl:8:" in str(caught.value) or "cannot be the name" in what


def test_an_absolute_name_needs_a_container(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedRequirement, match="needs a container"):
        laid(tmp_path, "[{entry: x, entryname: /opt/x}]", "DockerRequirement: {dockerPull: x}")


@pytest.mark.parametrize(("version", "listing", "what"), [
    ("v1.0", "[{entry: $(inputs.many)}]", "an entry cannot be a list in CWL v1.0"),
    ("v1.0", "$([[inputs.f]])", "expected a File, a Directory or a Dirent"),
    ("v1.0", "[{entryname: x, entry: $(inputs.n)}]", "an entry must be text, a File or a Directory in CWL v1.0"),
    ("v1.1", "[{entryname: x, entry: $(inputs.n)}]", "an entry must be text, a File or a Directory in CWL v1.1"),
    ("v1.1", "$([null])", "expected a File, a Directory or a Dirent, found None"),
    ("v1.1", "[{entryname: /x, entry: x}]", "must be relative in CWL v1.1"),
])
def test_older_versions_allow_less(tmp_path: Path, version: str, listing: str, what: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        laid(tmp_path, listing, "DockerRequirement: {dockerPull: x}", version)
    assert what in str(caught.value)
