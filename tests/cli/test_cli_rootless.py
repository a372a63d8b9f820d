"""Containers of an engine without root, with the real Podman of the lab: whose files they write, and that nothing of them is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest

TOOL = """cwlVersion: v1.2
class: CommandLineTool
requirements:
  DockerRequirement: {dockerPull: busybox}
inputs: {given: File}
arguments: [sh, -c, 'id -u; mkdir made; cat "$1" >made/copy; chmod 600 made/copy; chmod 700 made', sh, $(inputs.given.path)]
stdout: user.txt
outputs:
  user: {type: stdout}
  made: {type: Directory, outputBinding: {glob: made}}
"""


class Other:
    """The lab's user, who may read what is root's, for that is where Python may be; it has a directory of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        shutil.chown(self.folder / name, self.name)

    def hyflow(self, *words: str) -> dict[str, object]:
        """What `hyflow run` gives."""
        command = [str(Path(sys.executable).with_name("hyflow")), "run", "--deploy", str(lab.deployment("podman-rootless")), *words]
        become = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--clear-groups", "--inh-caps=+dac_read_search",
                  "--ambient-caps=+dac_read_search"]
        environment = {**os.environ, "HOME": str(self.folder), "HYFLOW_HOME": str(self.folder / "home"), "TMPDIR": str(self.folder)}
        done = subprocess.run([*become, *command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        given: dict[str, object] = json.loads(done.stdout)
        return given


@pytest.fixture
def other() -> Iterator[Other]:
    lab.deployment("podman-rootless")
    name = lab.setting("HYFLOW_LAB_USER")
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=lab.setting("HYFLOW_LAB_USER_HOME")))
    shutil.chown(folder, name)
    yield Other(name, folder)
    shutil.rmtree(folder)


AS_ROOT = ["--set", "sites.here.container.options=[--user=0:0]"]


@pytest.mark.parametrize(("options", "number"), [([], None), (AS_ROOT, "0")], ids=["own", "root"])
def test_what_is_written_belongs_to_the_caller_whoever_wrote_it(options: list[str], number: str | None, other: Other) -> None:
    other.write("tool.cwl", TOOL)
    other.write("given.txt", "hello\n")
    other.hyflow("tool.cwl", *options, "--outdir", "out", "--", "--given", "given.txt")
    out, owner = other.folder / "out", other.folder.stat().st_uid
    assert (out / "user.txt").read_text(encoding="ascii").strip() == (number or str(owner))
    assert (out / "made" / "copy").read_text(encoding="ascii") == "hello\n"
    assert {path.stat().st_uid for path in [*out.rglob("*"), out]} == {owner}
