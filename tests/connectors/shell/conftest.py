"""Machines with one shell or another."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(params=["dash", "bash", "busybox"])
def tools(request: pytest.FixtureRequest) -> Iterator[str]:
    """The search path of such a machine, open to all users: dash and bash with coreutils, busybox alone."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"{request.param} is not installed: apt-get install {request.param}")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        if request.param == "busybox":
            subprocess.run([program, "--install", "-s", name], check=True)
            yield name
        else:
            (directory / "sh").symlink_to(program)
            yield f"{name}:/usr/bin:/bin"
