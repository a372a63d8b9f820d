"""Commands in a directory for the PATH that do what a test tells them, and write down what they are called with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hyflow.shell.trips import read_whole


class Commands:
    """`top`: the directory."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def does(self, name: str, script: str) -> None:
        command = self.top / name
        command.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.top}/calls\n{script}\n')
        command.chmod(0o755)

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """The text as `hyflow.shell.trips.ask` has it run."""
        path = {"PATH": f"{self.top}:/usr/bin:/bin"}
        return subprocess.run(["sh"], input=read_whole(text).decode(), env=path, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        return (self.top / "calls").read_text().splitlines()
