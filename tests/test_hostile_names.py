"""Names and contents of any kind pass unharmed: through the local way, the shell way and SSH, from step to step and from site to site.

Each run carries many names at once, so that drawing them stays quick.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import farsites
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from wholerun import Ran, path_of, run

NASTY = (
    " ", "  two  spaces ", "'", '"', "it's", 'a"b', "$(touch pwned)", "${inputs.x}", "$(inputs.x)", "`touch pwned`", "$HOME",
    "$0", "-", "--", "-n", "-rf", "--help", "-e x", "*", "?", "[a]", "[!a]*", "a*b", "{a,b}", "~", "~root", "!", "!!", "#", "# x",
    "%", "%20", "%2F", "%s%n", "&", "&&", "|", ";", "; touch pwned", "<", ">", ">x", "(", ")", "\\", "\\n", "a\\", "\\\\", "\\'",
    "\n", "a\nb", "\nlast\n", "\r", "\r\n", "\t", "\x01", "\x1b[31m", "\x7f", ".hidden", "...", "..a", ".x.", "é", "e\u0301",
    "名前", "🧬", "\u202e", "\ufeff", "\u2028", "a.b.c", "=", "A=B", ":", "a:b", "http:", "C:", "@", "^", "+", ",", "null", "true",
    "1e3", "0x10", "in", "out", "tmp", "stdout", "exit", "CON", "a" * 240, "é" * 120,
)
BYTES = (b"\xff", b"\xfe\xff", b"a\x80", b"\xc3", b"\xed\xa0\x80", b"\xe9t\xe9.txt", b"\xff\n\xff", b"'\xff'", b"\xf0\x9f\x92")
RAW = tuple(os.fsencode(name) for name in NASTY) + BYTES
LONGEST = 250

raw_names = st.one_of(
    st.binary(min_size=1, max_size=30), st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace")), st.sampled_from(RAW),
    st.lists(st.sampled_from(RAW), min_size=2, max_size=3).map(b"".join),
).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")[:LONGEST]).filter(lambda name: name not in (b"", b".", b".."))
texts = st.one_of(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20), st.sampled_from(NASTY))
drawn = settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])  # to shrink a whole run takes minutes

SHELL = "version: 1\nsites:\n  here: {{type: local}}\n" + "".join(
    f"  {name}: {{{{type: shell, command: [sh, -c], workdir: {{folder}}/{name}}}}}\n" for name in ("box", "far")) + "bind:\n"
WAYS = {
    "local": None, "shell": ("box", "box"), "out to a site": ("here", "box"), "back from a site": ("box", "here"),
    "site to site": ("box", "far"), "site to site over SSH": ("cluster", "cloud"),
}


def deployed(way: str, folder: Path) -> str | None:
    """The deployment file for steps one and two, or none."""
    sites = WAYS[way]
    if sites is None:
        return None
    if sites == ("cluster", "cloud"):
        return farsites.deployment({name: farsites.far(name) for name in sites}, dict(zip(("/one", "/two"), sites, strict=True)))
    return SHELL.format(folder=folder) + f"  - {{step: /one, site: {sites[0]}}}\n  - {{step: /two, site: {sites[1]}}}\n"


@contextmanager
def fresh() -> Iterator[Path]:
    """A directory of its own for each example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


FILE_LIST = {"type": "array", "items": "File"}


def sh(script: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["sh", "-c", script, "sh"], **fields}


def in_two_steps(tool: dict[str, Any], all_steps: bool = False) -> dict[str, Any]:
    """A workflow in which what step one makes of the inputs is what step two takes, by the same names.

    Its outputs are those of step two, or as STEP_NAME those of both.
    """
    names, made = list(tool["inputs"]), list(tool["outputs"])
    types = {name: {key: part[key] for key in ("type", "secondaryFiles") if key in part} for name, part in tool["inputs"].items()}
    steps = {"one": {"run": tool, "in": {name: name for name in names}, "out": made},
             "two": {"run": tool, "in": {name: f"one/{name}" for name in names}, "out": made}}
    outputs = {f"{step}_{name}" if all_steps else name: {"type": "Any", "outputSource": f"{step}/{name}"}
               for step in (steps if all_steps else ("two",)) for name in made}
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": types, "outputs": outputs, "steps": steps}


def succeeded(ran: Ran) -> dict[str, Any]:
    assert ran.status == 0, ran.said
    return ran.outputs


def nothing_was_run(folder: Path) -> None:
    """No name was taken for a command."""
    assert not list(folder.rglob("pwned"))


