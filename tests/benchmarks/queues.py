"""The lab's cluster with Slurm: hyflow beside the same tasks in one hand-written job array, and beside StreamFlow on the same cluster.

    sh tests/lab/with.sh python tests/benchmarks/queues.py [--jobs 200] [--sleep 5] [--rounds 1] [--large 10000] [--without-peer]

Two things are measured. A scatter of so many `sleep`s: by hyflow, by a job array that somebody has written by hand (from `sbatch` until the
queue is empty of it), and by StreamFlow, which may have all of them in the queue at once. A scatter of `--large` short jobs (0: none): how
often `sbatch` was called and the queue was asked, as the lab's commands count, and whether every result is right. Times are figures to
read; of the counts it fails when they are more than administrators should see, or when a result is wrong.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from links import STREAMFLOW, Room
from peers import set_up

sys.path.append(str(Path(__file__).parents[1] / "support"))
from lab import setting
from slurmlab import Cluster

SLEEP = """
cwlVersion: v1.2
class: Workflow
requirements: {{ScatterFeatureRequirement: {{}}}}
inputs: {{numbers: 'int[]'}}
outputs: {{numbers: {{type: 'int[]', outputSource: nap/number}}}}
steps:
  nap:
    scatter: number
    in: {{number: numbers}}
    out: [number]
    run:
      class: CommandLineTool
      requirements: {{ResourceRequirement: {{coresMin: 1}}}}
      baseCommand: [sh, -c, 'sleep {seconds}; echo "{{\\"number\\": $0}}" >cwl.output.json']
      inputs: {{number: {{type: int, inputBinding: {{position: 1}}}}}}
      outputs: {{number: int}}
"""
ARRAY = "sbatch --quiet --output=/dev/null --array=0-{last} --wrap='sleep {seconds}'"
SUBMISSIONS, QUESTIONS = 100, 2
"""How many calls of sbatch a scatter of 10,000 may cost, and how many questions to the queue a minute, on average over some minutes."""
THEIRS = """
version: v1.0
workflows:
  naps:
    type: cwl
    config: {{file: nap.cwl, settings: job.json}}
    bindings: [{{step: /, target: {{deployment: cluster, workdir: /scratch/ada/streamflow}}}}]
deployments:
  login:
    type: ssh
    config: {{nodes: ["{address}"], username: ada, sshKey: "{key}", checkHostKey: false}}
  cluster:
    type: slurm
    config: {{maxConcurrentJobs: {jobs}}}
    wraps: login
"""


def naps(room: Room, cluster: Cluster, jobs: int, seconds: int, rounds: int, peer: bool) -> str:
    numbers(room, jobs)
    (room.top / "nap.cwl").write_text(SLEEP.format(seconds=seconds), encoding="ascii")
    ours, hand = [], []
    for _ in range(rounds):
        ours.append(room.hyflow("nap.cwl", "job.json", "slurm"))
        hand.append(array(cluster, jobs, seconds))
    ratio = statistics.median(one / other for one, other in zip(ours, hand, strict=True))
    mine, other = statistics.median(ours), statistics.median(hand)
    told = f"| {jobs} times sleep {seconds}, beside a job array | {mine:.1f} s | {other:.1f} s | {ratio:.2f} |"
    if peer:
        set_up(STREAMFLOW)
        text = THEIRS.format(address=setting("SSH_CLUSTER_ADDRESS"), key=f"{setting('SSH_KEYS')}/ada", jobs=jobs)
        (room.top / "streamflow.yml").write_text(text, encoding="ascii")
        theirs = room.streamflow()
        told += f"\n| the same, beside StreamFlow | {ours[0]:.1f} s | {theirs:.1f} s | {ours[0] / theirs:.2f} |"
    return told


def array(cluster: Cluster, jobs: int, seconds: int) -> float:
    """Seconds that the job array takes."""
    began = time.perf_counter()
    done = cluster.user(ARRAY.format(last=jobs - 1, seconds=seconds))
    if done.returncode:
        raise SystemExit(done.stderr.decode(errors="replace")[-2000:])
    while cluster.jobs():
        time.sleep(1)
    return time.perf_counter() - began


def numbers(room: Room, jobs: int) -> None:
    (room.top / "job.json").write_text(json.dumps({"numbers": list(range(jobs))}), encoding="ascii")


def large(room: Room, cluster: Cluster, jobs: int) -> str:
    numbers(room, jobs)
    (room.top / "nap.cwl").write_text(SLEEP.format(seconds=0), encoding="ascii")
    began = time.time()
    seconds = room.hyflow("nap.cwl", "job.json", "slurm")
    right = json.loads((room.top / "output.json").read_text(encoding="utf-8"))["numbers"] == list(range(jobs))
    asked = sum(len(cluster.calls(name, began)) for name in ("squeue", "sacct"))
    submitted, often = len(cluster.calls("sbatch", began)), asked / (seconds / 60)
    told = (f"\n{jobs:,} short jobs: {seconds:.0f} s, {'all' if right else 'NOT all'} results right, {submitted} calls of sbatch, "
            f"{asked} questions to the queue, {often:.2f} a minute")  # fmt: skip
    if not right or submitted > SUBMISSIONS or often > QUESTIONS:
        raise SystemExit(f"{told}: {SUBMISSIONS} calls and {QUESTIONS} questions a minute are allowed")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200, help="how many sleeps are timed (0: none)")
    parser.add_argument("--sleep", type=int, default=5, help="seconds that each of them takes")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--large", type=int, default=10_000, help="how many short jobs are run to count requests")
    parser.add_argument("--without-peer", action="store_true", help="measure hyflow alone")
    asked = parser.parse_args()
    cluster = Cluster("cluster")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        room = Room(Path(folder))
        if asked.jobs:
            print("| what | the one | the other | ratio |\n|---|---:|---:|---:|", flush=True)
            print(naps(room, cluster, asked.jobs, asked.sleep, asked.rounds, not asked.without_peer), flush=True)
        if asked.large:
            print(large(room, cluster, asked.large), flush=True)


if __name__ == "__main__":
    main()
