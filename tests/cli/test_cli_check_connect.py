"""`hyflow check --connect`: what sites tell before a long run, for people and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commandline import Shell


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path, tmp_path_factory.mktemp("home"))


def deployment(shell: Shell, *command: str) -> None:
    box = f"{{type: shell, command: {json.dumps(list(command))}, workdir: {shell.top}/box, container: {{runtime: none}}}}"
    shell.write("d.yml", f"version: 1\nsites:\n  here: {{type: local}}\n  box: {box}\nbind:\n  - {{step: /, site: [here, box]}}\n")


def test_what_a_site_tells_is_aligned_below_its_name(shell: Shell) -> None:
    deployment(shell, "sh", "-c")
    done = shell("hyflow", "check", "d.yml", "--connect")
    assert (done.status, done.stderr) == (0, "")
    lines = done.stdout.partition("file system box\n")[2].splitlines()
    assert lines[0] == "       containers: none, commands run with what is installed"
    assert {"machine", "tools", "space", "programs", "clock", "latency", "throughput"} <= {line.split()[0] for line in lines[1:]}
    assert {re.match(r" {7}\w+ +", line).end() for line in lines[1:]} == {len("       throughput  ")}  # type: ignore[union-attr]  # all match
    assert re.search(r"^ {7}throughput  \S+iB/s there, \S+iB/s back$", done.stdout, re.MULTILINE)


def test_warnings_are_marked_and_control_sequences_are_gone(shell: Shell) -> None:
    shell.write("bin/id", "#!/bin/sh\nprintf '\\033[31mada\\rmallory'\n")
    (shell.top / "bin" / "id").chmod(0o755)
    deployment(shell, "env", f"PATH={shell.top}/bin:/usr/bin:/bin", "HOME=/nowhere", "sh", "-c")
    done = shell("hyflow", "check", "d.yml", "--connect")
    assert done.status == 0 and "  warning: /nowhere cannot be written to" in done.stdout
    assert "\x1b" not in done.stdout and "user ada\\rmallory" in done.stdout


def test_json(shell: Shell) -> None:
    deployment(shell, "sh", "-c")
    told = shell("hyflow", "check", "d.yml", "--json").output
    assert [site["name"] for site in told["sites"]] == ["here", "box"] and told["connections"] is None
    resources = dict.fromkeys(("cores", "memory", "gpus", "time"))
    assert told["bindings"] == [{"step": "/", "targets": ["here", "box"], "resources": resources, "options": {}}]
    here, box = shell("hyflow", "check", "d.yml", "--json", "--connect").output["connections"]
    assert (here["site"], here["error"], here["findings"]) == ("here", None, [])
    assert box["locations"][0]["workdir"] == f"{shell.top}/box" and box["locations"][0]["cores"] >= 1
    assert {one["name"] for one in box["findings"]} >= {"machine", "space", "latency"}
    assert all(one.keys() == {"name", "words", "level"} for one in box["findings"])


def test_json_of_a_site_that_does_not_answer(shell: Shell) -> None:
    deployment(shell, "false")
    done = shell("hyflow", "check", "d.yml", "--connect", "--json")
    box = json.loads(done.stdout)["connections"][1]
    assert done.status == 1 and "box  FAILED: " in done.stderr
    assert "did not run the command line" in box["error"] and (box["locations"], box["findings"], box["containers"]) == ([], [], None)


def test_a_problem_is_a_failure(shell: Shell) -> None:
    quota = "#!/bin/sh\necho ' /dev/sda1 4096 4096 4096 0 1 0 0 0'\n"
    shell.write("bin/quota", quota)
    (shell.top / "bin" / "quota").chmod(0o755)
    deployment(shell, "env", f"PATH={shell.top}/bin:/usr/bin:/bin", "sh", "-c")
    done = shell("hyflow", "check", "d.yml", "--connect")
    assert done.status == 1 and "  PROBLEM: 0B of 4MiB left on /dev/sda1\n" in done.stdout