def tree(folder: Path) -> dict[bytes, bytes]:
    """All files below `folder` by their path: what they hold."""
    root = os.fsencode(folder)
    return {os.path.relpath(os.path.join(top, name), root): Path(os.fsdecode(os.path.join(top, name))).read_bytes()
            for top, _, names in os.walk(root) for name in names}


# -- files ----------------------------------------------------------------------------------------------------------

FILES = sh('''mkdir copies tree && cp -R -- "$@" copies && for f do
case $f in */dir) cp -R -- "$f/." tree ;; *) cp -- "$f.idx" copies ;; esac; done; rm -r copies/dir''', {
    "inputs": {"files": {"type": FILE_LIST, "secondaryFiles": [".idx"], "inputBinding": {"position": 1}},
               "dir": {"type": "Directory", "inputBinding": {"position": 2}}},
    "outputs": {
        "files": {"type": FILE_LIST, "secondaryFiles": [{"pattern": ".idx", "required": True}], "outputBinding": {
            "glob": ["copies/*", "copies/.*"],
            "outputEval": "${return self.filter(function (f) {return f.basename.slice(-4) != '.idx'})}"}},
        "dir": {"type": "Directory", "outputBinding": {"glob": "tree", "outputEval": "${self[0].basename = 'dir'; return self[0]}"}}},
    "requirements": {"InlineJavascriptRequirement": {}},
})


def laid_out(folder: Path, names: Sequence[bytes], by_location: bool) -> dict[str, Any]:
    """Files, each with one beside it and one like it in directories, that hold bytes of their own; the job that names them."""
    files = []
    for part in (b"in", b"dir", b"dir/deep"):
        os.makedirs(os.path.join(os.fsencode(folder), part))
    for name in names:
        for path, start in ((b"in/" + name, b"a"), (b"in/" + name + b".idx", b"b"), (b"dir/" + name, b"c"), (b"dir/deep/" + name, b"d")):
            Path(os.fsdecode(os.path.join(os.fsencode(folder), path))).write_bytes(start + name + b"\0\r\n\xff")
        path = os.fsencode(folder) + b"/in/" + name
        files.append({"class": "File", **({"location": "file://" + quote(path)} if by_location else {"path": os.fsdecode(path)})})
    return {"files": files, "dir": {"class": "Directory", "path": str(folder / "dir")}}


def check_files(names: Sequence[bytes], way: str, by_location: bool) -> None:
    names = [name for name in dict.fromkeys(names) if not name.endswith(b".idx") and name != b"deep"]
    with fresh() as folder:
        job = laid_out(folder, names, by_location)
        outputs = succeeded(run(folder, in_two_steps(FILES), job, deployed(way, folder)))
        assert {os.fsencode(file["basename"]): path_of(file).read_bytes() for file in outputs["files"]} == {
            name: b"a" + name + b"\0\r\n\xff" for name in names}
        for file in outputs["files"]:
            (beside,) = file["secondaryFiles"]
            name = os.fsencode(file["basename"])
            assert os.fsencode(beside["basename"]) == name + b".idx"
            assert path_of(beside).read_bytes() == b"b" + name + b"\0\r\n\xff"
        assert tree(path_of(outputs["dir"])) == tree(folder / "dir")
        nothing_was_run(folder)


@pytest.mark.parametrize("way", WAYS)
def test_nasty_names_of_files(way: str) -> None:
    check_files(RAW, way, by_location=way != "local")


@pytest.mark.parametrize("way", ["local", "site to site"])
@drawn
@given(names=st.lists(raw_names, min_size=20, max_size=30), by_location=st.booleans())
def test_drawn_names_of_files(way: str, names: list[bytes], by_location: bool) -> None:
    check_files(names, way, by_location)


# -- strings, streams, the working directory ------------------------------------------------------------------------

