"""What one job said, on standard output: how it stands, its earlier attempts, and the files that hold what its latest one wrote. What of
these does not lie on this machine is left to whoever can get it.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hyflow.journal import Phase
from hyflow.report.joblog import JobStory, open_log, pieces, try_words
from hyflow.report.story import cancelled
from hyflow.report.terminal import clean, one_line, when

SHOWN = 64 << 10
"""Bytes of what a job said, its last, that a terminal is given; more has scrolled away before anybody can read it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The file `path`, which holds what the latest attempt wrote to `stream`, is not on this machine. `headed`: it follows a heading."""

    story: JobStory
    path: str
    stream: str
    headed: bool

    @property
    def site(self) -> str:
        """The name of the site where it may lie."""
        return self.story.tries[-1].where.location.partition("/")[0]

    def say(self, hint: str = "") -> None:
        """Tell where it is, with a hint how to get it, and what is known of it here."""
        sys.stdout.flush()
        print(_missing(self.path, self.story, self.stream) + hint, file=sys.stderr)
        if self.stream == "stderr" and self.story.failure is not None:
            print(clean(self.story.failure.stderr))


class Printed:
    """Prints a file piece by piece: as it is, but made safe where it goes to a terminal."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._terminal, self._last = sys.stdout.isatty(), b"\n"

    def add(self, piece: bytes) -> None:
        """Here is more."""
        if self._terminal:
            sys.stdout.write(clean(self._decoder.decode(piece)))
        else:
            sys.stdout.buffer.write(piece)
        self._last = piece[-1:]

    def end(self, *, headed: bool) -> None:
        """That was all. `headed`: what follows begins on a line of its own."""
        if self._terminal:
            sys.stdout.write(clean(self._decoder.decode(b"", final=True)))
        sys.stdout.flush()
        if headed and self._last != b"\n":
            print()


def earlier(story: JobStory) -> list[str]:
    """A line for each attempt before the latest (that too, when the job is to run again): when and where it was, how it ended; and for each
    time that it was told to run again; safe for a terminal."""
    lines = []
    for number, one in enumerate(story.tries, 1):
        lines += [_asked(at) for at in one.asked]
        lines += [f"  {when(one.at)}  {one_line(try_words(number, one))}"] if number < story.attempts or story.asked else []
    return [*lines, *map(_asked, story.asked)]


def _asked(at: float) -> str:
    return f"  {when(at)}  it was told to run again"


def print_job(story: JobStory, only: Sequence[str], whole: bool) -> Iterator[Missing]:
    """One stream on its own is printed as it is, for pipes; both come with headings. Gives the files that are not here, each at the moment
    at which it would be printed."""
    where = story.where
    if len(only) != 1:
        state = (story.phase or Phase.WAITING).value
        print(f"{one_line(str(story.job))}: {state}" + (f", attempt {story.attempts} at {one_line(str(where))}" if where else ""))
        if where is not None and where.image:
            print(f"  in a container of the image {one_line(where.image)}")
        if where is not None and where.modules:
            print(f"  with {one_line(', '.join(where.modules))} loaded")
        if story.failure is not None:
            ended = f"it {cancelled(story.failure)}" if story.phase is Phase.CANCELLED else story.failure.message
            print(f"  {clean(ended)}")
        print("".join(f"{line}\n" for line in earlier(story)), end="")
    if where is None:
        return
    for name in only or ("stderr", "stdout"):
        yield from _stream(f"{where.dir}/{name}", story, name, headed=len(only) != 1, whole=whole)


def _stream(path: str, story: JobStory, name: str, *, headed: bool, whole: bool) -> Iterator[Missing]:
    file = open_log(path)
    if headed:
        empty = " (empty)" if file is not None and not os.fstat(file.fileno()).st_size else ""
        print(f"--- {name}: {one_line(path)}{empty}")
    sys.stdout.flush()
    if file is None:
        yield Missing(story, path, name, headed)
        return
    if not whole and sys.stdout.isatty():
        skip_beginning(file, path)
    printed = Printed()
    with file:
        for piece in pieces(file):
            printed.add(piece)
    printed.end(headed=headed)


def skip_beginning(file: BinaryIO, path: str) -> None:
    """Leave out the beginning of what is too long for a terminal, up to the end of a line where lines are not overlong."""
    size = os.fstat(file.fileno()).st_size
    if size <= SHOWN:
        return
    file.seek(size - SHOWN)
    file.readline(SHOWN // 2)
    print(left_out(file.tell(), size, path), flush=True)


def left_out(first: int, size: int, path: str) -> str:
    """That a terminal is not given so many bytes of them."""
    return f"... the first {first:,} of {size:,} bytes are left out; --all shows them, and they are in {one_line(path)}"


def _missing(path: str, story: JobStory, name: str) -> str:
    if Path(path).parent.is_dir():
        return f"there is no file {one_line(path)}: the {name} of this command was empty or became an output, or it has not begun"
    gone = f", where its {name} lies unless it was empty" if story.phase is Phase.DONE else ""
    return f"there is no file {one_line(path)} on this machine: the attempt ran at {one_line(str(story.where))}{gone}"
