"""The CWL v1.2 conformance suite, on every way to run. `run.py` beside this file does the work, and says what failed.

The whole suite runs on this machine without containers; through a shell site the required tests and a few of each tag; with Docker
those that ask for a container; as jobs of a cluster the required tests; on every other way one of each tag. The commands are forked
(`make soak` runs all on all, each command a new process, as `make conformance` does).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
NO_SUITE = 77


WAYS = ["local", "shell", "ssh", "docker", "podman", "apptainer", "ssh-docker", "ssh-apptainer", "slurm", "slurm-bare", "slurm-apptainer"]


@pytest.mark.parametrize("arguments", [["--forked", "--way", way, *(["--sample"] if way != "local" else [])] for way in WAYS], ids=WAYS)
def test_the_suite_passes_but_for_what_is_expected(arguments: list[str]) -> None:
    jobs = os.environ.get("JOBS", str(os.cpu_count() or 2))
    done = subprocess.run([sys.executable, str(RUN), "--jobs", jobs, *arguments], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == NO_SUITE:
        pytest.skip(done.stderr)
    assert done.returncode == 0, f"some tests went otherwise than expected.toml says: see above\n{done.stderr[-2000:]}"


def test_without_the_suite_it_says_how_to_get_it(tmp_path: Path) -> None:
    environment = {**os.environ, "HYFLOW_CONFORMANCE": str(tmp_path)}
    done = subprocess.run([sys.executable, str(RUN)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == NO_SUITE
    assert "git clone" in done.stderr
