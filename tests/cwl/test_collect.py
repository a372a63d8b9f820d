"""From what an attempt left to outputs: globs, expressions, cwl.output.json, links, secondary files, types; and how versions differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onetool import Disk, Tool, file, folder, left, left_folder

from hyflow.cwl.processes import OutputError
from hyflow.errors import WorkflowError
from hyflow.model.facts import Checksum, Contents, Found, Listing
from hyflow.model.tasks import Entry, EntryKind

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nrequirements: {InlineJavascriptRequirement: {}}\nbaseCommand: c\n"
SUM = "sha1$" + "a" * 40


def tool(path: Path, output: str, inputs: str = "{}", version: str = "v1.2") -> Tool:
    return Tool(path, HEAD.replace("v1.2", version) + f"inputs: {inputs}\noutputs: {{o: {output}}}\n")


def there(path: str, size: int = 1, **more: Any) -> dict[str, Any]:
    """The token of a file that lies in the output directory."""
    return file(f"site://far/job/out/{path}", size, checksum=SUM, **more)


def test_a_file(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: File, outputBinding: {glob: '*.txt'}}")
    assert made.collect(left("a b.txt", 5), matches=(("a b.txt",),)) == {"o": {**there("a%20b.txt", 5), "basename": "a b.txt"}}


@pytest.mark.parametrize(("type_", "names", "outputs"), [
    ("'File[]'", ["a", "b"], [there("a"), there("b")]),
    ("'File[]'", [], []),
    ("'File?'", [], None),
    ("'File?'", ["a"], there("a")),
    ("[File, {type: array, items: File}]", ["a"], there("a")),
    ("[File, {type: array, items: File}]", ["a", "b"], [there("a"), there("b")]),
    ("'File[]?'", [], None),
])
def test_what_a_glob_matches_becomes_what_the_type_says(tmp_path: Path, type_: str, names: list[str], outputs: Any) -> None:
    made = tool(tmp_path, f"{{type: {type_}, outputBinding: {{glob: '*'}}}}")
    assert made.collect(*map(left, names), matches=(tuple(names),)) == {"o": outputs}


@pytest.mark.parametrize(("type_", "names", "what"), [
    ("File", [], "6:49: the output o: nothing matches '*'; the command left no files"),
    ("File", ["a", "b"], "6:49: the output o: one file is expected, 2 match '*': 'a', 'b'"),
    ("Directory", ["a"], "6:54: the output o does not fit: expected Directory, found a File"),
    ("int", ["a"], "6:48: the output o does not fit: expected int, found a list"),
])
def test_what_does_not_fit(tmp_path: Path, type_: str, names: list[str], what: str) -> None:
    made = tool(tmp_path, f"{{type: {type_}, outputBinding: {{glob: '*'}}}}")
    with pytest.raises(OutputError) as caught:
        made.collect(*map(left, names), matches=(tuple(names),))
    assert str(caught.value).partition("\n")[0] == f"{tmp_path}/tool.cwl:{what}"


def test_contents_and_the_exit_code_for_expressions(tmp_path: Path) -> None:
    binding = "{glob: n, loadContents: true, outputEval: '$(parseInt(self[0].contents) + runtime.exitCode)'}"
    made = tool(tmp_path, f"{{type: int, outputBinding: {binding}}}")
    assert made.collect(left("n", 2, contents=b"41"), matches=(("n",),)) == {"o": 41}
    made.disk = Disk({}, {Contents("site://far/job/out/n"): b"7"})
    assert made.collect(left("n", 2), matches=(("n",),)) == {"o": 7}


@pytest.mark.parametrize(("version", "known"), [("v1.0", False), ("v1.1", True), ("v1.2", True)])
def test_the_exit_code_came_with_v11(tmp_path: Path, version: str, known: bool) -> None:
    made = tool(tmp_path, "{type: boolean, outputBinding: {outputEval: $(runtime.exitCode === undefined)}}", version=version)
    assert made.collect() == {"o": not known}


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
def test_contents_beyond_64_kib(tmp_path: Path, version: str) -> None:
    binding = "{glob: n, loadContents: true, outputEval: '$(self[0].contents.length)'}"
    made = tool(tmp_path, f"{{type: int, outputBinding: {binding}}}", version=version)
    entry = left("n", 70_000, contents=b"x" * 65_537)
    if version == "v1.2":
        with pytest.raises(WorkflowError, match="the output o: n holds more than 64 KiB"):
            made.collect(entry, matches=(("n",),))
    else:
        assert made.collect(entry, matches=(("n",),)) == {"o": 65_536}


def test_files_that_an_expression_renames_or_makes(tmp_path: Path) -> None:
    made = tool(tmp_path, """{type: 'File[]', outputBinding: {glob: '*', outputEval:
      "${ self[0].basename = 'new';
          return [self[0], {class: 'File', basename: 'lit', contents: 'x'}, {class: 'File', path: 'sub/b'}]; }"}}""")
    made.disk = Disk({}, {Checksum("site://far/job/out/sub/b"): "b" * 40})
    entries = [left("a"), left_folder("sub"), left("sub/b", 3, sha1=None)]
    assert made.collect(*entries, matches=(("a", "sub"),)) == {"o": [
        {**there("a"), "basename": "new"}, {"class": "File", "basename": "lit", "contents": "x"},
        {**there("sub/b", 3), "checksum": "sha1$" + "b" * 40}]}


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "none", "/job/in/../../etc/passwd"])
def test_files_that_lie_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    made = tool(tmp_path, "File")
    given = json.dumps({"o": {"class": "File", "path": path}}).encode()
    with pytest.raises(OutputError, match=r"lies neither in the output directory nor among the inputs|there is no none"):
        made.collect(output_json=given)


