"""Environment modules to test with: Environment Modules as Debian installs it, and beside it Lmod, unpacked where nobody else sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hyflow.model.jobs import Key
from hyflow.model.tasks import Task

SHELLS = [argv for argv in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(argv[0])]
_LMOD = ["lmod", "lua5.3", "lua-filesystem", "lua-json", "lua-lpeg", "lua-posix", "lua-term"]
_PLACES = re.compile(rb"(?<![\w.])/usr/(?=(?:share/(?:lmod|lua)|bin/lua5|lib/lmod|lib/[\w-]+/lua)\b)")


def need_modules() -> None:
    """Skip where Environment Modules are not installed."""
    if not Path("/etc/profile.d/modules.sh").exists() or not shutil.which("modulecmd"):
        pytest.skip("apt-get install environment-modules")


def task(top: Path, *argv: str, **environment: str) -> Task:
    """A task whose HOME and TMPDIR are `home` and `tmp` below `top`."""
    for name in ("home", "tmp"):
        (top / name).mkdir(exist_ok=True)
    home = {"HOME": str(top / "home"), "TMPDIR": str(top / "tmp")}
    return Task(Key("key"), "/step", str(top), argv, {**home, **environment})


def ran(
    task: Task, shell: Sequence[str] = ("/bin/sh",), around: Sequence[str] = (), stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """What became of the task's command, with `shell` in place of /bin/sh, below the command `around`."""
    environment = {"PATH": os.environ["PATH"], **task.environment}
    argv = [*around, *shell, *task.argv[1:]]
    done = subprocess.run(argv, env=environment, capture_output=True, input=os.fsencode(stdin), check=False, timeout=60)
    return subprocess.CompletedProcess(argv, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def unpacked_lmod(top: Path) -> Mapping[str, str]:
    """Lmod below `top`, and the variables by which it is found."""
    if not shutil.which("dpkg") or not shutil.which("apt-get"):
        pytest.skip("Lmod is unpacked from Debian's package, and this is another system")
    there = subprocess.run(["apt-get", "-qq", "download", *_LMOD], cwd=top, capture_output=True, text=True, check=False, timeout=120)
    if there.returncode:
        pytest.skip(f"Lmod cannot be had: {there.stderr.strip()}")
    root = top / "root"
    for package in top.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True, timeout=60)
    for path in (root / "usr" / "share" / "lmod").rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(_PLACES.sub(os.fsencode(f"{root}/usr/"), path.read_bytes()))
    (libraries,) = (path.parent for path in root.glob("usr/lib/*/lua"))
    return {"LMOD_PKG": str(root / "usr" / "share" / "lmod" / "lmod"), "LD_LIBRARY_PATH": str(libraries)}
