"""Machines behind SSH of a test module's own, which it may cut off and reboot; and there a workflow that writes down what is started."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import processes, until
from crashing import CrashingShell
from lab import setting
from ownlab import copy
from slurmlab import Cluster
from sshlab import Site
from warm import Warm


@contextlib.contextmanager
def sites_of_our_own(top: Path, *parts: str) -> Iterator[Site]:
    """The site "cluster" of a lab that nobody else uses, with these parts beside that of the sites. Skips where there can be none."""
    lab = copy(top)
    done = lab.run("up", "ssh", *parts)
    try:
        if done.returncode:
            pytest.skip(done.stderr)
        setting("SSH_CONFIG", lab.root / ".lab")
        yield Site("cluster", lab.root / ".lab")
    finally:
        lab.run("down")


def impatient(site: Site, top: Path) -> str:
    """An SSH configuration with which a connection that is silent is given up after two seconds: its path."""
    path = top / "ssh-config"
    path.write_text(Path(setting("SSH_CONFIG", site.lab)).read_text() + "Host *\n    ServerAliveInterval 1\n    ServerAliveCountMax 1\n")
    return str(path)


def at_work(site: Site) -> list[str]:
    """Ada's processes there but for those of her logins."""
    listed = site.steer("exec", "sh", "-c", "ps -u ada -o pid=,args= || :").splitlines()
    return [line for line in listed if "sshd: " not in line and "IFS= read -r n" not in line]


class DistantShell(CrashingShell):
    """Its commands run at the site, with ada's account. `given`: settings of the site."""

    def __init__(self, warm: Warm, top: Path, site: Site, nap: str = "0.03", **given: Any) -> None:
        self.site = site
        scratch = site.root / "scratch/ada"
        for old in scratch.iterdir():
            shutil.rmtree(old)
        name = f"w{uuid.uuid4().hex}"
        (scratch / name).mkdir()
        os.chown(scratch / name, scratch.stat().st_uid, scratch.stat().st_gid)
        there = Path("/scratch/ada", name)
        settings = {**self.way(), "workdir": str(there / "box"), "poll": 0.1, "container": {"runtime": "none"}, **given}
        super().__init__(warm, top, json.dumps(settings), there=there, seen=scratch / name, nap=nap)

    def way(self) -> dict[str, Any]:
        """What its site's settings say of where it is."""
        return {"type": "ssh", "host": "cluster", "config": setting("SSH_CONFIG", self.site.lab), "cores": 4}

    def nothing_is_left_running(self) -> None:
        """Neither here nor there, soon."""
        until(lambda: self.is_quiet() and not at_work(self.site))

    def sleeping(self) -> int:
        """How many commands of the workflow run."""
        return len([line for line in processes(f"{self.there}/starts") if "b'sh\\x00-ec" in line])


class QueuedShell(DistantShell):
    """Its commands run as jobs of the site's Slurm."""

    def way(self) -> dict[str, Any]:
        way = {"type": "ssh", "host": "cluster", "config": setting("SSH_CONFIG", self.site.lab)}
        return {"type": "slurm", "via": way, "settle": 5, "submit": {"rate": "9/s"}}

    @property
    def cluster(self) -> Cluster:
        return Cluster("cluster", self.site.lab)

    def nothing_is_left_running(self) -> None:
        self.cluster.until_empty()
        super().nothing_is_left_running()
