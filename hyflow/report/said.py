"""What one job said, on standard output: how it stands, its earlier attempts, and the files that hold what its latest one wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from hyflow.journal import Phase
from hyflow.report.joblog import JobStory, open_log, pieces, try_words
from hyflow.report.story import cancelled
from hyflow.report.terminal import clean, one_line, when

_SHOWN = 64 << 10
"""Bytes of what a job said, its last, that a terminal is given; more has scrolled away before anybody can read it."""


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


def print_job(story: JobStory, only: Sequence[str], whole: bool) -> None:
    """One stream on its own is printed as it is, for pipes; both come with headings."""
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
        _stream(f"{where.dir}/{name}", story, name, headed=len(only) != 1, whole=whole)


def _stream(path: str, story: JobStory, name: str, *, headed: bool, whole: bool) -> None:
    file = open_log(path)
    if headed:
        empty = " (empty)" if file is not None and not os.fstat(file.fileno()).st_size else ""
        print(f"--- {name}: {one_line(path)}{empty}")
    sys.stdout.flush()
    if file is None:
        _say_missing(path, story, name)
        return
    if not whole and sys.stdout.isatty():
        skip_beginning(file, path)
    if _copy(file) != b"\n" and headed:
        print()


def skip_beginning(file: BinaryIO, path: str) -> None:
    """Leave out the beginning of what is too long for a terminal, up to the end of a line where lines are not overlong."""
    size = os.fstat(file.fileno()).st_size
    if size <= _SHOWN:
        return
    file.seek(size - _SHOWN)
    file.readline(_SHOWN // 2)
    print(f"... the first {file.tell():,} of {size:,} bytes are left out; --all shows them, and they are in {one_line(path)}", flush=True)


def _say_missing(path: str, story: JobStory, name: str) -> None:
    print(_missing(path, story, name), file=sys.stderr)
    if name == "stderr" and story.failure is not None:
        print(clean(story.failure.stderr))


def _missing(path: str, story: JobStory, name: str) -> str:
    if Path(path).parent.is_dir():
        return f"there is no file {one_line(path)}: the {name} of this command was empty or became an output, or it has not begun"
    gone = f", where its {name} lies unless it was empty" if story.phase is Phase.DONE else ""
    return f"there is no file {one_line(path)} on this machine: the attempt ran at {one_line(str(story.where))}{gone}"


def _copy(file: BinaryIO) -> bytes:
    """As it is, but made safe where it goes to a terminal. Gives its last byte, or of an empty file a line's end."""
    last = b"\n"
    with file:
        for piece in pieces(file):
            if sys.stdout.isatty():
                sys.stdout.write(clean(piece.decode("utf-8", "surrogateescape")))
            else:
                sys.stdout.buffer.write(piece)
            last = piece[-1:]
    sys.stdout.flush()
    return last
