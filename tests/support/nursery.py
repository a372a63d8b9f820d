"""Starts hyflow by a fork from a process that has loaded everything already: each start takes a second less of a processor.

The process is `nest.py`. Each command is a process as any other: a session of its own, its own environment, directory and streams. What
Python reads of its environment as it starts cannot be given to a fork; whoever changes that starts a process the usual way.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from forked import ask

_HERE = Path(__file__).parent
_EARLY = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
"""How variables begin that count when a process starts."""
_READY = 120.0
"""Seconds that loading everything may take."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command to fork. `mishap`: what `dying.arm` is told first."""

    command: str
    words: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    mishap: Sequence[str | int] = ()


class Nursery:
    """The process that commands are forked from; it is there from the first one on, and ends with this process."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._address = ""
        self._early: dict[str, str] = {}

    def takes(self, order: Order) -> bool:
        """Whether a fork is what a process of its own would be."""
        return _early(order.environment) == (self._early if self._address else _early(os.environ))

    def run(self, order: Order, seconds: float) -> tuple[int, str, str]:
        """The exit status of the command, and what it said. Raises TimeoutExpired after so many seconds, when it has been killed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = self._ended(order, out.fileno(), err.fileno(), seconds)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="surrogateescape"))
        return status, texts[0], texts[1]

    def _ended(self, order: Order, out: int, err: int, seconds: float) -> int:
        with ask(self._ready(), asdict(order), out, err) as line, line.makefile("rb", buffering=0) as answer:
            pid = int(answer.readline())
            if not select.select([line], [], [], seconds)[0]:
                os.killpg(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([order.command, *order.words], seconds)
            return int(answer.readline())

    def _ready(self) -> str:
        if not self._address:
            self._early = _early(os.environ)
            self._address = self._stack.enter_context(nest())
            atexit.register(self._stack.close)
        return self._address


@contextlib.contextmanager
def nest() -> Iterator[str]:
    """Start the process; the address at which it takes orders."""
    with tempfile.TemporaryDirectory(prefix="nest-") as folder:
        argv = [sys.executable, str(_HERE / "nest.py"), f"{folder}/s"]
        with subprocess.Popen(argv, cwd=_HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdin and process.stdout
            with process.stdin:
                said = select.select([process.stdout], [], [], _READY)[0] and process.stdout.readline()
                assert said, "the process that commands are forked from does not begin"
                yield f"{folder}/s"


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_EARLY)}


NURSERY = Nursery()
"""For all tests that this process runs."""
