"""A whole run at a site whose command runs on a machine behind SSH."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Shell
from lab import setting
from sshlab import ssh

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {data: File}
baseCommand: [sh, -c, 'id -un; cat "$0"']
arguments: [$(inputs.data)]
stdout: said
outputs: {said: stdout}
"""
DEPLOY = """\
version: 1
sites:
  far:
    type: shell
    via: {type: ssh, host: cluster, config: CONFIG}
    command: [env, X=1, sh, -c]
    workdir: /scratch/ada/WORK
    container: {runtime: none}
"""


def test_a_run_leaves_nothing_behind(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shell = Shell(tmp_path, tmp_path_factory.mktemp("home"))
    work = f"via-{tmp_path.name}"
    shell.write("deploy.yml", DEPLOY.replace("CONFIG", setting("SSH_CONFIG")).replace("WORK", work))
    shell.write("tool.cwl", TOOL)
    shell.write("job.yml", "data: {class: File, path: data}\n")
    shell.write("data", "brought there\n")
    checked = shell("hyflow", "check", "deploy.yml", "--connect", "--json")
    assert checked.status == 0, checked.stderr
    (site,), (answer,) = (json.loads(checked.stdout)[part] for part in ("sites", "connections"))
    assert (site["via"]["type"], site["via"]["settings"]["host"]) == ("ssh", "cluster")
    assert answer["findings"][0]["name"] == "login"
    ran = shell("hyflow", "run", "tool.cwl", "deploy.yml", "job.yml", "--outdir", "out", "--quiet")
    assert ran.status == 0, ran.stderr
    assert (tmp_path / "out" / "said").read_text() == "ada\nbrought there\n"
    assert ssh("cluster", "ls", "-A", f"/scratch/ada/{work}").stdout.split() == [b".attempts"]
