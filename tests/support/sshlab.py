"""The lab's machines behind SSH, as tests use and steer them: commands at a site, its reboots, its gate (tests/lab/gate.py), the links.

A test that steers them puts them back as they were; no other test may use them meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import LAB, setting


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that obeys the lines that its control socket gets."""

    control: Path

    def tell(self, line: str) -> str:
        """Its answer, a line; of a command that it does not know: "error: ..."."""
        with socket.socket(socket.AF_UNIX) as told:
            told.connect(str(self.control))
            told.sendall(f"{line}\n".encode())
            return told.makefile().readline().rstrip("\n")

    def count(self) -> dict[str, int]:
        """Of connections, to_server and to_client (bytes), turns, and connections that are open."""
        counts: dict[str, int] = json.loads(self.tell("count"))
        return counts


@dataclass(frozen=True, slots=True)
class Site:
    """The site of that name, "cluster" or "cloud", of the lab whose `.lab` is `lab`."""

    name: str
    lab: Path = LAB

    @property
    def gate(self) -> Gate:
        return Gate(Path(setting(f"SSH_{self.name.upper()}_GATE", self.lab)))

    @property
    def root(self) -> Path:
        """Its files, as this machine sees them: without what the site itself has mounted."""
        return Path(setting(f"SSH_{self.name.upper()}_ROOT", self.lab))

    def steer(self, *words: str) -> str:
        """What `lab.sh site NAME` does: reboot, kill-sshd, start-sshd, exec COMMAND... Gives back what it prints."""
        return tell_lab(self.lab, "site", self.name, *words)


@contextlib.contextmanager
def links(*, delay: int = 0, rate: int = 0, loss: int = 0, lab: Path = LAB) -> Iterator[None]:
    """Meanwhile the sites' links have that delay (microseconds, one way), rate (bits a second; 0: none), loss (packets of a million)."""
    tell_lab(lab, "wan", str(delay), str(rate), str(loss))
    try:
        yield
    finally:
        tell_lab(lab, "wan", "0", "0", "0")


def ssh(alias: str, *words: str, lab: Path = LAB, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """OpenSSH's client, which asks nothing that SSH_ASKPASS does not answer."""
    command = ["ssh", "-F", setting("SSH_CONFIG", lab), alias, *words]
    return subprocess.run(command, input=stdin, capture_output=True, env=os.environ | environment, check=False, timeout=60)


def tell_lab(lab: Path, *words: str) -> str:
    script = lab.parent / "tests/lab/lab.sh"
    return subprocess.run(["bash", str(script), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
