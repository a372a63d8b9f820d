"""Starts hyflow by a fork from a process that has loaded everything already: each start takes a second less of a processor.

The process is `nest.py`. Each command is a process as any other: a session of its own, its own environment, directory and streams. What
Python reads of its environment as it starts cannot be given to a fork; whoever changes that starts a process the usual way.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_EARLY = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
"""How variables begin that count when a process starts."""
_LONGEST = 100_000
"""Bytes of an order; a local socket takes somewhat more at once."""
_READY = 120.0
"""Seconds that loading everything may take."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command to fork. `mishap`: what `dying.arm` is told first."""

    command: str
    words: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    mishap: Sequence[str | int] = ()


class Nursery:
    """The process that commands are forked from; it is there from the first one on, and ends with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._early: dict[str, str] = {}

    def takes(self, order: Order) -> bool:
        """Whether a fork is what a process of its own would be."""
        here = _early(os.environ) if self._process is None else self._early
        return _early(order.environment) == here and len(_written(order)) < _LONGEST

    def run(self, order: Order, seconds: float) -> tuple[int, str, str]:
        """The exit status of the command, and what it said. Raises TimeoutExpired after so many seconds, when it has been killed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = self._begun(order, out.fileno(), err.fileno(), seconds)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="surrogateescape"))
        return status, texts[0], texts[1]

    def _begun(self, order: Order, out: int, err: int, seconds: float) -> int:
        line = self._ready()
        answer, theirs = os.pipe()
        with os.fdopen(answer, "rb", buffering=0) as lines:
            try:
                socket.send_fds(line, [_written(order)], [out, err, theirs])
            finally:
                os.close(theirs)
            pid = int(lines.readline())
            if not select.select([lines], [], [], seconds)[0]:
                os.killpg(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([order.command, *order.words], seconds)
            return int(lines.readline())

    def _ready(self) -> socket.socket:
        if self._line is None:
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._early = _early(os.environ)
            argv = [sys.executable, str(_HERE / "nest.py")]
            with theirs:
                self._process = subprocess.Popen(argv, cwd=_HERE, stdin=theirs, stdout=subprocess.DEVNULL, start_new_session=True)
            atexit.register(self._end)
            self._line.settimeout(_READY)
            assert self._line.recv(1), "the process that commands are forked from has ended"
        return self._line

    def _end(self) -> None:
        assert self._line and self._process
        self._line.close()
        self._process.wait()


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_EARLY)}


def _written(order: Order) -> bytes:
    return json.dumps({**asdict(order), "cwd": str(order.cwd)}).encode()


NURSERY = Nursery()
"""For all tests that this process runs."""
