"""The inputs of a run: what is missing is asked for at once, what is wrong is told, files are found with what belongs to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onetool import Disk, Tool, file, folder

from hyflow.errors import InputError
from hyflow.model.facts import Contents, Found, Listing, Stat

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nrequirements: {InlineJavascriptRequirement: {}}\nbaseCommand: c\noutputs: {}\n"


def tool(path: Path, inputs: str, **sizes: int | None) -> Tool:
    made = Tool(path, HEAD + inputs)
    made.disk = Disk({f"file:///d/{name.replace('_', '.')}": size for name, size in sizes.items()})
    return made


def test_defaults_stand_in_for_what_is_missing_or_null(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {a: {type: int, default: 1}, b: {type: 'int?', default: 2}, c: 'string?', d: int}")
    assert made.start(b=None, d=4) == {"a": 1, "b": 2, "c": None, "d": 4}


@pytest.mark.parametrize(("inputs", "what"), [
    ({}, "the input f is missing (expected File)"),
    ({"f": 3}, "f: expected File, found an int (3)"),
    ({"f": "a.txt"}, "f: expected File, found a string ('a.txt')\n  write it as {class: File, path: a.txt}"),
    ({"f": "a b"}, "write it as {class: File, path: \"a b\"}"),
    ({"f": {"path": "a.txt"}}, "f: expected File, found an object\n  add class: File"),
    ({"f": {"class": "file", "path": "a.txt"}}, "f: expected File, found an object of class file\n  did you mean class: File?"),
    ({"f": None}, "f: expected File, found null\n  write it as {class: File, path: FILE}"),
    ({"f": {"class": "File", "location": "file:///d/none"}}, "there is no file at file:///d/none"),
    ({"f": {"class": "File", "location": "file:///d/folder"}}, "f: /d/folder is a directory, not a File\n  name one of its files"),
    ({"f": {"class": "File"}}, "a File object has no location and no contents"),
    ({"f": {"class": "File", "location": "file:///d/a.txt", "basename": "../a"}}, "cannot be the name of a file"),
    ({"f": {"class": "File", "path": "a.txt"}}, "is relative to nothing"),
    ({"f": {"class": "File", "location": "file:///d/a.txt", "secondaryFiles": [{"class": "Directory", "location": "http://ada:hush@h/x"}]}},
     "f.secondaryFiles[0]: a Directory cannot be fetched from the web: http://h/x\n  name its files"),
])
def test_what_is_wrong_with_an_input(tmp_path: Path, inputs: dict[str, Any], what: str) -> None:
    made = tool(tmp_path, "inputs: {f: File}", a_txt=3, folder=None)
    with pytest.raises(InputError) as caught:
        made.start(**inputs)
    assert what in str(caught.value)


def test_all_missing_files_are_told_at_once(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {f: 'File[]'}")
    with pytest.raises(InputError) as caught:
        made.start(f=[file("file:///d/1"), file("file:///d/2")])
    assert str(caught.value) == "f[0]: there is no file at file:///d/1\nf[1]: there is no file at file:///d/2"


def test_files_become_tokens(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {f: File, d: Directory, l: File}", a_txt=3, dir=None)
    assert made.start(f={"class": "File", "path": "/d/a.txt", "nameroot": "x"}, d={"class": "Directory", "location": "file:///d/dir/"},
                      l={"class": "File", "contents": "é", "basename": "lit"}) == {
        "f": {"class": "File", "location": "file:///d/a.txt", "basename": "a.txt", "size": 3},
        "d": {"class": "Directory", "location": "file:///d/dir", "basename": "dir"},
        "l": {"class": "File", "contents": "é", "basename": "lit", "size": 2},
    }


SECONDARY = """
inputs:
  f:
    type: File
    secondaryFiles:
      - .bai
      - ^.idx?
      - {pattern: "$(self.nameroot).x", required: "$(inputs.strict)"}
      - "${ return null; }"
  strict: boolean
