"""Ctrl-C while images are on their way: the run ends at once, and so does the pull."""

from __future__ import annotations

import signal
import uuid
from pathlib import Path

import pytest
from commandline import Shell, processes
from standin import Standin

TOOL = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: "true"
inputs: []
outputs: []
requirements: {DockerRequirement: {dockerPull: busybox}}
"""
SITES = ("{type: local, container: CONTAINER}", "{type: shell, command: [sh, -c], workdir: WORKDIR, container: CONTAINER}")


@pytest.mark.parametrize("where", ["pull", "image", "info", "ps", "both"])
@pytest.mark.parametrize("site", SITES)
def test_while_the_engine_does_not_answer(tmp_path: Path, where: str, site: str) -> None:
    docker, nap = Standin(tmp_path / "engine"), f"86399.{uuid.uuid4().int % 10**15:015d}"
    for verb in ("pull", "ps") if where == "both" else (where,):
        docker.command.write_text(docker.command.read_text().replace(f"{verb}) ", f"{verb}) exec sleep {nap};"))
    if where == "ps":
        docker.does("pull", "sleep 5")
    shell = Shell(tmp_path, tmp_path / "home")
    shell.write("tool.cwl", TOOL)
    container = f"{{runtime: docker, command: [{docker.command}]}}"
    chosen = site.replace("CONTAINER", container).replace("WORKDIR", str(tmp_path / "far"))
    shell.write("deploy.yml", f"version: 1\nsites: {{here: {chosen}}}\n")
    with shell.start("hyflow", "run", "tool.cwl", "deploy.yml") as process:
        try:
            while len(processes(f"sleep\0{nap}")) < (2 if where == "both" else 1):
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=30)[1]
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not processes(f"sleep\0{nap}")
