"""The parts of a run together: what is checked and bounded before anything starts, and what is told at the end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import wholerun

from hyflow import run as composition

TOOL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "true", "inputs": {}, "outputs": {}}
LOCAL = "version: 1\nsites: {{here: {{type: local, workdir: {}}}}}\n"


def test_a_site_that_is_silent_when_it_is_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "_CONNECTING", 0.5)
    deploy = "version: 1\nsites: {box: {type: shell, command: [sh, -c, 'sleep 600'], workdir: /nonexistent/box}}\n"
    began = time.monotonic()
    ran = wholerun.run(tmp_path, TOOL, deploy=deploy)
    assert time.monotonic() - began < 10
    assert ran.status == 1
    assert ran.said == "the site box gives no answer within 0.5 seconds\n  hyflow check DEPLOY --connect looks at it"
    assert not list((tmp_path / "home" / "runs").glob("2*"))


def test_a_work_directory_that_others_can_change(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    ran = wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work))
    assert ran.status == 1 and ran.said.startswith(f"here: the work directory {work} can be changed by other users\n  set `workdir` to")
    work.chmod(0o1777)  # as that of /tmp
    assert wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work)).status == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a directory away needs root")
def test_a_work_directory_of_another_user(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, 65534, 65534)
    ran = wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work))
    assert ran.status == 1 and "can be changed by other users" in ran.said
    assert not list(work.iterdir())