"""


def test_secondary_files_are_looked_for_in_one_round(tmp_path: Path) -> None:
    made = tool(tmp_path, SECONDARY, a_bam=1, a_bam_bai=2, a_x=4)
    started = made.start(f=file("file:///d/a.bam", None), strict=True)
    assert started["f"]["secondaryFiles"] == [file("file:///d/a.bam.bai", 2), file("file:///d/a.x", 4)]
    assert made.disk.asked == [Stat("file:///d/a.bam"), Stat("file:///d/a.bam.bai"), Stat("file:///d/a.idx"), Stat("file:///d/a.x")]


def test_a_required_secondary_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"f: the secondary file a\.bam\.bai of /d/a\.bam is missing"):
        tool(tmp_path, SECONDARY, a_bam=1).start(f=file("file:///d/a.bam"), strict=False)
    with pytest.raises(InputError, match=r"the secondary file a\.x of"):
        tool(tmp_path, SECONDARY, a_bam=1, a_bam_bai=1).start(f=file("file:///d/a.bam"), strict=True)
    tool(tmp_path, SECONDARY, a_bam=1, a_bam_bai=1).start(f=file("file:///d/a.bam"), strict=False)


def test_secondary_files_that_are_listed_count(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {f: {type: File, secondaryFiles: [.bai]}}", a_bam=1, elsewhere_bai=2)
    listed = {**file("file:///d/elsewhere.bai", 2), "basename": "a.bam.bai"}
    assert made.start(f=file("file:///d/a.bam", secondaryFiles=[listed]))["f"]["secondaryFiles"] == [listed]


FORMATS = """
$namespaces: {edam: "http://edamontology.org/"}
inputs: {f: {type: File, format: [edam:format_1, edam:format_2]}}
"""


def test_formats_are_checked(tmp_path: Path) -> None:
    made = tool(tmp_path, FORMATS, a=1)
    assert made.start(f=file("file:///d/a", format="edam:format_2"))["f"]["format"] == "http://edamontology.org/format_2"
    with pytest.raises(InputError, match=r"has the format http://edamontology\.org/format_3; one of these is needed"):
        made.start(f=file("file:///d/a", format="edam:format_3"))
    with pytest.raises(InputError, match="says no format"):
        made.start(f=file("file:///d/a"))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    made = tool(tmp_path, """
inputs:
  a: File
  b: int
  c: {type: File, secondaryFiles: [.x]}
  d: string[]
  e: {type: {type: record, name: r, fields: {n: int, s: string}}}
  f: File[]
""", a_txt=1)
    with pytest.raises(InputError) as caught:
        made.start(b="5", c=file("file:///d/a.txt"), d=["x", 1, None], e={"n": 1.5}, f=[file("file:///d/a.txt"), file("file:///d/b"), 3])
    assert [str(each) for each in caught.value.problems] == [
        "the input a is missing (expected File)",
        "b: expected int, found a string ('5')\n  leave the quotes away: 5",
        'd[1]: expected string, found an int (1)\n  put it in quotes: "1"',
        "d[2]: expected string, found null\n  write it as TEXT",
        "e.n: expected int, found a float (1.5)",
        "e: the field 's' is missing (expected string)\n  write it as TEXT",
        "f[2]: expected File, found an int (3)",
        "f[1]: there is no file at file:///d/b",
        "c: the secondary file a.txt.x of /d/a.txt is missing\n  it must lie beside it, or be listed in its secondaryFiles",
    ]


def test_files_without_scripts_are_told_with_the_rest(tmp_path: Path) -> None:
    made = Tool(tmp_path, HEAD.replace("requirements: {InlineJavascriptRequirement: {}}\n", "") + """
