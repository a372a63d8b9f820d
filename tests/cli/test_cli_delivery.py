"""Results that find no place, disks that are full, inputs that a tool has written to: what is lost (nothing), and what is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm import FILE, Warm, WarmShell, leaving, sh, told_once, warmed


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> WarmShell:
    (tmp_path / "here").mkdir()
    return WarmShell(warm, tmp_path / "here", tmp_path / "home")


# -- the output directory ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(shell: WarmShell) -> WarmShell:
    """One that has a tool which would leave a mark if it ran."""
    shell.write("mark.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\n" + leaving(f"touch x {shell.top}/ran", FILE.replace("NAME", "x")))
    return shell


@pytest.mark.parametrize(("outdir", "words"), [
    ("file", "file is not a directory"),
    ("file/below", "file is not a directory"),
    ("dangling", "is a link that leads nowhere, to nowhere"),
    ("dangling/below", "is a link that leads nowhere"),
    ("x" * 300, "the name is too long"),
    ("/proc/results", "/proc cannot be written to"),
    ("../home/runs/mine", "where hyflow keeps what is its own"),
    ("../home/cache", "where hyflow keeps what is its own"),
])
def test_an_output_directory_that_cannot_be_is_said_before_anything_runs(quick: WarmShell, outdir: str, words: str) -> None:
    quick.write("file", "")
    (quick.top / "dangling").symlink_to("nowhere")
    quick.run("--outdir", outdir, "mark.cwl").fails(2, words, "choose another --outdir")
    assert not (quick.top / "ran").exists() and not (quick.top / "nowhere").exists()


def test_an_output_directory_behind_a_link(quick: WarmShell) -> None:
    (quick.top / "real").mkdir()
    (quick.top / "link").symlink_to("real")
    assert quick.run("--outdir", "link/new", "mark.cwl").output["o"]["path"] == f"{quick.top}/link/new/x"
    assert (quick.top / "real" / "new" / "x").exists()


def test_results_in_an_input_directory_are_warned_of(shell: WarmShell) -> None:
    shell.write("data/a", "")
    shell.write("list.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: ls\ninputs: {d: {type: Directory, inputBinding: {}}}\n"
                            "outputs: {o: stdout}\nstdout: names\n")  # fmt: skip
    done = shell.run("--outdir", "data/results", "list.cwl", "--", "--d", "data")
    assert Path(done.output["o"]["path"]).read_text() == "a\n"
    assert f"the output directory lies in the input directory {shell.top}/data" in done.stderr


def test_outputs_of_one_name(shell: WarmShell) -> None:
    done = shell.tool(leaving("mkdir a b; echo 1 >a/x.txt; echo 2 >b/x.txt", "{type: 'File[]', outputBinding: {glob: '*/x.txt'}}"))
    assert [Path(each["path"]).name for each in done.output["o"]] == ["x.txt", "x_2.txt"]


def test_a_name_that_is_too_long(shell: WarmShell) -> None:
    evaluate = "'${self[0].basename = \"x\".repeat(300); return self;}'"
    done = shell.tool(leaving("echo kept >a", f"{{type: File, outputBinding: {{glob: a, outputEval: {evaluate}}}}}",
                              "requirements: {InlineJavascriptRequirement: {}}\n"))  # fmt: skip
    done.fails(1, "x... (300 characters): the name is too long for its file system", "0 of 1 were delivered")
    [kept] = re.findall(r"^    (/.*)$", done.stderr, re.MULTILINE)
    assert Path(kept).read_text() == "kept\n"


def test_a_directory_of_a_thousand_levels(shell: WarmShell) -> None:
    try:
        done = shell.tool(leaving(f"mkdir -p d{'/d' * 1200}", "{type: Directory, outputBinding: {glob: d}}"))
        done.fails(1, "nested too deeply", "still below")
    finally:
        subprocess.run(["rm", "-rf", shell.home, shell.top], check=True)  # what Python cannot remove


# -- full disks ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "small"
    disk.mkdir()
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root of a Linux can mount a small disk for the test")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this system does not let a disk be mounted")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_full_at_delivery_loses_nothing(shell: WarmShell, small: Path) -> None:
    outputs = ", ".join(f"{name}: {FILE.replace('NAME', name)}" for name in "ab")
    document = sh("echo little >a; head -c 2000000 /dev/zero >b", f"inputs: {{}}\noutputs: {{{outputs}}}\n")
    shell.write("tool.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\n" + document)
    done = shell.run("--outdir", str(small), "tool.cwl")
    done.fails(1, f"the results cannot be written: {small}", "the disk is full", "1 of 2 were delivered")
    [kept] = re.findall(r"^    (/.*)$", done.stderr, re.MULTILINE)
    assert Path(kept).stat().st_size == 2_000_000
    assert (small / "a").read_text() == "little\n"
    assert [path.name for path in small.iterdir()] == ["a"]


def test_results_that_cannot_be_brought_here_lie_where_they_were_made(warm: Warm, tmp_path: Path, small: Path) -> None:
    (tmp_path / "here").mkdir()
    far = WarmShell(warm, tmp_path / "here", small / "home", "shell")
    done = far.tool(leaving("head -c 2000000 /dev/zero >x", FILE.replace("NAME", "x")))
    done.fails(1, "the results cannot be brought here: ", "written here: no space left on device", "they are still where they were made:")
    [kept] = re.findall(r"^    box:(/.*)$", done.stderr, re.MULTILINE)
    assert Path(kept).stat().st_size == 2_000_000


def test_a_disk_that_can_only_be_read_is_said_before_anything_runs(quick: WarmShell, small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    quick.run("--outdir", str(small / "new"), "mark.cwl").fails(2, f"{small} cannot be written to: Read-only file system")
    assert not (quick.top / "ran").exists()


@pytest.mark.parametrize("way", ["local", "shell"])
def test_a_job_that_fills_its_disk(warm: Warm, shell: WarmShell, small: Path, way: str) -> None:
    document = sh("head -c 2000000 /dev/zero >big || exit 3")
    if way == "local":
        shell.environment["HYFLOW_HOME"] = str(small / "home")
    else:
        shell.write("deploy.yml", f"version: 1\nsites:\n  box: {{type: shell, command: [sh, -c], workdir: {small}/box}}\n"
                                  "bind: [{step: /, site: box}]\n")  # fmt: skip
        shell.way = "shell"
    done = shell.tool(document)
    assert done.status == 1 and "disk is full" in done.stderr, done.stderr


# -- inputs that are written to ------------------------------------------------------------------------------------------------------

GIVEN = "inputs: {f: {type: KIND, inputBinding: {}}}\noutputs: {}\n"


@pytest.mark.parametrize("script", ['echo more >>"$0"', 'printf HELLO >"$0"', 'rm "$(readlink "$0")"'])
def test_a_tool_that_changes_its_input(shell: WarmShell, script: str) -> None:
    shell.write("in.txt", "hello")
    os.utime(shell.top / "in.txt", (1e9, 1e9))
    done = shell.tool(sh(script, GIVEN.replace("KIND", "File")), "--", "--f", "in.txt")
    done.fails(1, f"/tool failed: its input {shell.top}/in.txt", "was changed while it ran", "`writable: true`", "class   tool")
    told_once(done)


def test_a_tool_that_fails_and_changes_its_input(shell: WarmShell) -> None:
    shell.write("in.txt", "hello")
    done = shell.tool(sh('echo more >>"$0"; exit 3', GIVEN.replace("KIND", "File")), "--", "--f", "in.txt")
    done.fails(1, "exit status 3", f"and its input {shell.top}/in.txt (5 bytes before, 10 now) was changed while it ran")


def test_a_tool_that_fills_its_input_directory_is_warned_of(shell: WarmShell) -> None:
    shell.write("data/a", "")
    done = shell.tool(sh('touch "$0/new"', GIVEN.replace("KIND", "Directory")), "--", "--f", "data")
    assert done.output == {}
    assert f"warning: /tool: its input {shell.top}/data was changed while it ran" in done.stderr


@pytest.mark.parametrize("requirements", [
    "InitialWorkDirRequirement: {listing: [{entry: $(inputs.f), writable: true}]}",
    "InplaceUpdateRequirement: {inplaceUpdate: true}, InitialWorkDirRequirement: {listing: [{entry: $(inputs.f), writable: true}]}",
])
def test_a_tool_that_may_change_its_input(shell: WarmShell, requirements: str) -> None:
    shell.write("in.txt", "hello")
    document = f"requirements: {{{requirements}}}\n" + sh('echo more >>"$0"', GIVEN.replace("KIND", "File"))
    assert shell.tool(document, "--", "--f", "in.txt").output == {}
    assert (shell.top / "in.txt").read_text().startswith("hello" if "Inplace" not in requirements else "hellomore")
