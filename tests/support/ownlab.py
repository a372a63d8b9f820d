"""Labs of tests' own: a copy of what a lab is made from, brought up and taken down beside the checkout's."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab of the checkout at `root`, which is a copy of what a lab is made from."""

    root: Path

    def run(self, *words: str, program: str = "lab.sh", **environment: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(self.root / "tests/lab" / program), *words]
        return subprocess.run(command, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def status(self) -> dict[str, str]:
        return dict(line.split() for line in self.run("status").stdout.splitlines())


def copy(root: Path) -> Lab:
    """The sources of a lab, in another checkout."""
    shutil.copytree(ROOT / "tests/lab", root / "tests/lab", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "workflows/digits").mkdir(parents=True)
    shutil.copy(ROOT / "workflows/digits/Dockerfile", root / "workflows/digits")
    return Lab(root)


def left(state: Path, namespace: str) -> list[str]:
    """What a lab has left: its directory, processes that name it or are in its network, its mounts and its control groups."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    found = [line for line in mounts if f"{state}/" in line or f" {namespace} " in line]
    found += [str(path) for path in (state, *Path("/sys/fs/cgroup").glob(f"**/hyflow-lab-{state.name}*")) if path.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(state) in command or str((process / "ns/net").readlink()) == namespace:
                found.append(f"process {process.name} {command}")
        except OSError:
            continue
    return found
