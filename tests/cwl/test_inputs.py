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

from hyflow.cwl import yaml12
from hyflow.cwl.inputs import JobDocument, expand_formats, from_flags, merge, place_defaults, read_job
from hyflow.cwl.types import Type, parse_type
from hyflow.errors import HyflowError, InputError, UsageError, WorkflowError

HOSTILE = ["plain", "a b", "it's", 'say "x"', "$(x)", "new\nline", "-dash", "100%", "%41", "#1", "what?", "é😀", "a:b", "\\back", "~", "*",
           b"caf\xe9".decode("utf-8", "surrogateescape")]


def job(folder: Path, text: str | bytes, name: str = "job.yml") -> JobDocument:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_job(str(folder / name))


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
    ("a: 1\nf: {class: File, location: 'http://[abc/x'}", ":2: f: 'http://[abc/x' is no address"),
    ("a: 1\nb: 2\na: 3\n", "job.yml:3:1: the key 'a' stands twice"),
    ('{"a": 1,\n "a": 2}', "job.yml:2:2: the key 'a' stands twice"),
    ("a: &a [*a]\n", "an alias stands inside"),
    ("a: !foo x", "job.yml:1:4: the tag !foo is not known"),
    ("a: !!python/object/apply:os.getcwd []", "is not known"),
    ("- 1", "must hold an object"),
    ("a: [1\n", "job.yml:2:1: this is not YAML"),
    (b"a: \xff", "job.yml:1: this is not UTF-8"),
    ("a: 1\n---\nb: 2", "not YAML"),
    ("a: !!int foo", "is not what its tag says"),
    ("? [1]\n: 2", "a key must be a string"),
    ("x: 1\na:\n  class: File\n", "job.yml:3: a: a File needs a location"),
    ("a:\n- {class: Directory}\n", "job.yml:2: a: a Directory needs a location"),
    ("a: 1\nb:\n  - class: File\n    path: missing\n", "job.yml:3: b: the file "),
    ('{"a": 1,\n"b": {"class": "File",\n"path": "missing"}}', "job.yml:2: b: the file "),
    ("a: {class: File, path: .}", "is a directory, not a File"),
    ("a: {class: Directory, path: job.yml}", "is a file, not a Directory"),
    ("a: {class: File, location: job.yml/}", "ends in a slash"),
    ("a: {class: File, path: job.yml, basename: ../x}", "cannot be a basename"),
    ("a: {class: File, path: job.yml, basename: ..}", "cannot be a basename"),
    ("a: {class: File, contents: 3}", "contents must be a string"),
    ("a: {class: File, location: [x]}", "location must be a string"),
    ('a: {class: File, path: "x\\0y"}', "NUL"),
    ("a: {class: File, location: x%00y}", "cannot be"),
    ("a: {class: File, location: 'file://other.example/x'}", "another machine"),
    ("a: {class: File, path: job.yml, secondaryFiles: [x]}", "must be a list of File"),
    ("a: {class: Directory, basename: d, listing: [{class: File, path: gone}]}", "gone"),
    ("a: {$import: job.yml}", "imports itself"),
    ("a: {$import: none.yml}", "none.yml: cannot be read"),
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
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


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
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_job(str(tmp_path / "none.yml"))


def test_a_job_may_be_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_text("")
    (tmp_path / "my job.yml").write_text("a: {class: File, path: f}")
    assert read_job("my job.yml") == read_job(f"file://{tmp_path}/my%20job.yml")
    (tmp_path / "bad.yml").write_text("a: {class: File, path: none}")
    with pytest.raises(InputError, match=r"^bad.yml:1: a: "):
        read_job("bad.yml")


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
                    read_job(f"{base}/{name}.yml")
            with pytest.raises(InputError, match=r"none\.yml: cannot be read: .*404"):
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


RECORD = {"type": "record", "name": "r", "fields": [
    {"name": "a", "type": "int"}, {"name": "b", "type": ["null", {"type": "array", "items": "string"}]}]}
