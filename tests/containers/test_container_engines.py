"""The real engines, through whole runs: what is inside is what was asked for, byte for byte, and each failure is told as whose it is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from lab import engine_site
from wholerun import Ran, path_of, run, text_of

TARGETS = ("docker", "podman", "apptainer")
NAMES = ("it's, \"q\" $(x)", "-rf", "a:b", "new\nline", "back\\slash", " blank ", "é😀", "#=;*?")
VALUES = {"A.B": "odd", "-x": "dash", "S*": "star", "A B": "blank", "TEXT": "a\nb $HOME `x` $(x) \\ \"q\" 'p'", "EMPTY": "", "LEAD": "  x ",
          "PATH": "/bin:/usr/bin", "HOME": "/else where", "DOCKER_HOST": "tcp://nowhere", "BASH_ENV": "/nope", "PREPEND_PATH": "/p"}


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    engine_site(request.param)
    return str(request.param)


def ran(target: str, folder: Path, process: Mapping[str, Any], job: Mapping[str, Any] | None = None, **more: Any) -> Ran:
    """The tool in a container of busybox, at the lab's site of this engine."""
    site = engine_site(target)
    deploy = json.dumps({"version": 1, "sites": {"here": {**site, "container": {**site["container"], **more}}}})
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {}, **process}
    tool["requirements"] = {"DockerRequirement": {"dockerPull": "busybox"}, **process.get("requirements", {})}
    return run(folder, tool, job, deploy)


def shell(script: str, *arguments: Any) -> dict[str, Any]:
    return {"baseCommand": ["sh", "-c"], "arguments": [script.replace("$(", "\\$("), "sh", *arguments], "stdout": "said",
            "outputs": {"said": "stdout"}}


def test_files_of_hostile_names_are_read_and_written(target: str, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text(f"I am {name}", encoding="utf-8")
    tool = {
        "baseCommand": ["sh", "-c", 'for file; do cat -- "$file"; cp -- "$file" "./copy of ${file##*/}"; done', "sh"],
        "inputs": {"files": {"type": "File[]", "inputBinding": {}}, "all": "Directory"}, "stdout": "said",
        "outputs": {"said": "stdout", "copies": {"type": "File[]", "outputBinding": {"glob": "copy of *"}}},
        "requirements": {"InitialWorkDirRequirement": {"listing": [{"entryname": "all, of: them", "entry": "$(inputs.all)"}]}},
    }
    files = [{"class": "File", "path": f"data/{name}"} for name in NAMES]
    done = ran(target, tmp_path, tool, {"files": files, "all": {"class": "Directory", "path": "data"}})
    assert done.status == 0, done.said
    assert text_of(done.outputs["said"]) == "".join(f"I am {name}" for name in NAMES)
    assert {copy["basename"] for copy in done.outputs["copies"]} == {f"copy of {name}" for name in NAMES}


def test_the_environment_is_what_was_asked_for(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "told")
    tool = {"baseCommand": ["cat", "/proc/self/environ"], "stdout": "said", "outputs": {"said": "stdout"},
            "requirements": {"EnvVarRequirement": {"envDef": {name: value.replace("\\", "\\\\").replace("$(", "\\$(")
                                                             for name, value in VALUES.items()}}}}
    done = ran(target, tmp_path, tool)
    assert done.status == 0, done.said
    inside = dict(line.partition("=")[::2] for line in text_of(done.outputs["said"]).split("\0"))
    assert {name: inside.get(name) for name in VALUES} == VALUES
    assert "SECRET_OF_THE_HOST" not in inside


def test_nothing_of_the_host_but_what_is_staged(target: str, tmp_path: Path) -> None:
    (tmp_path / "beside").write_text("mine")
    script = f'ls -d {tmp_path} /root/.ssh /home/* 2>/dev/null; for file in /usr/x /etc/x "$1"; do echo >>"$file" && echo wrote; done; pwd'
    (tmp_path / "input").write_text("as it was")
    tool = {**shell(script, "$(inputs.f.path)"), "inputs": {"f": "File"}}
    done = ran(target, tmp_path, tool, {"f": {"class": "File", "path": "input"}})
    assert done.status == 0, done.said
    lines = text_of(done.outputs["said"]).splitlines()
    assert "wrote" not in lines and str(tmp_path) not in lines
    assert lines[-1] == "/var/spool/cwl"
    assert (tmp_path / "input").read_text() == "as it was"


def test_standard_input_links_and_in_place(target: str, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("from standard input\n")
    (tmp_path / "d").mkdir()
    script = 'cat; ln -s "$1" link; ln -s /tmp/there tmp; echo x >/tmp/there; echo more >>d/new; ls d'
    tool = {**shell(script, "$(inputs.f.path)"), "inputs": {"f": "File", "d": "Directory"}, "stdin": "$(inputs.f.path)",
            "outputs": {"said": "stdout", "link": {"type": "File", "outputBinding": {"glob": "link"}}},
            "requirements": {"InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.d)", "writable": True}]},
                             "InplaceUpdateRequirement": {"inplaceUpdate": True}}}
    done = ran(target, tmp_path, tool, {"f": {"class": "File", "path": "input"}, "d": {"class": "Directory", "path": "d"}})
    assert done.status == 0, done.said
    assert text_of(done.outputs["said"]) == "from standard input\nnew\n"
    assert text_of(done.outputs["link"]) == "from standard input\n"
    assert (tmp_path / "d/new").read_text() == "more\n"


