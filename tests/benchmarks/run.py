"""hyflow beside its peers, in one run on one machine. Figures to read, never a test that fails for being slow on its own.

    python tests/benchmarks/run.py                          everything; writes docs/performance.md and docs/performance.json
    python tests/benchmarks/run.py --quick                  hyflow and cwltool, small sizes, beside what was recorded
    python tests/benchmarks/run.py --case one --only hyflow [--rounds 3] [--write]

A full run that was interrupted goes on with the cases that it lacks, as long as hyflow and the peers are still the same.
Exit status: 0; 1 when the quick run finds hyflow slower beside cwltool than it was recorded, by more than the noise, or something failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import containers
import docker_here
import figures as record
import pairs
import peers
import tables
from cases import BY_NAME, CASES, PATIENCE, Case, Family, prepare
from figures import Figures
from measure import interruptible
from rounds import Table
from runners import BENCH, EVERYBODY, OWN, PEERS, ROOT, Runner, taking_part

PAGE, RECORDED = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.json"
ROUNDS = 5


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, hyflow and cwltool only, beside the recorded figures")
    parser.add_argument("--case", action="append", choices=sorted(BY_NAME), metavar="NAME", help=f"one of {', '.join(BY_NAME)}")
    parser.add_argument("--only", action="append", choices=[OWN, *(peer.name for peer in PEERS)], metavar="RUNNER", help="a runner's name")
    parser.add_argument("--rounds", type=int, help=f"at most so many ({ROUNDS}, or as many as a case has itself)")
    parser.add_argument("--patience", type=float, default=PATIENCE, help=f"seconds after which a run is given up ({PATIENCE:.0f})")
    parser.add_argument("--write", action="store_true", help="put what some cases or runners gave into the report")
    return parser.parse_args()


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fingerprint() -> str:
    """What the figures depend on: hyflow's code, the documents, how they are run, the peers' versions, the machine."""
    digest = hashlib.sha256(f"{platform.node()} {platform.version()} {sys.version}".encode())
    here = Path(__file__).parent
    code = [path for folder in ("hyflow", "connectors") for path in sorted((ROOT / folder).rglob("*.py"))]
    ours = ("documents.py", "measure.py", "runners.py", "containers.py", "image_python.py")
    for path in (*code, *(here / name for name in ours), *sorted((here / "peers").glob("*.txt"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def place() -> str:
    """The day, the versions and the machine, in words."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    ours = "hyflow" + (f" at {commit}" if commit else "")
    theirs = ", ".join(f"{peer.name} {peers.version(peer)}" for peer in PEERS)
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores and {size:.0f} GiB of memory, {platform.system()} {platform.release()}"
    return f"on {time.strftime('%Y-%m-%d')}: {ours}, {theirs}; Python {platform.python_version()}, {machine}"


def run(chosen: Sequence[Case], asked: argparse.Namespace, done: Figures, keep: Path | None) -> Figures:
    """Run the cases and put them into `done`; after each, write all to `keep`."""
    only, room = frozenset(asked.only or ()), peers.clear_room()
    prepare(room, tuple(chosen))
    containers.prepare(room, chosen)
    table = Table(room, asked.patience)
    for case in chosen:
        most = asked.rounds or case.rounds or ROUNDS
        with containers.ended(room, case):
            row = table.row(case, taking_part(case, only, asked.quick), most, done, tell)
        done = done.joined(case.name, row, place() + containers.place(case))
        shown = tables.text(tables.HEAD, tables.case_rows(done, case)) if case.family is Family.PEERS else pairs.described(done, case)
        print("\n".join(["", case.title, *shown]), flush=True)
        if keep:
            record.write(done, keep)
    return done


def publish(done: Figures) -> None:
    """Write the report and the figures beside it."""
    record.write(done, RECORDED)
    PAGE.write_text(tables.put_in(PAGE.read_text(encoding="utf-8"), tables.report(done) + pairs.section(done)), encoding="utf-8")
    tell(f"Written: {PAGE.relative_to(ROOT)} and {RECORDED.relative_to(ROOT)}")


