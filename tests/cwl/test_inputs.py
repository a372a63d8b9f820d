"""Input objects: job files as cwltool reads them, placed files, flags, and every mistake with its line."""

from __future__ import annotations

import functools
import json
import os
import threading
import warnings
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_salad.utils import yaml_no_ts

from hyflow.cwl import inputs, yaml12
from hyflow.cwl.given import Given
from hyflow.cwl.inputs import JobDocument, expand_formats, from_flags, merge, place_defaults, read_job
from hyflow.cwl.processes import InputType
from hyflow.cwl.types import AnyType, parse_type
from hyflow.errors import HyflowError, InputError, UsageError, WorkflowError

HOSTILE = ["plain", "a b", "it's", 'say "x"', "$(x)", "new\nline", "-dash", "100%", "%41", "#1", "what?", "é😀", "a:b", "\\back", "~", "*",
           b"caf\xe9".decode("utf-8", "surrogateescape")]


def job(folder: Path, text: str | bytes, name: str = "job.yml") -> JobDocument:
    """The job, with every mistake in it raised."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return checked(read_job(str(folder / name)))


def checked(read: JobDocument) -> JobDocument:
    given = Given(read)
    mistakes, _ = given.judged([InputType(name, AnyType(), False, "") for name in read.inputs])
    if mistakes:
        raise given.told(InputError(mistakes))
    return read


SCALARS = ["yes", "on", "n", "Off", "true", "True", "FALSE", "~", "null", "", "0o17", "017", "0x1F", "0b11", "1e3", "1.", "-.5", ".inf",
           "-.INF", "1_000", "2001-01-01", "12:30:45", "190:20:30.15", "+12", "1E5", "1e+3", "08", "1.0", "-0", "6.8523015e+5", "0o8",
           "1:2", "_1", "0x", "1e", "a b", "123456789012345678901234567890", "'1'", '"true"', "1.5.2", "v1.2", "=", "!!str 1",
           "!!int '3'", "0.1", "NO", "nulls"]


@pytest.mark.parametrize("scalar", SCALARS)
def test_scalars_are_what_cwltool_reads(scalar: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = yaml_no_ts().load(f"a: {scalar}")["a"]
    value = yaml12.parse(f"a: {scalar}".encode(), "x")["a"]
    if scalar in ("=", "!!str 1"):  # there they become objects of the YAML reader's own
        assert value == scalar[-1]
        return
    assert value == expected
    assert isinstance(value, str) == isinstance(expected, str)
    assert isinstance(value, float) == isinstance(expected, float)
    assert (value is None) == (expected is None)


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(WORDS, JSON))
def test_json_is_read_as_json(value: dict[str, Any]) -> None:
    assert yaml12.parse(json.dumps(value).encode(), "x") == value


def test_json_may_hold_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_text("x")
    value = job(tmp_path, json.dumps({"f": {"class": "File", "path": name}})).inputs["f"]
    assert value == {"class": "File", "location": f"file://{tmp_path}/caf%E9", "basename": name}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_with_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    as_path = job(tmp_path, json.dumps({"f": {"class": "File", "path": name}})).inputs["f"]
    again = job(tmp_path, json.dumps({"f": {"class": "File", "location": as_path["location"]}})).inputs["f"]
    from_here = from_flags(["--f", f"{tmp_path}/{name}"], {"f": parse_type("File")})["f"]
    assert as_path == again == from_here
    assert as_path["basename"] == name
    assert place_defaults({"class": "File", "path": name}, f"file://{tmp_path}/wf.cwl") == as_path


def test_what_becomes_of_file_objects(tmp_path: Path) -> None:
    for name in ("a.txt", "b%20c", "d#e"):
        (tmp_path / name).write_text("x")
    (tmp_path / "dir").mkdir()
    here = f"file://{tmp_path}"
    made = job(tmp_path, """
        relative: {class: File, location: a.txt, nameroot: a, nameext: .txt, dirname: /, format: x:y, size: 1}
        encoded: {class: File, location: b%2520c}
        sharp: {class: File, location: "d#e"}
        path: {class: File, path: b%20c}
        absolute: {class: File, location: "HERE/a.txt", basename: other}
        up: {class: File, path: dir/../a.txt}
        web: {class: File, location: "http://example.org/x%20y.txt?q=1"}
        site: {class: File, location: "site://hpc/project/a%20scan.nii"}
        folder: {class: Directory, location: dir/}
        literal: {class: File, contents: hello, basename: h.txt}
        made: {class: Directory, basename: d, listing: [{class: File, location: a.txt}, {class: File, contents: "", basename: e}]}
        more: {class: File, location: a.txt, secondaryFiles: [{class: File, location: "b%2520c"}, {class: Directory, path: dir}]}
        deep: [{x: [{class: File, path: a.txt}]}]
        text: [a.txt, dir]
        blank: {class: File, location: "_:1", contents: x, basename: y}
    """.replace("HERE", here)).inputs
    a = {"class": "File", "location": f"{here}/a.txt", "basename": "a.txt"}
    assert made == {
        "relative": {**a, "format": "x:y", "size": 1},
        "encoded": {"class": "File", "location": f"{here}/b%2520c", "basename": "b%20c"},
        "sharp": {"class": "File", "location": f"{here}/d%23e", "basename": "d#e"},
        "path": {"class": "File", "location": f"{here}/b%2520c", "basename": "b%20c"},
        "absolute": {**a, "basename": "other"},
        "up": a,
        "web": {"class": "File", "location": "http://example.org/x%20y.txt?q=1", "basename": "x y.txt"},
        "site": {"class": "File", "location": "site://hpc/project/a%20scan.nii", "basename": "a scan.nii"},
        "folder": {"class": "Directory", "location": f"{here}/dir", "basename": "dir"},
        "literal": {"class": "File", "contents": "hello", "basename": "h.txt"},
        "made": {"class": "Directory", "basename": "d", "listing": [a, {"class": "File", "contents": "", "basename": "e"}]},
        "more": {**a, "secondaryFiles": [{"class": "File", "location": f"{here}/b%2520c", "basename": "b%20c"},
                                         {"class": "Directory", "location": f"{here}/dir", "basename": "dir"}]},
        "deep": [{"x": [a]}],
        "text": ["a.txt", "dir"],
        "blank": {"class": "File", "contents": "x", "basename": "y"},
    }


def test_a_literal_without_a_name_is_called_the_same_every_time(tmp_path: Path) -> None:
    first, second = (job(tmp_path, "x: {class: File, contents: hello}").inputs["x"] for _ in range(2))
    assert first == second
    assert first["basename"] != job(tmp_path, "x: {class: File, contents: other}").inputs["x"]["basename"]


def test_what_stands_beside_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    read = job(tmp_path, """
        cwl:tool: sub/wf.cwl
        cwl:requirements: {ResourceRequirement: {coresMin: 2}}
        $namespaces: {edam: "http://edamontology.org/"}
        $schemas: [EDAM.owl]
        x: {class: File, location: x, format: edam:format_1929, secondaryFiles: [{class: File, location: x, format: edam:format_1}]}
        y: edam:z
    """)
    assert read.tool == f"file://{tmp_path}/sub/wf.cwl"
    assert read.requirements == ({"class": "ResourceRequirement", "coresMin": 2},)
    assert read.namespaces == {"edam": "http://edamontology.org/"}
    assert set(read.inputs) == {"x", "y"}
    assert read.inputs["x"]["format"] == "http://edamontology.org/format_1929"
    assert read.inputs["x"]["secondaryFiles"][0]["format"] == "http://edamontology.org/format_1"
    assert read.inputs["y"] == "edam:z"
    assert expand_formats({"class": "File", "format": "http://x/y"}, {"edam": "z"}) == {"class": "File", "format": "http://x/y"}


def test_imports(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f").write_text("")
    (tmp_path / "sub" / "part.yml").write_text("f: {class: File, path: f}\nn: 1\n")
    (tmp_path / "text").write_text("words\n")
    read = job(tmp_path, "a: {$import: sub/part.yml}\nb: [{$include: text}]\nc: {$mixin: sub/part.yml, n: 2}\n").inputs
    placed = {"class": "File", "location": f"file://{tmp_path}/sub/f", "basename": "f"}
    assert read == {"a": {"f": placed, "n": 1}, "b": ["words\n"], "c": {"f": placed, "n": 2}}


@pytest.mark.parametrize(("text", "message"), [
    ("a: 1\nf: {class: File, location: 'http://[abc/x'}", "job.yml:2:28: f.location: 'http://...' is no address"),
    ("a: 1\nb: 2\na: 3\n", "job.yml:3:1: the key 'a' stands twice (first in line 1)"),
    ('{"a": 1,\n "a": 2}', "job.yml:2:2: the key 'a' stands twice"),
    ("a: &a [*a]\n", "an alias stands inside"),
    ("a: !foo x", "job.yml:1:4: the tag !foo is not known"),
    ("a: !!python/object/apply:os.getcwd []", "is not known"),
    ("- 1", "must hold an object"),
    ("a: [1\n", "job.yml:2:1: this is not YAML: a comma or the closing ] is missing (it was opened in line 1)"),
    ("a: {", "job.yml:2:1: this is not YAML: it ends before all its brackets are closed"),
    ("a: b: c", "job.yml:1:5: this is not YAML: a second colon stands in one line"),
    ("a:\n\tb: 1", "job.yml:2:1: this is not YAML: a tab stands where the line is indented\n  indent with spaces"),
    ("a: @x", "job.yml:1:4: this is not YAML: no value may begin with @\n  put the value in quotes"),
    ("a: 'x\n\n", "job.yml:3:1: this is not YAML: a quotation mark is opened and never closed (it was opened in line 1)"),
    ("a: 1\nb", "job.yml:3:1: this is not YAML: this line, or the one before it, is neither `key: value` nor part of a list"),
    ("a:\n  b: 1\n c: 2", "job.yml:3:2: this is not YAML: the indentation fits nothing that stands above"),
    ("a: *b", "job.yml:1:4: this is not YAML: an alias (*name) refers to nothing that stands above"),
    (b"a: caf\xe9", "job.yml:1:7: this is not UTF-8\n  save it as UTF-8"),
    (b"\x7fELF\0\xff", "job.yml:1: this is no text"),
    (b"a: 1\nb: \x07", "job.yml:2:4: this is no text: it holds the control character \\x07"),
    (b"\x1f\x8b\x08", "job.yml: this is a compressed file, not text\n  unpack it first"),
    (f"a: {'9' * 5000}", "job.yml:1:4: this number is too long"),
    ("a: 1\na: 2\nb: !x 1\nb: 2", "job.yml:2:1: the key 'a' stands twice (first in line 1)\nTOP/job.yml:3:4: the tag !x is not known"),
    ("a: 1\n---\nb: 2", "a second document begins here, and one is read"),
    ("a: !!int foo", "is not what its tag says"),
    ("? [1]\n: 2", "a key must be a string"),
    ("x: 1\na:\n  class: File\n", "job.yml:3:3: a: a File needs a location"),
    ("a:\n- {class: Directory}\n", "job.yml:2:3: a[0]: a Directory needs a location"),
    ("a: {class: File}\nb:\n- {class: File, path: [x]}", ":1:4: a: a File needs a location, a path or (as a literal) contents\n"
     "  as in {class: File, path: FILE}\nTOP/job.yml:3:23: b[0].path: path must be a string"),
    ("a: {class: File, location: job.yml/}", "job.yml:1:28: a.location: the location job.yml/ of a File ends in a slash"),
    ("a: {class: File, location: 'http://ada:hush@h/..'}", "http://h/.. gives no name that a file can have"),
    ("a: {class: File, location: 'http://h/x%2Fy'}", "http://h/x%2Fy gives no name that a file can have"),
    ("a: {class: File, path: job.yml, basename: ../x}", "cannot be a basename"),
    ("a: {class: File, path: job.yml, basename: ..}", "cannot be a basename"),
    ("a: {class: File, contents: 3}", "contents must be a string"),
    ("a: {class: File, location: [x]}", "location must be a string"),
    ('a: {class: File, path: "x\\0y"}', "NUL"),
    ("a: {class: File, location: x%00y}", "NUL"),
    ("a: {class: File, location: 'file://other.example/x'}", "another machine"),
    ("a: {class: File, path: job.yml, secondaryFiles: [x]}", "must be a list of File"),
    ("a: {class: Directory, basename: d, listing: [{class: File, path: 3}]}", "job.yml:1:66: a.listing[0].path: path must be a string"),
    ("a: {$import: job.yml}", "job.yml:1:4: this file imports itself"),
    ("a:\n  b: {$import: none.yml}", "job.yml:2:6: TOP/none.yml cannot be read: there is no such file"),
    ("a: {$include: ftp://h/x}", "job.yml:1:4: ftp://h/x cannot be read: only files and http(s) addresses can be read"),
    ("a: {$include: [x]}", "job.yml:1:4: an import needs an address"),
    ("cwl:requirements: [1]", "cwl:requirements must be"),
    ("cwl:tool: [1]", "cwl:tool must be"),
    ("$namespaces: [1]", "$namespaces must be"),
    ("a: " + "{a: " * 300, "nested more than"),
    ("a: " + "[" * 300 + "]" * 300, "nested more than"),
    ('{"a": ' + "[" * 300 + "]" * 300 + "}", "nested more than"),
    ("[" * 200_000, "nested more than"),
    ("- " * 200_000, "nested more than"),
])
def test_mistakes_have_a_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        job(tmp_path, text)
    assert message.replace("TOP", str(tmp_path)) in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Errno", "None", "codec", "Error"))


def test_aliases_may_not_make_a_small_file_huge(tmp_path: Path) -> None:
    text = "x0: &x0 [a, b]\n" + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 9))
    with pytest.raises(InputError, match="aliases make this"):
        job(tmp_path, text)
    with pytest.raises(InputError, match="aliases make this"):
        job(tmp_path, f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 2000)}]")
    assert job(tmp_path, "a: &a {p: 1, q: [2]}\nb: *a\nc: {<<: *a, q: 3}").inputs == {
        "a": {"p": 1, "q": [2]}, "b": {"p": 1, "q": [2]}, "c": {"p": 1, "q": 3}}


def test_an_empty_job_and_a_missing_one(tmp_path: Path) -> None:
    assert job(tmp_path, "").inputs == {}
    assert job(tmp_path, "{}").inputs == {}
    with pytest.raises(UsageError, match=r"none\.yml: the job file cannot be read: there is no such file"):
        read_job(str(tmp_path / "none.yml"))
    with pytest.raises(UsageError, match=r"did you mean .*/job\.yml\?"):
        read_job(str(tmp_path / "jbo.yml"))
    with pytest.raises(UsageError, match="it is a directory"):
        read_job(str(tmp_path))
    with pytest.raises(UsageError, match="a part of its path is a file and no directory"):
        read_job(str(tmp_path / "job.yml" / "x"))
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(UsageError, match="it is a link that leads in a circle"):
        read_job(str(tmp_path / "round"))
    with pytest.raises(UsageError, match="its name is longer than a name can be"):
        read_job(str(tmp_path / ("x" * 300)))


def test_a_job_that_does_not_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_LARGEST", 1 << 20)
    with pytest.raises(UsageError, match="it is larger than 1 MiB"):
        read_job("/dev/zero")


def test_devices_are_no_files_but_nothing_is(tmp_path: Path) -> None:
    """As people write it for a file that is not there."""
    assert job(tmp_path, "a: {class: File, path: /dev/null}").inputs["a"] == {"class": "File", "contents": "", "basename": "null"}


def test_a_job_may_be_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_text("")
    (tmp_path / "my job.yml").write_text("a: {class: File, path: f}")
    assert read_job("my job.yml") == read_job(f"file://{tmp_path}/my%20job.yml")
    (tmp_path / "bad.yml").write_text("a: {class: File, path: 3}")
    with pytest.raises(InputError, match=r"^bad.yml:1:24: a.path: path must be a string"):
        checked(read_job("bad.yml"))


def test_a_job_may_come_from_afar_but_may_not_name_our_files(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("a: {class: File, location: d/x}\nb: {$import: more.yml}\n")
    (tmp_path / "more.yml").write_text("1\n")
    (tmp_path / "bad.yml").write_text("a:\n  class: File\n  location: file:///etc/passwd\n")
    (tmp_path / "worse.yml").write_text("a: {$include: 'file:///etc/passwd'}\n")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            assert read_job(f"{base}/job.yml").inputs == {"a": {"class": "File", "location": f"{base}/d/x", "basename": "x"}, "b": 1}
            for name in ("bad", "worse"):
                with pytest.raises(InputError, match="may not name the local file"):
                    checked(read_job(f"{base}/{name}.yml"))
            with pytest.raises(UsageError, match=r"none\.yml: the job file cannot be read: the server answers 404"):
                read_job(f"{base}/none.yml")
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_defaults_need_not_be_there_but_remote_ones_may_not_be_ours() -> None:
    assert place_defaults([{"class": "File", "location": "x y"}], "file:///w/wf.cwl#main") == [
        {"class": "File", "location": "file:///w/x%20y", "basename": "x y"}]
    assert place_defaults({"class": "File", "location": "d/x"}, "https://example.org/a/wf.cwl") == {
        "class": "File", "location": "https://example.org/a/d/x", "basename": "x"}
    with pytest.raises(WorkflowError, match="may not name the local file"):
        place_defaults({"class": "File", "location": "file:///etc/passwd"}, "https://example.org/a/wf.cwl")
    with pytest.raises(WorkflowError, match=r"wf\.cwl: a default cannot be used"):
        place_defaults({"class": "File"}, "file:///w/wf.cwl")


def test_merge() -> None:
    assert merge({"a": 1, "b": 2}, {"b": 3}, {}) == {"a": 1, "b": 3}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_it_fall_over(data: bytes) -> None:
    try:
        yaml12.parse(data, "x")
    except HyflowError as error:
        assert os.fsencode(str(error)) is not None
