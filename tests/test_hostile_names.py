"""Names and contents of any kind pass unharmed: through the local way and the shell way, from step to step and from site to site.

Each run carries many names at once, so that drawing them stays quick.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from wholerun import Ran, path_of, run

NASTY = (
    " ", "  two  spaces ", "'", '"', "it's", 'a"b', "$(touch pwned)", "${inputs.x}", "$(inputs.x)", "`touch pwned`", "$HOME", "$0", "-", "--",
    "-n", "-rf", "--help", "-e x", "*", "?", "[a]", "[!a]*", "a*b", "{a,b}", "~", "~root", "!", "!!", "#", "# x", "%", "%20", "%2F", "%s%n",
    "&", "&&", "|", ";", "; touch pwned", "<", ">", ">x", "(", ")", "\\", "\\n", "a\\", "\\\\", "\\'", "\n", "a\nb", "\nlast\n", "\r", "\r\n",
    "\t", "\x01", "\x1b[31m", "\x7f", ".hidden", "...", "..a", ".x.", "é", "e\u0301", "名前", "🧬", "\u202e", "\ufeff", "\u2028", "a.b.c", "=",
    "A=B", ":", "a:b", "http:", "C:", "@", "^", "+", ",", "null", "true", "1e3", "0x10", "in", "out", "tmp", "stdout", "exit", "CON",
    "a" * 240, "é" * 120,
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
    "local": None, "shell": ("box", "box"), "out to a site": ("here", "box"), "back from a site": ("box", "here"), "site to site": ("box", "far"),
}


def deployed(way: str, folder: Path) -> str | None:
    """The deployment file for steps one and two, or none."""
    sites = WAYS[way]
    if sites is None:
        return None
    return SHELL.format(folder=folder) + "".join(f"  - {{step: {step}, site: {site}}}\n" for step, site in zip(("/one", "/two"), sites, strict=True))


@contextmanager
def fresh() -> Iterator[Path]:
    """A directory of its own for each example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


def sh(script: str, **fields: Any) -> dict[str, Any]:
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["sh", "-c", script, "sh"], **fields}


def in_two_steps(tool: dict[str, Any], second: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A workflow in which what step one makes of the inputs is what step two takes, by the same names."""
    names = list(tool["inputs"])
    types = {name: part if isinstance(part, str) else {"type": part["type"], **({"secondaryFiles": part["secondaryFiles"]}
             if "secondaryFiles" in part else {})} for name, part in tool["inputs"].items()}
    steps = {"one": {"run": tool, "in": {name: name for name in names}, "out": names, **more},
             "two": {"run": second or tool, "in": {name: f"one/{name}" for name in names}, "out": names}}
    outputs = {name: {"type": tool["outputs"][name]["type"], "outputSource": f"two/{name}"} for name in names}
    return {"cwlVersion": "v1.2", "class": "Workflow", "inputs": types, "outputs": outputs, "steps": steps,
            "requirements": {"InlineJavascriptRequirement": {}, "ScatterFeatureRequirement": {}}}


def succeeded(ran: Ran) -> dict[str, Any]:
    assert ran.status == 0, ran.said
    return ran.outputs


def nothing_was_run(folder: Path) -> None:
    """No name was taken for a command."""
    assert not [path for path in folder.rglob("pwned")]


def tree(folder: Path) -> dict[bytes, bytes]:
    """All files below `folder` by their path: what they hold."""
    root = os.fsencode(folder)
    return {os.path.relpath(os.path.join(top, name), root): Path(os.fsdecode(os.path.join(top, name))).read_bytes()
            for top, _, names in os.walk(root) for name in names}


# -- files ----------------------------------------------------------------------------------------------------------

FILES = sh('''mkdir copies tree && cp -R -- "$@" copies && for f do
case $f in */dir) cp -R -- "$f/." tree ;; *) cp -- "$f.idx" copies ;; esac; done; rm -r copies/dir''', **{
    "inputs": {"files": {"type": {"type": "array", "items": "File"}, "secondaryFiles": [".idx"], "inputBinding": {"position": 1}},
               "dir": {"type": "Directory", "inputBinding": {"position": 2}}},
    "outputs": {"files": {"type": {"type": "array", "items": "File"}, "secondaryFiles": [{"pattern": ".idx", "required": True}], "outputBinding": {
                    "glob": ["copies/*", "copies/.*"], "outputEval": "${return self.filter(function (f) {return f.basename.slice(-4) != '.idx'})}"}},
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