STRINGS = sh('''printf %s "$1"; printf %s "$VALUE" >env; cat >in; printf %s "$2" >&2; printf %s "$3" >joined''', {
    "inputs": {"name": "string", "text": {"type": "string", "inputBinding": {"position": 1}}, "from": "File?"},
    "arguments": [{"position": 2, "valueFrom": "$(inputs.text)"}, {"position": 3, "valueFrom": "<$(inputs.text)|$(inputs.name)>"}],
    "stdin": "$(inputs.from ? inputs.from.path : runtime.outdir + '/laid/' + inputs.name)",
    "stdout": "said/$(inputs.name)", "stderr": "err",
    "outputs": {
        "name": {"type": "string", "outputBinding": {
            "glob": "said", "loadListing": "shallow_listing", "outputEval": "$(self[0].listing[0].basename)"}},
        "text": {"type": "string", "outputBinding": {
            "glob": "env", "loadContents": True, "outputEval": "$(self[0].contents)"}},
        "from": {"type": "File", "outputBinding": {"glob": "in"}},
        "said": "stdout", "err": "stderr", "laid": {"type": "Directory", "outputBinding": {"glob": "laid"}},
        "joined": {"type": "File", "outputBinding": {"glob": "joined"}}},
    "requirements": {
        "InlineJavascriptRequirement": {}, "EnvVarRequirement": {"envDef": {"VALUE": "$(inputs.text)"}},
        "InitialWorkDirRequirement": {"listing": [
            {"entryname": "laid/$(inputs.name)", "entry": "$(inputs.text)"},
            "${return {class: 'Directory', basename: 'said', listing: []}}"]}},
})


def many_strings() -> dict[str, Any]:
    """A scatter of the tool over names and texts; step two takes what step one gave."""
    types = {"name": "string[]", "text": "string[]"}
    scatter = {"scatter": ["name", "text"], "scatterMethod": "dotproduct", "run": STRINGS}
    everything = list(STRINGS["outputs"])
    steps = {"one": {**scatter, "in": {"name": "name", "text": "text"}, "out": everything},
             "two": {**scatter, "scatter": ["name", "text", "from"], "in": {name: f"one/{name}" for name in ("name", "text", "from")},
                     "out": everything}}
    outputs = {f"{step}_{name}": {"type": "Any", "outputSource": f"{step}/{name}"} for step in steps for name in everything}
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": types, "outputs": outputs, "steps": steps,
            "requirements": {"ScatterFeatureRequirement": {}}}


def check_strings(names: Sequence[str], given: Sequence[str], way: str) -> None:
    with fresh() as folder:
        outputs = succeeded(run(folder, many_strings(), {"name": list(names), "text": list(given)}, deployed(way, folder)))
        for step in ("one", "two"):
            assert outputs[f"{step}_name"] == list(names)
            assert outputs[f"{step}_text"] == list(given)
            for word in ("from", "said", "err"):
                assert [path_of(file).read_bytes() for file in outputs[f"{step}_{word}"]] == [text.encode() for text in given]
            assert [path_of(file).read_bytes() for file in outputs[f"{step}_joined"]] == [
                f"<{text}|{name}>".encode() for name, text in zip(names, given, strict=True)]
            assert [tree(path_of(laid)) for laid in outputs[f"{step}_laid"]] == [
                {name.encode(): text.encode()} for name, text in zip(names, given, strict=True)]
        nothing_was_run(folder)


@pytest.mark.parametrize("way", ["local", "shell"])
def test_nasty_strings(way: str) -> None:
    names = [name for name in NASTY if "/" not in name]
    check_strings(names, names[1:] + names[:1], way)


@drawn
@given(pairs=st.lists(st.tuples(texts, texts), min_size=15, max_size=25))
def test_drawn_strings(pairs: list[tuple[str, str]]) -> None:
    pairs = [(name.replace("/", "_"), text) for name, text in pairs if name not in ("", ".", "..")]
    check_strings([name for name, _ in pairs], [text for _, text in pairs], "local")


# -- files in the working directory, what a command says of its outputs ---------------------------------------------

DECLARED = sh('''cat >in; cp -- "$1" "d/more"; ln in twin
mkdir long && cd long && mkdir "$2" && cd "$2" && mkdir "$2" && cd "$2" && cat ../../../in >"$2"''', {
    "inputs": {"files": {"type": FILE_LIST}, "dir": {"type": "Directory"}},
    "arguments": ["$(inputs.files[0].basename)", "b" * 250],
    "stdin": "$(inputs.files[0].path)",
    "outputs": {"files": {"type": FILE_LIST}, "dir": "Directory", "twins": {"type": FILE_LIST}, "long": "Directory"},
    "requirements": {"InlineJavascriptRequirement": {}, "InitialWorkDirRequirement": {"listing": [
        "$(inputs.files)", {"entryname": "d", "entry": "$(inputs.dir)", "writable": True},
        {"entryname": "cwl.output.json", "entry": """${
            function file(path) {return {'class': 'File', path: path}}
            return {files: inputs.files.map(function (f) {return file(f.basename)}), twins: [file('in'), file('twin')],
                    dir: {'class': 'Directory', path: 'd', basename: 'dir'}, long: {'class': 'Directory', path: 'long'}}}"""}]}},
})