inputs: {b: int, c: {type: 'File[]', secondaryFiles: [.x]}, f: {type: File, format: "http://f/1"}}""")
    made.disk = Disk({"file:///d/a": 1, "file:///d/b": 1, "file:///d/b.x": 1})
    with pytest.raises(InputError) as caught:
        made.start(c=[file("file:///d/b"), file("file:///d/a")], f=file("file:///d/a"))
    assert [str(each).splitlines()[0] for each in caught.value.problems] == [
        "the input b is missing (expected int)", "c[1]: the secondary file a.x of /d/a is missing",
        "f: the file a says no format; one of these is needed: http://f/1"]


def test_very_many_missing_files_are_counted(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {f: 'File[]'}")
    with pytest.raises(InputError) as caught:
        made.start(f=[file(f"file:///d/{number}") for number in range(200)])
    assert len(caught.value.problems) == 51
    assert "150 more files or directories are not there" in str(caught.value)


WORKFLOW = """
class: Workflow
requirements: {StepInputExpressionRequirement: {}}
outputs: {}
steps:
  s:
    run: {class: CommandLineTool, baseCommand: c, inputs: {x: string}, outputs: {}}
    in: {f: f, d: d, x: {valueFrom: "$(inputs.f.contents)"}}
    out: []
"""


@pytest.mark.parametrize(("version", "loads"), [
    ("v1.0", "inputBinding: {loadContents: true}"), ("v1.1", "inputBinding: {loadContents: true}"), ("v1.2", "loadContents: true"),
])
def test_a_workflow_loads_contents_and_leaves_listings_to_those_who_look(tmp_path: Path, version: str, loads: str) -> None:
    """The listing that holds by default in v1.0 would otherwise be seen by newer documents that the workflow runs."""
    made = Tool(tmp_path, f"cwlVersion: {version}\ninputs: {{f: {{type: File, {loads}}}, d: Directory}}" + WORKFLOW)
    made.disk = Disk({"file:///d/a": 5, "file:///d/e": None}, {Contents("file:///d/a"): b"hello"})
    assert made.start(f=file("file:///d/a", 5), d=folder("file:///d/e")) == {
        "f": file("file:///d/a", 5, contents="hello"), "d": folder("file:///d/e")}


@pytest.mark.parametrize(("listing", "deep"), [("shallow_listing", False), ("deep_listing", True)])
def test_a_workflow_lists_directories_where_it_says_so(tmp_path: Path, listing: str, deep: bool) -> None:
    made = Tool(tmp_path, f"cwlVersion: v1.2\ninputs: {{f: File, d: {{type: Directory, loadListing: {listing}}}}}" + WORKFLOW)
    entries = (("s", Found("d")), ("s/x", Found("f", 1))) if deep else (("s", Found("d")),)
    made.disk = Disk({"file:///d/a": 5, "file:///d/e": None}, {Listing("file:///d/e", deep): entries})
    inner = folder("file:///d/e/s", listing=[file("file:///d/e/s/x", 1)]) if deep else folder("file:///d/e/s")
    assert made.start(f=file("file:///d/a", 5), d=folder("file:///d/e"))["d"] == folder("file:///d/e", listing=[inner])


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
def test_contents_beyond_64_kib_are_cut_before_v12_and_refused_since(tmp_path: Path, version: str) -> None:
    inputs = "inputs: {f: {type: File, inputBinding: {loadContents: true, valueFrom: $(self.contents)}}}"
    made = Tool(tmp_path, HEAD.replace("v1.2", version) + inputs)
    made.disk = Disk({}, {Contents("file:///d/a"): b"x" * 65_535 + "é".encode()})
    if version == "v1.2":
        with pytest.raises(Exception, match="64 KiB"):
            made.argv(f=file("file:///d/a", 99_999))
    else:
        assert made.argv(f=file("file:///d/a", 99_999)) == ("c", "x" * 65_535)


def test_contents_must_be_text(tmp_path: Path) -> None:
    made = tool(tmp_path, "inputs: {f: {type: File, loadContents: true}}")
    made.disk = Disk({}, {Contents("file:///d/a"): b"\xff\xfe"})
    with pytest.raises(Exception, match="not text in UTF-8"):
        made.demand(f=file("file:///d/a"))
