"""Commands that go on while tests look at what they print: in a pipe, or in a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

from commandline import ENTRY, SECONDS, Ended, Shell, next_line


def finish(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, out, err)


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    lines: list[str] = []
    patience = threading.Timer(SECONDS, process.kill)
    patience.start()
    while word not in "".join(lines):
        line = next_line(process.stdout)
        assert line, f"{word!r} did not come after {lines}, but {finish(process).stderr}"
        lines.append(line)
    patience.cancel()
    return lines


class Screen:
    """A terminal in which a command runs, in a session of its own."""

    def __init__(self, shell: Shell, *words: str, columns: int = 100, rows: int = 30) -> None:
        self._ours, theirs = pty.openpty()
        self.size(columns, rows)
        environment = {**os.environ, "HYFLOW_HOME": str(shell.home), "TERM": "xterm"}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        argv = [sys.executable, "-c", ENTRY["hyflow"], *words]
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
        os.close(theirs)
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._ours, 4096):
                self.text += chunk.decode()

    def ended(self) -> int:
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        os.close(self._ours)
        return status
