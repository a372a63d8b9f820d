"""A command in front of a terminal of its own, where somebody reads and types."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Terminal:
    """`shown`: all that was written there."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process, self._end = process, end
        self.shown = ""

    def until(self, text: str, seconds: float = 30) -> None:
        """Read until that has been written."""
        ending = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < ending and self.read(), self.shown

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def silent(self) -> bool:
        """Whether what is typed is not shown."""
        return not termios.tcgetattr(self._end)[3] & termios.ECHO

    def ends(self, seconds: float = 60) -> int:
        """Read to the end; the exit status."""
        ending = time.monotonic() + seconds
        while self.read():
            assert time.monotonic() < ending, self.shown
        return self.process.wait(5)

    def read(self) -> bool:
        """Whether there may be more."""
        if not select.select([self._end], [], [], 0.2)[0]:
            return self.process.poll() is None
        with contextlib.suppress(OSError):  # EIO: nobody has the other end open
            if block := os.read(self._end, 1 << 14):
                self.shown += block.decode(errors="replace").replace("\r\n", "\n")
                return True
        return False


@contextlib.contextmanager
def terminal(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """The command, leading a session whose terminal is new; ended in the end. Its messages and its output go there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv, cwd=cwd, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)
