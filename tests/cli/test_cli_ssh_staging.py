"""Data between this machine and two behind SSH: each piece goes to a site once, and names of every kind arrive as they were."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from farsites import counted, deployment, far
from warm import WarmShell, warmed

from hyflow.testing.site import HOSTILE

SIZE = 3_000_000
FILE = {"type": "File", "inputBinding": {"position": 1}}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[WarmShell]:
    (tmp_path / "work").mkdir()
    with warmed() as warm:
        yield WarmShell(warm, tmp_path / "work", tmp_path / "home")


def tool(script: str, inputs: dict[str, Any], outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"class": "CommandLineTool", "baseCommand": ["sh", "-c", script, "sh"], "inputs": inputs, "outputs": outputs, **more}


def flow(shell: WarmShell, inputs: dict[str, Any], steps: dict[str, Any], outputs: dict[str, Any]) -> None:
    shell.write("flow.cwl", json.dumps({
        "cwlVersion": "v1.2", "class": "Workflow", "inputs": inputs, "steps": steps,
        "requirements": {"ScatterFeatureRequirement": {}, "InlineJavascriptRequirement": {}},
        "outputs": {name: {"type": kind, "outputSource": source} for name, (kind, source) in outputs.items()},
    }))  # fmt: skip


def run(shell: WarmShell, job: dict[str, Any]) -> Any:
    shell.write("job.json", json.dumps(job))
    return shell("hyflow", "run", "--no-reuse", "--quiet", "--outdir", "results", "flow.cwl", "deploy.json", "job.json").output


def tree(folder: Path) -> dict[str, bytes]:
    """All files below it, by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_a_site_has_is_not_sent_to_it_again(shell: WarmShell, tmp_path: Path) -> None:
    """One file goes to the cluster for three jobs; what the first makes of it, to the cloud for two. Nothing of it comes back."""
    data = shell.top / "data"
    data.write_bytes(random.Random(1).randbytes(SIZE))  # noqa: S311 (nobody is to be kept from guessing it)
    copy = tool('cat "$1" "$1" >twice', {"file": FILE}, {"twice": {"type": "File", "outputBinding": {"glob": "twice"}}})
    size = tool('wc -c <"$1"', {"file": FILE, "part": "int"}, {"n": "stdout"}, stdout="n")
    flow(shell, {"file": "File", "parts": "int[]"}, {
        "copy": {"run": copy, "in": {"file": "file"}, "out": ["twice"]},
        "same": {"run": size, "scatter": "part", "in": {"file": "file", "part": "parts"}, "out": ["n"]},
        "other": {"run": size, "scatter": "part", "in": {"file": "copy/twice", "part": "parts"}, "out": ["n"]},
    }, {"same": ("File[]", "same/n"), "other": ("File[]", "other/n")})  # fmt: skip
    (tmp_path / "to").mkdir()
    (tmp_path / "on").mkdir()
    with counted(tmp_path / "to") as (cluster, there), counted(tmp_path / "on", "cloud") as (cloud, beyond):
        sites = {"cluster": far(**there), "cloud": far(**beyond)}
        shell.write("deploy.json", deployment(sites, {"/copy": "cluster", "/same": "cluster", "/other": "cloud"}))
        outputs = run(shell, {"file": {"class": "File", "path": "data"}, "parts": [1, 2]})
        to, on = cluster.count(), cloud.count()
    sizes = {name: {Path(file["path"]).read_text().strip() for file in outputs[name]} for name in outputs}
    assert sizes == {"same": {str(SIZE)}, "other": {str(2 * SIZE)}}
    assert [round(count / SIZE) for count in (to["to_server"], to["to_client"], on["to_server"], on["to_client"])] == [1, 2, 2, 0]


def test_hostile_names_of_inputs_directories_streams_and_outputs(shell: WarmShell) -> None:
    """Each file is copied on the cluster, to a standard output that is named as it is; the cloud puts them into a directory."""
    for part in ("in", "dir", "dir/deep"):
        (shell.top / part).mkdir()
        for name in HOSTILE:
            (shell.top / part / name).write_bytes(os.fsencode(f"{part} {name}\0\r\n"))
    copy = tool('cat <"$1"; printf %s "$2" >&2', {
        "file": FILE,
    }, {"out": "stdout", "err": "stderr"}, arguments=[{"position": 2, "valueFrom": "$(inputs.file.basename)"}],
        stdout="$(inputs.file.basename)", stderr="err/$(inputs.file.basename)")  # fmt: skip
    gather = tool('mkdir all && cp -- "$@" all && cp -R dir all', {"files": {"type": "File[]", "inputBinding": {}}, "dir": "Directory"}, {
        "all": {"type": "Directory", "outputBinding": {"glob": "all"}},
    }, requirements={"InitialWorkDirRequirement": {"listing": ["$(inputs.dir)"]}})  # fmt: skip
    flow(shell, {"files": "File[]", "dir": "Directory"}, {
        "copy": {"run": copy, "scatter": "file", "in": {"file": "files"}, "out": ["out", "err"]},
        "gather": {"run": gather, "in": {"files": "copy/out", "dir": "dir"}, "out": ["all"]},
    }, {"all": ("Directory", "gather/all"), "said": ("File[]", "copy/err")})  # fmt: skip
    shell.write("deploy.json", deployment({name: far(name) for name in ("cluster", "cloud")}, {"/copy": "cluster", "/gather": "cloud"}))
    there = [f"file://{quote(os.fsencode(shell.top / 'in' / name))}" for name in HOSTILE]
    outputs = run(shell, {"files": [{"class": "File", "location": uri} for uri in there], "dir": {"class": "Directory", "path": "dir"}})
    expected = {f"dir/{name}": data for name, data in tree(shell.top / "dir").items()}
    assert tree(shell.top / "results/all") == {**expected, **{name: os.fsencode(f"in {name}\0\r\n") for name in HOSTILE}}
    assert sorted(Path(file["path"]).read_bytes() for file in outputs["said"]) == sorted(map(os.fsencode, HOSTILE))
    assert not list(shell.top.rglob("pwned"))
