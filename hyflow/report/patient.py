"""A stream that never fails: whoever read it may be gone, the disk behind it full; the run goes on all the same."""

from __future__ import annotations

import io
from typing import TextIO


class Patient(io.TextIOBase):
    """Writes to `stream` as long as that can be written to, and to nowhere from then on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self._terminal = stream.isatty()

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except (OSError, ValueError):  # ValueError: it is closed
                self._stream = None
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None

    def isatty(self) -> bool:
        return self._terminal

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("the stream is gone")
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # as every text stream has it
        return getattr(self._stream, "encoding", None) or "utf-8"