def test_inputs_pass_through(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: 'File[]', outputBinding: {outputEval: '$([inputs.f, inputs.d.listing[0]])'}}",
                "{f: File, d: {type: Directory, loadListing: shallow_listing}}")
    made.disk = Disk({}, {Listing("file:///d/e", False): (("x", Found("f", 4)),)})
    assert made.collect(f=file("file:///d/a"), d=folder("file:///d/e")) == {"o": [file("file:///d/a"), file("file:///d/e/x", 4)]}


OUTPUT_JSON = {
    "o": [
        {"class": "File", "path": "a"}, {"class": "File", "location": "sub/b", "basename": "c"}, {"class": "File", "path": "/job/out/a"},
        {"class": "File", "path": "/job/in/1/in.txt"}, {"class": "File", "location": "file:///d/in.txt"},
        {"class": "File", "basename": "lit", "contents": "x"},
    ],
    "undeclared": 1,
}


def test_cwl_output_json_counts_for_all(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: 'File[]', outputBinding: {glob: nothing}}", "{f: File}")
    outputs = made.collect(left("a"), left_folder("sub"), left("sub/b", 2), matches=((),), output_json=json.dumps(OUTPUT_JSON).encode(),
                           f=file("file:///d/in.txt", 7))
    known = file("file:///d/in.txt", 7)
    assert outputs == {"o": [there("a"), {**there("sub/b", 2), "basename": "c"}, there("a"), known,
                             {"class": "File", "location": "file:///d/in.txt", "basename": "in.txt"},
                             {"class": "File", "basename": "lit", "contents": "x"}]}


@pytest.mark.parametrize(("text", "what"), [
    (b"{", r"cwl\.output\.json is not JSON"), (b"[]", "must hold an object"), (b"{}", "does not fit: expected int"),
])
def test_a_cwl_output_json_that_is_wrong(tmp_path: Path, text: bytes, what: str) -> None:
    with pytest.raises(OutputError, match=what):
        tool(tmp_path, "int").collect(output_json=text)


def test_links_lead_back_to_what_they_show(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: {type: array, items: [File, Directory]}, outputBinding: {glob: '*'}}", "{f: File, d: Directory}")
    names = ("copy", "dir", "deep", "own")
    outputs = made.collect(
        left("copy", real="/data/d/a"), left_folder("dir", real="/data/d/e"), left("deep", real="/data/d/e/x y"),
        left("own", real="/job/out/sub/x"), left("sub/x"), matches=(names,), f=file("file:///d/a"), d=folder("file:///d/e"))
    assert [item["location"] for item in outputs["o"]] == ["file:///d/a", "file:///d/e", "file:///d/e/x%20y", "site://far/job/out/sub/x"]
    assert [item["basename"] for item in outputs["o"]] == list(names)


