"""`hyflow run` as it is typed, many times, with variables of its own: every command is forked (`nursery.py`)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from commandline import Ended, Shell
from nursery import NURSERY, Order

_LONGEST = 300.0
"""Seconds that a command may take, also one that is suspended meanwhile."""


class Warm:
    """Commands with variables, and mishaps, of their own."""

    def __call__(self, cwd: Path, home: Path, words: list[str], environment: dict[str, str], mishap: Sequence[str | int] = ()) -> Ended:
        """`mishap`: what `dying.arm` is told first."""
        settings = {**os.environ, "HYFLOW_HOME": str(home), **environment}
        return Ended(*NURSERY.run(Order("hyflow", words, str(cwd), settings, mishap), _LONGEST))


@contextlib.contextmanager
def warmed() -> Iterator[Warm]:
    """For the tests of a module."""
    yield Warm()


class WarmShell(Shell):
    """A directory to type `hyflow` in. `environment`: variables beside those of the tests."""

    def __init__(self, warm: Warm, top: Path, home: Path, way: str = "local") -> None:
        super().__init__(top, home, way)
        self._warm = warm
        self.environment: dict[str, str] = {}

    def __call__(self, command: str, *words: str) -> Ended:
        assert command == "hyflow"
        return self._warm(self.top, self.home, list(words), self.environment)

    def tool(self, text: str, *words: str) -> Ended:
        """Run a tool: `text` is its document but for what every one has."""
        self.write("tool.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\n" + text)
        return self.run("--outdir", "results", "tool.cwl", *words)


FILE = "{type: File, outputBinding: {glob: NAME}}"
"""An output of a tool, with the name to be filled in."""


def sh(script: str, rest: str = "inputs: {}\noutputs: {}\n") -> str:
    return f"baseCommand: [sh, -c, {json.dumps(script)}]\n{rest}"


def leaving(script: str, output: str, rest: str = "") -> str:
    """A tool with an output `o`."""
    return sh(script, f"inputs: {{}}\noutputs: {{o: {output}}}\n{rest}")


def told_once(done: Ended) -> None:
    """The job's failure is told once, with the command to type next."""
    assert done.stderr.count("/tool failed: ") == 1
    assert done.stderr.count("  next: ") == 1