TYPES: dict[str, Type] = {name: parse_type(document) for name, document in {
    "word": "string", "n": "int", "x": ["null", "double"], "flag": "boolean", "maybe": ["null", "boolean"], "file": "File",
    "dir": ["null", "Directory"], "list": {"type": "array", "items": "string"}, "files": ["null", {"type": "array", "items": "File"}],
    "numbers": {"type": "array", "items": "int"}, "choice": {"type": "enum", "symbols": ["a", "b"]}, "either": ["int", "string"],
    "any": "Any", "dotted.name": "string", "rec": RECORD,
    "grid": {"type": "array", "items": {"type": "array", "items": "int"}},
}.items()}


@pytest.mark.parametrize(("argv", "inputs"), [
    ([], {}),
    (["--word", "--n", "--n", "-3"], {"word": "--n", "n": -3}),
    (["--word=a=b", "-n", "4", "--x", "1e3"], {"word": "a=b", "n": 4, "x": 1000.0}),
    (["--flag", "--no-maybe"], {"flag": True, "maybe": False}),
    (["--flag=false", "--maybe=yes"], {"flag": False, "maybe": True}),
    (["--list", "a", "--word", "w", "--list", "b"], {"list": ["a", "b"], "word": "w"}),
    (["--list", '["x", "y"]'], {"list": ["x", "y"]}),
    (["--numbers", "1", "--numbers", "2"], {"numbers": [1, 2]}),
    (["--choice", "b", "--either", "7", "--any", "[1]"], {"choice": "b", "either": 7, "any": "[1]"}),
    (["--either", "x"], {"either": "x"}),
    (["--rec.a", "1", "--rec.b", "x", "--rec.b", "y"], {"rec": {"a": 1, "b": ["x", "y"]}}),
    (["--rec", '{"a": 1}'], {"rec": {"a": 1}}),
    (["--dotted.name", "x"], {"dotted.name": "x"}),
    (["--grid", "[[1], []]"], {"grid": [[1], []]}),
    (["--word", "$(x)\n'\""], {"word": "$(x)\n'\""}),
])
def test_flags(argv: list[str], inputs: dict[str, Any]) -> None:
    assert from_flags(argv, TYPES) == inputs


def test_flags_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").write_text("")
    file = {"class": "File", "location": f"file://{tmp_path}/a%20b", "basename": "a b"}
    assert from_flags(["--file", "a b", "--dir", ".", "--files", "a b", "--files", "http://example.org/z"], TYPES) == {
        "file": file, "dir": {"class": "Directory", "location": f"file://{tmp_path}", "basename": tmp_path.name},
        "files": [file, {"class": "File", "location": "http://example.org/z", "basename": "z"}]}
    with pytest.raises(InputError, match="cannot be read: No such file"):
        from_flags(["--file", "none"], TYPES)


@pytest.mark.parametrize(("argv", "message"), [
    (["--wrod", "x"], "there is no input called wrod\n  Did you mean --word?"),
    (["--zzzzzz", "x"], "Its inputs are --word, --n"),
    (["word"], "'word' is no flag"),
    (["--n", "three"], "--n: expected int, found 'three'"),
    (["--n", "3000000000"], "--n: expected int, found an int (3000000000)"),
    (["--n"], "--n needs a value (int)"),
    (["--n", "1", "--n", "2"], "--n is given twice"),
    (["--choice", "c"], "expected one of a, b"),
    (["--flag=perhaps"], "expected boolean"),
    (["--x", "nan"], "expected null or double"),
    (["--rec.b", "x"], "--rec: the field 'a' is missing"),
    (["--rec", '{"a": 1}', "--rec.a", "2"], "given twice"),
    (["--grid", "[[1], [true]]"], "--grid: at [1][0]: expected int"),
    (["--list", "[1"], "--list: expected a list of string"),
])
def test_flags_that_cannot_be_understood(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_flags(argv, TYPES)
    assert message in str(caught.value)


def test_no_inputs_no_flags() -> None:
    with pytest.raises(UsageError, match="It takes no inputs"):
        from_flags(["--x", "1"], {})


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_it_fall_over(data: bytes) -> None:
    try:
        yaml12.parse(data, "x")
    except HyflowError as error:
        assert os.fsencode(str(error)) is not None
