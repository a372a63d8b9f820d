"""Deployment files with the lab's machines behind SSH, for tests that type commands; and what these machines hold, seen from here."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab import LAB, setting
from sshlab import Gate

GATE = LAB.parent / "tests" / "lab" / "gate.py"


def far(host: str = "cluster", **more: Any) -> dict[str, Any]:
    """The settings of a site: a machine of the lab, by its alias. Commands run as they are, without containers."""
    return {"type": "ssh", "host": host, "config": setting("SSH_CONFIG"), "container": {"runtime": "none"}, **more}


def deployment(sites: Mapping[str, Mapping[str, Any]], bind: Mapping[str, str] | None = None) -> str:
    """A deployment file: sites by name, and the site of each step; without `bind`, all on the first one."""
    bound = bind or {"/": next(iter(sites))}
    return json.dumps({"version": 1, "sites": sites, "bind": [{"step": step, "site": site} for step, site in bound.items()]})


def seen(path: str, host: str = "cluster", lab: Path = LAB) -> Path:
    """A path of that machine as this one's: its files lie below the lab's state. Not what is mounted there besides."""
    return Path(setting(f"SSH_{host.upper()}_ROOT", lab) + path)


@contextlib.contextmanager
def counted(top: Path, host: str = "cluster") -> Iterator[tuple[Gate, dict[str, Any]]]:
    """A gate of the test's own before that of the lab, and what a site's settings need to go through it: nobody else is counted there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gate, config = Gate(top / "gate"), top / "config"
    config.write_text(
        f"Host counted\n  HostName 127.0.0.1\n  HostKeyAlias {host}\n  Port {port}\n  User ada\n"
        f"  IdentityFile {setting('SSH_KEYS')}/ada\n  UserKnownHostsFile {setting('SSH_KNOWN_HOSTS')}\n",
        encoding="utf-8",
    )
    way = [sys.executable, str(GATE), str(gate.control), f"127.0.0.1:{port}", setting(f"SSH_{host.upper()}_ADDRESS")]
    with subprocess.Popen(way) as process:
        try:
            while not gate.control.exists():
                assert process.poll() is None
                time.sleep(0.02)
            yield gate, {"host": "counted", "config": str(config)}
        finally:
            process.terminate()