@pytest.mark.parametrize("real", ["/etc/passwd", "/data/d/a2", "/job2/x"])
def test_links_that_lead_outside_are_refused(tmp_path: Path, real: str) -> None:
    made = tool(tmp_path, "{type: File, outputBinding: {glob: '*'}}", "{f: File}")
    with pytest.raises(OutputError, match=f"the output o: x is a link that leads outside, to {real}"):
        made.collect(left("x", real=real), matches=(("x",),), f=file("file:///d/a"))


def test_dangling_links_and_pipes_do_not_count(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: 'File[]', outputBinding: {glob: '*'}}")
    entries = [Entry("l", EntryKind.DANGLING), Entry("p", EntryKind.OTHER), left("a")]
    assert made.collect(*entries, matches=(("a", "l", "p"),)) == {"o": [there("a")]}


def test_secondary_files(tmp_path: Path) -> None:
    made = tool(tmp_path, """{type: File, outputBinding: {glob: sub/a.bam}, secondaryFiles: [
      .bai, ^.idx, {pattern: .need, required: true}, "$(self.nameroot).x", "$([{class: 'File', location: self.location + '.loc'}])"]}""")
    entries = [left_folder("sub"), *(left(f"sub/a.{end}") for end in ("bam", "bam.bai", "bam.need", "x", "bam.loc"))]
    matches = (("sub/a.bam",),)
    assert made.collect(*entries, matches=matches) == {"o": there("sub/a.bam", secondaryFiles=[
        there("sub/a.bam.bai"), there("sub/a.bam.need"), there("sub/a.x"), there("sub/a.bam.loc")])}
    with pytest.raises(OutputError, match=r"the output o: the secondary file a\.bam\.need of a\.bam is missing"):
        made.collect(left_folder("sub"), left("sub/a.bam"), matches=matches)


def test_formats(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: 'File[]', outputBinding: {glob: '*'}, format: 'http://x.org/$(self.nameext)'}")
    outputs = made.collect(left("a.b"), left("c.d"), matches=(("a.b", "c.d"),))
    assert [item["format"] for item in outputs["o"]] == ["http://x.org/.b", "http://x.org/.d"]


@pytest.mark.parametrize(("listing", "children"), [
    ("no_listing", None),
    ("shallow_listing", [folder("site://far/job/out/d/s"), there("d/x")]),
    ("deep_listing", [folder("site://far/job/out/d/s", listing=[there("d/s/y")]), there("d/x")]),
])
def test_directories(tmp_path: Path, listing: str, children: Any) -> None:
    made = tool(tmp_path, f"{{type: Directory, outputBinding: {{glob: d, loadListing: {listing}}}}}")
    expected = folder("site://far/job/out/d") if children is None else folder("site://far/job/out/d", listing=children)
    entries = [left_folder("d"), left("d/x"), left_folder("d/s"), left("d/s/y")]
    assert made.collect(*entries, matches=(("d",),)) == {"o": expected}


def test_the_output_directory_itself(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: Directory, outputBinding: {glob: .}}")
    assert made.collect(left("a"), matches=((".",),)) == {"o": {"class": "Directory", "location": "site://far/job/out", "basename": "out"}}


def test_fields_of_a_record(tmp_path: Path) -> None:
    made = tool(tmp_path, """{type: {type: record, name: r, fields: {
      f: {type: File, outputBinding: {glob: f}}, n: {type: int, outputBinding: {outputEval: "$(1 + 1)"}}, z: {type: 'string?'}}}}""")
    assert made.collect(left("f"), matches=(("f",),)) == {"o": {"f": there("f"), "n": 2, "z": None}}


def test_the_same_file_by_two_globs_counts_once(tmp_path: Path) -> None:
    made = tool(tmp_path, "{type: 'File[]', outputBinding: {glob: [a, '*']}}")
    assert made.collect(left("a"), left("b"), matches=(("a",), ("a", "b"))) == {"o": [there("a"), there("b")]}


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = b"caf\xe9 #?%.txt".decode("utf-8", "surrogateescape")
    made = tool(tmp_path, "{type: File, outputBinding: {glob: '*'}}")
    assert made.collect(left(name), matches=((name,),)) == {"o": {**there("caf%E9%20%23%3F%25.txt"), "basename": name}}
