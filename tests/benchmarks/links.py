"""A machine behind SSH at the end of a slow link: hyflow, and StreamFlow beside it on the same one.

    sh tests/lab/with.sh python tests/benchmarks/links.py [--delay 50] [--rounds 3] [--jobs 100] [--trips 1000] [--without-peer]

`--delay`: milliseconds that a packet takes, one way. Three things are measured. A job with 100 input and 100 output files beside one with
1. So many short jobs, by hyflow and by StreamFlow in turn. How many round trips so many jobs need: turns, which the lab's gate counts
on every connection (data from here after data from there); questions that are under way together count once. Figures to read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from documents import ECHO, SCATTER
from peers import set_up
from runners import PEERS

sys.path.append(str(Path(__file__).parents[1] / "support"))
from lab import LAB, setting
from sshlab import Site, links

[STREAMFLOW] = [peer for peer in PEERS if peer.name == "StreamFlow"]
COPY = """
cwlVersion: v1.2
class: CommandLineTool
inputs:
  files: {type: 'File[]', inputBinding: {position: 1}}
baseCommand: [sh, -c, 'for file; do cp "$file" "copy-${file##*/}"; done', sh]
outputs:
  copies: {type: 'File[]', outputBinding: {glob: 'copy-*'}}
"""
THEIRS = """
version: v1.0
workflows:
  jobs:
    type: cwl
    config: {{file: scatter.cwl, settings: job.json}}
    bindings: [{{step: /, target: {{deployment: far, workdir: /scratch/ada/streamflow}}}}]
deployments:
  far:
    type: ssh
    config: {{nodes: ["{address}"], username: ada, sshKey: "{key}", checkHostKey: false}}
"""


class Room:
    """A directory with all that is run."""

    def __init__(self, top: Path) -> None:
        self.top = top
        theirs = THEIRS.format(address=setting("SSH_CLUSTER_ADDRESS"), key=f"{setting('SSH_KEYS')}/ada")
        documents = {"scatter.cwl": SCATTER.replace("WORD", "words"), "echo.cwl": ECHO, "copy.cwl": COPY, "streamflow.yml": theirs}
        for name, text in documents.items():
            (top / name).write_text(text, encoding="ascii")

    def job(self, jobs: int) -> str:
        (self.top / "job.json").write_text(json.dumps({"words": [f"word {number}" for number in range(jobs)]}), encoding="ascii")
        return "job.json"

    def files(self, count: int) -> str:
        """The job file of a copy of so many files."""
        folder = self.top / f"files-{count}"
        folder.mkdir(exist_ok=True)
        for number in range(count):
            (folder / f"{number}.txt").write_text(f"{number}\n" * 100, encoding="ascii")
        listed = [{"class": "File", "path": f"{folder.name}/{number}.txt"} for number in range(count)]
        (self.top / f"copy-{count}.json").write_text(json.dumps({"files": listed}), encoding="ascii")
        return f"copy-{count}.json"

    def hyflow(self, document: str, job: str, target: str = "ssh") -> float:
        """Seconds of a run at this target of the lab, whose outputs are in `output.json` then."""
        command = [str(Path(sys.executable).with_name("hyflow")), "run", "--quiet", "--no-reuse", "--outdir", "out"]
        return self.seconds([*command, document, str(LAB / f"{target}.yml"), job])

    def streamflow(self) -> float:
        return self.seconds([str(STREAMFLOW.bin / "streamflow"), "run", "--outdir", "out", "streamflow.yml"])

    def seconds(self, command: Sequence[str]) -> float:
        """Of a command that must succeed."""
        shutil.rmtree(self.top / "out", ignore_errors=True)
        began = time.perf_counter()
        environment = {**os.environ, "HYFLOW_HOME": str(self.top / "home")}
        done = subprocess.run(command, cwd=self.top, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.decode(errors="replace")[-2000:])
        took = time.perf_counter() - began
        (self.top / "output.json").write_bytes(done.stdout)
        return took


def of_files(room: Room, rounds: int) -> str:
    one, many = room.files(1), room.files(100)
    room.hyflow("copy.cwl", one)  # what is prepared once for all runs
    walls = [(room.hyflow("copy.cwl", one), room.hyflow("copy.cwl", many)) for _ in range(rounds)]
    few, all_of_them = (statistics.median(side) for side in zip(*walls, strict=True))
    ratio = statistics.median(many / one for one, many in walls)
    return f"| a job with 100 files in and out, beside one with 1 | {all_of_them:.2f} s | {few:.2f} s | {ratio:.2f} |"


def of_jobs(room: Room, jobs: int, rounds: int) -> str:
    job = room.job(jobs)
    set_up(STREAMFLOW)
    walls = [(room.hyflow("scatter.cwl", job), room.streamflow()) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*walls, strict=True))
    ratio = statistics.median(one / two for one, two in walls)
    return f"| {jobs} short jobs, beside StreamFlow | {ours:.2f} s | {theirs:.2f} s | {ratio:.3f} |"


def of_trips(room: Room, jobs: int) -> str:
    gate = Site("cluster").gate
    gate.tell("reset-count")
    seconds = room.hyflow("scatter.cwl", room.job(jobs))
    counted = gate.count()
    return (f"\n{jobs:,} short jobs: {seconds:.1f} s, {counted['turns']:,} turns on {counted['connections']} connections, "
            f"{counted['turns'] / jobs:.2f} a job")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--delay", type=float, default=50, help="of the link, milliseconds one way")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=100, help="how many are run by StreamFlow as well")
    parser.add_argument("--trips", type=int, default=1000, help="how many jobs' round trips are counted")
    parser.add_argument("--without-peer", action="store_true", help="measure hyflow alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, links(delay=round(asked.delay * 1000)):
        room = Room(Path(folder))
        print("| what | the one | the other | ratio |\n|---|---:|---:|---:|", flush=True)
        print(of_files(room, asked.rounds), flush=True)
        if not asked.without_peer:
            print(of_jobs(room, asked.jobs, 1 if asked.jobs > 50 else asked.rounds), flush=True)
        print(of_trips(room, asked.trips), flush=True)


if __name__ == "__main__":
    main()
