"""The installed commands, each in a process of its own with a home of its own, on documents written as text."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from nursery import NURSERY, Order

ENTRY = {
    "hyflow": "from hyflow.cli.entry import hyflow; hyflow()",
    "cwl-runner": "from hyflow.cli.entry import cwl_runner; cwl_runner()",
}
SECONDS = 60


class Shell:
    """A directory to type commands in. `way`: "local", or "shell" for a deployment file that sends everything to a shell site."""

    def __init__(self, top: Path, home: Path, way: str = "local") -> None:
        self.top, self.home, self.way = top, home, way
        if way == "shell":
            self.write("deploy.yml", f"version: 1\nsites:\n  box: {{type: shell, command: [sh, -c], workdir: {top}/box}}\n"
                                     "bind:\n  - {step: /, site: box}\n")  # fmt: skip

    def write(self, name: str, text: str) -> str:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def start(self, command: str, *words: str) -> subprocess.Popen[str]:
        """In a session of its own, as a terminal's foreground job is in a group of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", ENTRY[command], *words], cwd=self.top, text=True, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "HYFLOW_HOME": str(self.home)}, errors="surrogateescape",
        )  # fmt: skip

    def __call__(self, command: str, *words: str) -> Ended:
        order = Order(command, words, str(self.top), {**os.environ, "HYFLOW_HOME": str(self.home)})
        if NURSERY.takes(order):
            return Ended(*NURSERY.run(order, SECONDS))
        with self.start(command, *words) as process:
            try:
                stdout, stderr = process.communicate(timeout=SECONDS)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Ended(process.returncode, stdout, stderr)

    def run(self, *words: str) -> Ended:
        """`hyflow run` on the way of this shell; its options first."""
        return self("hyflow", "run", *self.deploy, *words)

    @property
    def deploy(self) -> list[str]:
        return ["--deploy", "deploy.yml"] if self.way == "shell" else []


class Ended:
    """What a command said and how it ended. Never a traceback."""

    def __init__(self, status: int, stdout: str, stderr: str) -> None:
        self.status, self.stdout, self.stderr = status, stdout, stderr
        assert "Traceback" not in stderr, stderr
        assert "bug in hyflow" not in stderr, stderr

    @property
    def output(self) -> Any:
        """The output object: all of standard output, of a command that has succeeded."""
        assert self.status == 0, self.stderr
        return json.loads(self.stdout)

    def fails(self, status: int, *words: str) -> None:
        """It failed with this status, nothing on standard output, and a message that holds the words."""
        assert (self.status, self.stdout) == (status, ""), self.stderr
        for word in words:
            assert word in self.stderr, self.stderr


def processes(word: str) -> list[str]:
    """The running processes with that word in their command lines."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path("/proc", number, "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in text and int(number) != os.getpid():
            found.append(f"{number} {text!r}")
    return found


def next_line(stream: IO[str] | None) -> str:
    """The next line, with its end, or "" at the end of all. Nothing behind it is read: `communicate` would not give that any more."""
    assert stream is not None
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(stream.fileno(), 1)):
        line += byte
    return line.decode(errors="surrogateescape")


def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait until it holds."""
    ending = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ending, "this took too long"
        time.sleep(0.02)
