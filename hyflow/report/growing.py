"""The files to which one attempt writes, read as they grow."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from hyflow import plain
from hyflow.report.joblog import open_log, pieces
from hyflow.report.said import skip_beginning
from hyflow.report.terminal import clean, one_line

DECODER = codecs.getincrementaldecoder("utf-8")


class Told:
    """Where it is printed: standard output. One stream alone as it is, two with a heading whenever the other one speaks; a terminal gets
    it made safe, and of what was written before only the end, unless it is to have the `whole`. `as_lines`: JSON, an object a piece."""

    def __init__(self, streams: Sequence[str], *, as_lines: bool, whole: bool) -> None:
        self.streams = tuple(streams)
        self.whole = whole or as_lines or not sys.stdout.isatty()
        self._lines, self._terminal = as_lines, sys.stdout.isatty()
        self._speaker = ""
        self._at_start = True

    def write(self, path: str, stream: str, attempt: int, piece: bytes, text: str) -> None:
        """Print what the attempt has written to the stream, that is to the file `path`: these bytes, which are this text."""
        if self._lines:
            sys.stdout.write(plain.line({"stream": stream, "attempt": attempt, "text": text}) + "\n")
        else:
            self._head(path, stream)
            if self._terminal:
                sys.stdout.write(clean(text))
            else:
                sys.stdout.flush()
                sys.stdout.buffer.write(piece)
            self._at_start = piece.endswith(b"\n")
        sys.stdout.flush()

    def _head(self, path: str, stream: str) -> None:
        if len(self.streams) > 1 and self._speaker != path:
            sys.stdout.write(("" if self._at_start else "\n") + f"--- {stream}: {one_line(path)}\n")
        self._speaker = path


class Files(Protocol):
    """The files of one attempt as they are followed. `alone`: they know by themselves when nothing more will come."""

    alone: bool

    def pump(self, *, last: bool = False) -> bool:
        """Print what is new; whether that was all there will be. `last`: nothing more will be written."""


class Growing:
    """Those of one attempt in its directory, if that can be read from here (`seen`)."""

    alone = False

    def __init__(self, directory: str, attempt: int, told: Told) -> None:
        self._directory, self._attempt, self._told = directory, attempt, told
        self._files: dict[str, tuple[BinaryIO, codecs.IncrementalDecoder]] = {}
        self._closed = self._seen = False

    @property
    def seen(self) -> bool:
        self._seen = self._seen or Path(self._directory).is_dir()
        return self._seen

    def pump(self, *, last: bool = False) -> bool:
        if self._closed:
            return True
        self._closed = last
        for stream in self._told.streams:
            path = f"{self._directory}/{stream}"
            if stream not in self._files and (file := open_log(path)) is not None:
                if not self._told.whole:
                    skip_beginning(file, path)
                self._files[stream] = (file, DECODER("surrogateescape"))
            if stream in self._files:
                self._more(path, stream, last)
        return last

    def _more(self, path: str, stream: str, last: bool) -> None:
        file, decoder = self._files[stream]
        for piece in pieces(file):
            self._told.write(path, stream, self._attempt, piece, decoder.decode(piece))
        if last:
            file.close()


def say(text: str) -> None:
    """What is not the job's own words is no part of the output."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
