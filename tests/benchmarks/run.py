"""How fast hyflow is beside its peers, measured in one run on one machine. Figures to read, never a test that fails.

    python tests/benchmarks/run.py [--jobs 1000] [--repeat 3] [--only hyflow]

Every runner that is on the PATH takes part: hyflow with its journal on, cwltool (no containers, in parallel) and Toil; StreamFlow, whose
command has the same name as ours, where STREAMFLOW_CWL_RUNNER says.
Rate = n / (wall - wall of one job), in jobs a second; each wall is the median of `--repeat` runs, after one that warms the caches.
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
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 900
"""Seconds after which a runner is given up."""

ECHO = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs:
  word: {type: string, inputBinding: {}}
outputs:
  said: {type: stdout}
"""

SCATTER = """cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {}}
inputs:
  words: string[]
outputs:
  said: {type: "File[]", outputSource: echo/said}
steps:
  echo:
    run: echo.cwl
    scatter: word
    in:
      word: WORD
    out: [said]
"""


@dataclass(frozen=True, slots=True)
class Runner:
    """hyflow or a peer: its command, and what goes between that and `--outdir DIRECTORY DOCUMENT JOB`."""

    name: str
    command: str
    flags: tuple[str, ...]


RUNNERS = (
    Runner("hyflow", "hyflow", ("run", "--quiet")),
    Runner("cwltool", "cwltool", ("--parallel", "--no-container", "--quiet")),
    Runner("StreamFlow", os.environ.get("STREAMFLOW_CWL_RUNNER", ""), ("--quiet",)),
    Runner("Toil", "toil-cwl-runner", ("--no-container", "--quiet")),
)


def once(runner: Runner, document: Path, job: Path, room: Path) -> float | None:
    """The wall time of one run in seconds; None when it fails or takes longer than anyone would wait."""
    out = Path(tempfile.mkdtemp(dir=room))
    environment = {**os.environ, "HYFLOW_HOME": str(room / "home"), "TMPDIR": str(room)}
    argv = [runner.command, *runner.flags, "--outdir", str(out), str(document), str(job)]
    began = time.perf_counter()
    try:
        done = subprocess.run(argv, cwd=out, env=environment, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None
    wall = time.perf_counter() - began
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode:
        print(f"{runner.name} failed: {done.stderr.decode(errors='replace').strip()[-300:]}", file=sys.stderr)
    return None if done.returncode else wall


def median(runner: Runner, document: Path, job: Path, room: Path, repeat: int) -> float | None:
    """The median wall time of `repeat` runs, after one that warms the caches."""
    walls = [once(runner, document, job, room) for _ in range(1 + repeat)]
    good = [wall for wall in walls[1:] if wall is not None]
    return statistics.median(good) if len(good) == repeat else None


def documents(room: Path, jobs: int) -> tuple[tuple[str, Path, Path], ...]:
    """The documents to run: (what it is, document, input object), the single job first."""
    texts = {
        "echo.cwl": ECHO,
        "scatter.cwl": SCATTER.replace("WORD", "words"),
        "javascript.cwl": SCATTER.replace("WORD", '{source: words, valueFrom: "$(self.toUpperCase())"}'),
        "one.json": json.dumps({"word": "hello"}),
        "many.json": json.dumps({"words": [f"word{number}" for number in range(jobs)]}),
    }
    for name, text in texts.items():
        (room / name).write_text(text, encoding="utf-8")
    return (
        ("one job", room / "echo.cwl", room / "one.json"),
        (f"{jobs} jobs", room / "scatter.cwl", room / "many.json"),
        (f"{jobs} jobs, JavaScript", room / "javascript.cwl", room / "many.json"),
    )


def row(what: str, walls: Sequence[tuple[str, float | None, float | None]]) -> str:
    """One line of the table: name, wall, rate of each runner."""
    cells = []
    for name, wall, rate in walls:
        figure = "-" if wall is None else f"{wall:.2f} s" + (f" ({rate:.0f}/s)" if rate else "")
        cells.append(f"{name} {figure}")
    return f"{what:24} " + "   ".join(f"{cell:28}" for cell in cells).rstrip()


def measure(runners: Sequence[Runner], jobs: int, repeat: int, room: Path) -> None:
    """Run all, one runner after the other for each document, and print a line for each."""
    single: dict[str, float | None] = {}
    for what, document, job in documents(room, jobs):
        cells: list[tuple[str, float | None, float | None]] = []
        for runner in runners:
            wall = median(runner, document, job, room, repeat)
            alone = single.setdefault(runner.name, wall)
            rate = jobs / (wall - alone) if wall and alone and wall > alone else None
            cells.append((runner.name, wall, rate))
        print(row(what, cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", action="append", help="a runner's name; may be given more than once")
    asked = parser.parse_args()
    runners = [r for r in RUNNERS if shutil.which(r.command) and (not asked.only or r.name in asked.only)]
    with tempfile.TemporaryDirectory(prefix="hyflow-bench-") as room:
        measure(runners, asked.jobs, asked.repeat, Path(room))


if __name__ == "__main__":
    main()
