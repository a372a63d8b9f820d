"""`hyflow run` as it is typed, many times: every command is a process of its own, forked from one that has loaded everything already."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from commandline import Ended, Shell

_LONGEST = 300.0
"""Seconds that a command may take, also one that is suspended meanwhile."""
_SERVER = """
import json, os, pathlib, sys, tempfile
from hyflow.cwl.load import load
import hyflow.cli.main, hyflow.cli.run, hyflow.cli.logs, hyflow.run, hyflow.report.watch, hyflow.report.logs
with tempfile.TemporaryDirectory() as folder:
    document = pathlib.Path(folder, "first.cwl")
    document.write_text("{cwlVersion: v1.2, class: CommandLineTool, baseCommand: 'true', inputs: {}, outputs: {}}")
    load(str(document), cache=None)
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if not pid:
        for name, number in (("out", 1), ("err", 2)):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(order["cwd"])
        os.environ.update(order["environment"])
        if order["mishap"]:
            sys.path.insert(0, order["support"])
            import dying
            dying.arm(*order["mishap"])
        sys.argv = ["hyflow", *order["words"]]
        hyflow.cli.main.main()
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Warm:
    """The process that the commands are forked from."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(
        self, cwd: Path, home: Path, words: list[str], environment: dict[str, str], mishap: Sequence[str | int] = ()
    ) -> Ended:
        """`mishap`: what `dying.arm` is told first."""
        assert self._process.stdin and self._process.stdout
        out, err = cwd / ".stdout", cwd / ".stderr"
        settings = {"HYFLOW_HOME": str(home), **environment}
        order = {"cwd": str(cwd), "words": words, "out": str(out), "err": str(err), "environment": settings,
                 "mishap": mishap, "support": str(Path(__file__).parent)}  # fmt: skip
        print(json.dumps(order), file=self._process.stdin, flush=True)
        assert select.select([self._process.stdout], [], [], _LONGEST)[0], "the command does not end"
        status = int(self._process.stdout.readline())
        texts = [path.read_text(errors="surrogateescape") for path in (out, err)]
        out.unlink()
        err.unlink()
        return Ended(status, *texts)


@contextlib.contextmanager
def warmed() -> Iterator[Warm]:
    """For the tests of a module."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER], text=True, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        try:
            yield Warm(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


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
