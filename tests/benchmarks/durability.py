"""What it costs that nothing is lost: the same run with and without one of the things that see to it, pair by pair.

    python tests/benchmarks/durability.py [--jobs 1000 --jobs 10000] [--pairs 7] [--large 100000]

`journal`: as it is, beside one whose commits (but the first) are not made. `reuse`: as it is by default, with nothing kept yet, beside
--no-reuse. With --large, a run of so many jobs is killed when most of them are done: how long status takes while it goes on, and how long
it is from the start of `hyflow resume` to the next submission. Figures to read; prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from documents import ECHO, SCATTER
from pairs import median

from hyflow.journal import find_run, read_events, read_milestones, read_tallies
from hyflow.model.events import Resumed, Submitting

ENTRY = "from hyflow.cli.entry import hyflow; hyflow()"
UNWRITTEN = f"""
from hyflow.journal import store
real, written = store.commit, []
def commit(*args, **named):
    if not written:
        written.append(real(*args, **named))
store.commit = commit
{ENTRY}"""
WAYS: dict[str, tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]]] = {
    "journal": ((ENTRY, ("--no-reuse",)), (UNWRITTEN, ("--no-reuse",))),
    "reuse": ((ENTRY, ()), (ENTRY, ("--no-reuse",))),
}
"""With it and without it: what is run, and its options."""


class Room:
    """A directory to run in."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for name, text in {"scatter.cwl": SCATTER.replace("WORD", "words"), "echo.cwl": ECHO}.items():
            (top / name).write_text(text, encoding="ascii")

    def start(self, code: str, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "HYFLOW_HOME": str(self.top / "home")}
        with (self.top / "said").open("wb") as said:
            command = [sys.executable, "-c", code, *words]
            return subprocess.Popen(command, cwd=self.top, env=environment, stdout=subprocess.DEVNULL, stderr=said)

    def run(self, code: str, jobs: int, *options: str) -> subprocess.Popen[bytes]:
        shutil.rmtree(self.top / "home", ignore_errors=True)
        shutil.rmtree(self.top / "out", ignore_errors=True)
        self.job(jobs)
        os.sync()
        return self.start(code, "run", "--quiet", *options, "--outdir", "out", "scatter.cwl", "job.json")

    def job(self, jobs: int) -> None:
        (self.top / "job.json").write_text(json.dumps({"words": [f"word {number}" for number in range(jobs)]}), encoding="ascii")

    def seconds(self, work: Callable[[], subprocess.Popen[bytes]]) -> float:
        """Of a command that must succeed."""
        process = work()
        began = time.perf_counter()
        if process.wait() != 0:
            raise SystemExit((self.top / "said").read_text())
        return time.perf_counter() - began


def compared(room: Room, way: str, jobs: int, pairs: int) -> str:
    """One line of a table: how much longer the one takes than the other."""
    walls: tuple[list[float], list[float]] = [], []
    for number in range(pairs):
        for side in (0, 1) if number % 2 else (1, 0):
            code, options = WAYS[way][side]
            walls[side].append(room.seconds(lambda code=code, options=options: room.run(code, jobs, *options)))  # type: ignore[misc]  # bound now
    found = median([one / two for one, two in zip(*walls, strict=True)])
    one, two = map(statistics.median, walls)
    share = f"{found.value - 1:+.1%} ({found.low - 1:+.1%} .. {found.high - 1:+.1%}, {found.sure:.0%})"
    return f"| {way}, {jobs:,} jobs | {one:.2f} s | {two:.2f} s | {share} | {pairs} |"


def large(room: Room, jobs: int) -> str:
    """Of a run of very many jobs: status while it goes on, and taking it up."""
    process = room.run(ENTRY, jobs, "--no-reuse")
    while process.poll() is None and not is_at(room, jobs * 95 // 100):
        time.sleep(1)
    looks = [room.seconds(lambda: room.start(ENTRY, "status")) for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.time()
    with room.start(ENTRY, "resume", "--quiet") as again:
        first = submission(room)
        again.wait()
    return (f"status of a run with {jobs:,} jobs while it goes on: {min(looks):.2f} s .. {max(looks):.2f} s\n"
            f"from `hyflow resume` to its next submission: {first - began:.1f} s")  # fmt: skip


def is_at(room: Room, count: int) -> bool:
    try:
        return sum(step.total for step in read_tallies(find_run(room.top / "home").journal)) >= count
    except Exception:  # it has not begun
        return False


def submission(room: Room) -> float:
    """When the first attempt was announced after the run was taken up."""
    path = find_run(room.top / "home").journal
    while not (resumed := read_milestones(path, Resumed)):
        time.sleep(0.05)
    while (found := next(read_events(path, after=resumed[0].seq, kinds=(Submitting,)), None)) is None:
        time.sleep(0.05)
    return found.at


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, action="append", help="how many; may be given several times (1000 and 10000)")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--way", choices=WAYS, action="append", help="one of them; by default both")
    parser.add_argument("--large", type=int, help="jobs of the run that is looked at and taken up")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        room = Room(Path(folder))
        print("| what | with it | without it | difference | pairs |\n|---|---:|---:|---:|---:|", flush=True)
        for jobs in asked.jobs or (() if asked.large else (1000, 10_000)):
            for way in asked.way or WAYS:
                print(compared(room, way, jobs, asked.pairs), flush=True)
        if asked.large:
            print(large(room, asked.large), flush=True)


if __name__ == "__main__":
    main()