def full(asked: argparse.Namespace) -> int:
    """Everything. What an interrupted run of the same code has measured is kept."""
    keep = BENCH / f"measured-{fingerprint()}.json"
    done = record.read(keep)
    if done.rows:
        tell(f"Going on with an interrupted run, which has measured {', '.join(done.rows)}")
    chosen = [case for case in CASES if not case.named]
    try:
        containers.check(chosen)
    except docker_here.Unprepared as error:
        tell(f"The cases with containers are left out, and their figures as they were recorded. {error}")
        chosen, old = [case for case in chosen if case.family is Family.PEERS], record.read(RECORDED)
        for case in (case for case in CASES if case.family is not Family.PEERS and case.name in old.rows):
            done = done.joined(case.name, old.rows[case.name], old.places[case.name])
    done = run([case for case in chosen if case.name not in done.rows], asked, done, keep)
    publish(done)
    keep.unlink(missing_ok=True)
    return failures(done, [case.name for case in chosen])


def part(asked: argparse.Namespace) -> int:
    """Some cases, or some runners. Rates need the time of one job: it is taken from the record where it is not among the cases."""
    chosen = [case for case in CASES if (case.name in asked.case if asked.case else not case.named)]
    containers.check(chosen)
    done = run(chosen, asked, record.read(RECORDED), None)
    if asked.write:
        publish(done)
    return failures(done, [case.name for case in chosen])


def quick(asked: argparse.Namespace) -> int:
    """Small sizes, and whether hyflow has become slower beside cwltool."""
    recorded = record.read(RECORDED)
    chosen = [case for case in CASES if case.quick and (case.name in asked.case if asked.case else True)]
    now = run(chosen, asked, Figures(), None)
    if again := [BY_NAME[name] for name in dict.fromkeys(case for case, _ in tables.comparison(now, recorded)[1])]:
        tell("Once more, since it may have been the machine: " + ", ".join(case.title for case in again))
        now = run(again, asked, now, None)
    lines, fell = tables.comparison(now, recorded)
    print("\n".join(["", "hyflow's time as a share of cwltool's in the same run:", "", *lines, ""]))
    if not recorded.rows:
        print("Nothing is recorded to compare with: `make bench` writes it.")
    for name, runner in fell:
        print(f"Slower than recorded by more than {tables.NOISE:.0%}: {tables.title_of(name, runner)}")
    return 1 if fell else failures(now, list(now.rows))


def failures(done: Figures, names: Sequence[str]) -> int:
    """Say which of hyflow's own runs failed; a peer may."""
    cells = [(name, done.cell(name, runner.name)) for name in names for runner in EVERYBODY if runner.own]
    failed = [f"hyflow, {BY_NAME[name].title}: {cell.note}" for name, cell in cells if cell.note]
    print("\n".join(failed), end="\n" if failed else "")
    return 1 if failed else 0


def needed(asked: argparse.Namespace) -> list[Runner]:
    """The peers that have to be there."""
    if asked.only:
        return [peer for peer in PEERS if peer.name in asked.only]
    return [peer for peer in PEERS if peer.name == "cwltool" or not asked.quick]


def main() -> int:
    asked = arguments()
    try:
        for peer in needed(asked):
            peers.set_up(peer)
    except peers.NotSetUp as error:
        tell(str(error))
        return 1
    peers.compile_own()
    if asked.quick:
        return quick(asked)
    try:
        return part(asked) if asked.case or asked.only or asked.rounds else full(asked)
    except docker_here.Unprepared as error:
        tell(str(error))
        return 1


if __name__ == "__main__":
    interruptible()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        tell("Interrupted. What a full run has measured is kept: the same command goes on with the rest.")
        sys.exit(130)