@pytest.mark.parametrize("way", WAYS)
def test_files_in_the_working_directory_and_in_what_a_command_says(way: str) -> None:
    reserved = {b"in", b"d", b"long", b"twin", b"cwl.output.json"}
    names = [name for name in RAW if name not in reserved and name != b"deep"]
    with fresh() as folder:
        job = laid_out(folder, names, by_location=True)
        contents = {name: b"a" + name + b"\0\r\n\xff" for name in names}
        outputs = succeeded(run(folder, in_two_steps(DECLARED, all_steps=True), job, deployed(way, folder)))
        for step in ("one", "two"):
            assert {os.fsencode(file["basename"]): path_of(file).read_bytes() for file in outputs[f"{step}_files"]} == contents
            assert tree(path_of(outputs[f"{step}_dir"])) == {**tree(folder / "dir"), b"more": contents[names[0]]}
            assert [path_of(file).read_bytes() for file in outputs[f"{step}_twins"]] == [contents[names[0]]] * 2
            assert tree(path_of(outputs[f"{step}_long"])) == {b"/".join([b"b" * 250] * 3): contents[names[0]]}
        nothing_was_run(folder)


LITERALS = sh('cp -R -- "$@" .', {
    "inputs": {"files": {"type": FILE_LIST, "inputBinding": {"position": 1}},
               "dir": {"type": "Directory", "inputBinding": {"position": 2}}},
    "outputs": {"files": {"type": FILE_LIST, "outputBinding": {
                    "glob": "$(inputs.files.map(function (f) {return f.basename.replace(/[*?[]/g, '[$&]')}))"}},
                "dir": {"type": "Directory", "outputBinding": {"glob": "dir"}}},
    "requirements": {"InlineJavascriptRequirement": {}},
})


@pytest.mark.parametrize("way", ["local", "shell", "out to a site"])
def test_literals_and_patterns_that_name_one_file(way: str) -> None:
    names = [name for name in NASTY if "\\" not in name]
    files = [{"class": "File", "basename": name, "contents": f"\n{name}\r"} for name in names]
    with fresh() as folder:
        job = {"files": files, "dir": {"class": "Directory", "basename": "dir", "listing": files}}
        outputs = succeeded(run(folder, in_two_steps(LITERALS), job, deployed(way, folder)))
        assert {file["basename"]: path_of(file).read_bytes() for file in outputs["files"]} == {
            name: f"\n{name}\r".encode() for name in names}
        assert tree(path_of(outputs["dir"])) == {name.encode(): f"\n{name}\r".encode() for name in names}
        nothing_was_run(folder)


@pytest.mark.parametrize("name", [".", "..", "a/b", "/etc/x", "a\0b"])
def test_names_that_are_none_are_refused_with_a_word(tmp_path: Path, name: str) -> None:
    tool = sh("ls -R", {"inputs": {"f": {"type": "File", "inputBinding": {}}}, "outputs": {}})
    ran = run(tmp_path, tool, {"f": {"class": "File", "basename": name, "contents": "x"}})
    assert ran.status == 1
    assert "cannot be a basename" in ran.said


@pytest.mark.parametrize("way", ["local", "shell"])
def test_a_name_that_is_too_long_fails_with_a_word(tmp_path: Path, way: str) -> None:
    tool = sh("ls", {"inputs": {"f": {"type": "File", "inputBinding": {}}}, "outputs": {}})
    job = {"f": {"class": "File", "basename": "é" * 200, "contents": "x"}}
    deploy = None if way == "local" else f"version: 1\nsites: {{box: {{type: shell, command: [sh, -c], workdir: {tmp_path}/box}}}}\n"
    ran = run(tmp_path, tool, job, deploy)
    assert ran.status == 1
    assert "too long" in ran.said
    assert "Traceback" not in ran.said


@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed: apt-get install busybox")
def test_names_of_files_where_there_is_nothing_but_busybox() -> None:
    with fresh() as folder:
        applets = folder / "applets"
        applets.mkdir()
        subprocess.run(["busybox", "--install", "-s", str(applets)], check=True)
        site = f"version: 1\nsites:\n  box: {{type: shell, command: [env, PATH={applets}, sh, -c], workdir: {folder}/box}}\n"
        names = [name for name in dict.fromkeys(RAW) if name != b"deep"]
        outputs = succeeded(run(folder, in_two_steps(FILES), laid_out(folder, names, by_location=True), site))
        assert {os.fsencode(file["basename"]): path_of(file).read_bytes() for file in outputs["files"]} == {
            name: b"a" + name + b"\0\r\n\xff" for name in names}
        assert tree(path_of(outputs["dir"])) == tree(folder / "dir")