@pytest.mark.parametrize("outdir", ["/work, here", "/a:b", "/tmp/out", "/opt/x\ny"])
def test_another_output_directory(target: str, tmp_path: Path, outdir: str) -> None:
    tool = {**shell('pwd; echo "$HOME"; echo "$1"; echo t >"$1/made"', "$(runtime.outdir)"),
            "outputs": {"said": "stdout", "made": {"type": "File", "outputBinding": {"glob": "made"}}},
            "requirements": {"DockerRequirement": {"dockerPull": "busybox", "dockerOutputDirectory": outdir}}}
    done = ran(target, tmp_path, tool)
    assert done.status == 0, done.said
    assert text_of(done.outputs["said"]) == f"{outdir}\n" * 3
    assert path_of(done.outputs["made"]).stat().st_uid == tmp_path.stat().st_uid


def test_absolute_names_and_very_many_files(target: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(230):
        (tmp_path / f"data/f{number}").write_text(f"{number}\n")
    listing = [{"entryname": "/opt/made", "entry": "${return {class: 'Directory', basename: 'made', listing: inputs.files.slice(0, 2)}}"},
               {"entryname": "/opt/deep/t", "entry": "text\n"}, {"entryname": "/var/spool/cwl/sub/u", "entry": "under\n"}]
    tool = {**shell("cat /opt/deep/t sub/u /opt/made/f0 /opt/made/f1; shift; cat \"$@\" | sort -n | tail -n 1", "x"),
            "inputs": {"files": {"type": "File[]", "inputBinding": {}}},
            "requirements": {"InlineJavascriptRequirement": {}, "InitialWorkDirRequirement": {"listing": listing}}}
    for count in (5, 230):
        files = [{"class": "File", "path": f"data/f{number}"} for number in range(count)]
        done = ran(target, tmp_path, tool, {"files": files})
        assert done.status == 0, done.said
        assert text_of(done.outputs["said"]) == f"text\nunder\n0\n1\n{count - 1}\n"


def test_least_limits(target: str, tmp_path: Path) -> None:
    done = ran(target, tmp_path, {"baseCommand": "true", "requirements": {"ResourceRequirement": {"ramMin": 1, "coresMin": 0.001}}})
    assert done.status == 0, done.said


@pytest.mark.parametrize(("command", "words"), [
    (["nosuch"], "nosuch is not in the image (busybox)"),
    (["/no/such"], "/no/such is not in the image (busybox)"),
    (["/etc/passwd"], "cannot be executed in the image"),
    (["/etc"], "cannot be executed in the image"),
])
def test_a_command_that_cannot_be_started(target: str, tmp_path: Path, command: list[str], words: str) -> None:
    done = ran(target, tmp_path, {"baseCommand": command})
    assert done.status == 1
    assert "the command could not be started" in done.said and words in done.said and "class   tool" in done.said


@pytest.mark.parametrize("code", [125, 126, 127, 255])
def test_a_commands_own_exit_status(target: str, tmp_path: Path, code: int) -> None:
    done = ran(target, tmp_path, {"baseCommand": ["sh", "-c", f"echo Error of mine >&2; exit {code}"]})
    assert done.status == 1
    assert f"class   tool, exit status {code}" in done.said and "could not be started" not in done.said and "| Error of mine" in done.said


def test_an_engine_that_cannot_do_what_the_user_says(target: str, tmp_path: Path) -> None:
    done = ran(target, tmp_path, {"baseCommand": "true"}, options=["--frobnicate"])
    assert done.status == 1
    assert "class   infrastructure" in done.said and "unknown flag: --frobnicate" in done.said


@pytest.mark.parametrize("name", [b"caf\xe9", b"cr\r\nlf"])
def test_a_name_that_no_engine_passes_on_is_refused(target: str, tmp_path: Path, name: bytes) -> None:
    Path(str(tmp_path), name.decode("utf-8", "surrogateescape")).write_text("x")
    tool = {"baseCommand": "cat", "inputs": {"f": {"type": "File", "inputBinding": {}}}}
    done = ran(target, tmp_path, tool, {"f": {"class": "File", "location": f"file://{tmp_path}/{quote(name)}"}})
    assert done.status == 1
    assert "container" in done.said and "class   staging" in done.said


def test_an_image_that_is_nowhere(target: str, tmp_path: Path) -> None:
    done = ran(target, tmp_path, {"baseCommand": "true", "requirements": {"DockerRequirement": {"dockerPull": "nosuchimage"}}})
    assert done.status == 1
    assert "the image nosuchimage cannot be had at here" in done.said and "class   image" in done.said


@pytest.mark.parametrize("target", ["docker", "podman"])
def test_what_an_earlier_run_left_is_removed(target: str, tmp_path: Path) -> None:
    site = engine_site(target)
    client = site["container"]["command"]
    owner = f"hyflow.owner={os.getuid()}@{os.uname().nodename}"
    left = f"hyflow-left-{os.getpid()}"
    assert ran(target, tmp_path / "first", {"baseCommand": "true"}).status == 0
    subprocess.run([*client, "run", "-d", "--name", left, "--label", owner, "--network=none", "busybox", "sleep", "300"], check=True,
                   capture_output=True)
    try:
        done = ran(target, tmp_path / "second", shell("sleep 3"))
        listed = subprocess.run([*client, "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=True).stdout
        assert done.status == 0 and left not in listed.split()  # any run removes it: one beside this may have been the first
    finally:
        subprocess.run([*client, "rm", "-f", left], capture_output=True)
