"""hyflow and its peers: where each is installed, how it is called, and the environment in which it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cases import Case, Family, Kind

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"
"""Everything that the benchmarks make: the peers' environments, and the room in which things are run."""
OWN = "hyflow"
FIRST = "hyflow, first run"
"""hyflow with an empty HYFLOW_HOME."""
SCRIPT = "docker run"
"""A shell script with nothing but the containers that hyflow runs."""
INSIDE, OUTSIDE = "hyflow, in the container", "hyflow, without it"


@dataclass(frozen=True, slots=True)
class Runner:
    """hyflow or a peer. `flags` stand between the command and `--outdir DIRECTORY DOCUMENT JOB`; {room} in them is a directory of
    its own, empty in every round; {documents} is where the documents are. `programs` come before all others."""

    name: str
    bin: Path
    command: str
    flags: tuple[str, ...]
    programs: Path | None = None

    @property
    def python(self) -> Path:
        return self.bin / "python"

    @property
    def own(self) -> bool:
        return self.name in (OWN, FIRST, INSIDE, OUTSIDE)

    def argv(self, case: Case, documents: Path, room: Path, job: str) -> list[str]:
        command = str(self.bin / self.command)
        if case.kind is Kind.HELP:
            return [command, "--help"]
        flags = [flag.replace("{room}", str(room)).replace("{documents}", str(documents)) for flag in self.flags]
        return [command, *flags, "--outdir", str(room / "out"), str(documents / case.document), str(documents / job)]


def peer(name: str, command: str, *flags: str) -> Runner:
    return Runner(name, BENCH / name.lower() / "bin", command, flags)


PEERS = (
    peer("cwltool", "cwltool", "--parallel", "--no-container", "--quiet"),
    peer("StreamFlow", "cwl-runner", "--quiet"),
    peer("Toil", "toil-cwl-runner", "--no-container", "--logOff", "--retryCount", "0", "--jobStore", "{room}/store",
         "--workDir", "{room}/work", "--coordinationDir", "{room}/coordination"),
)
HERE = Path(sys.executable).parent
RUNNERS = (Runner(OWN, HERE, "hyflow", ("run", "--quiet")), Runner(FIRST, HERE, "hyflow", ("run", "--quiet")), *PEERS)

CONTAINED = (
    Runner(OWN, HERE, "hyflow", ("run", "--quiet", "--container", "docker")),
    Runner(SCRIPT, Path("/bin"), "sh", ("{documents}/each.sh",)),
    peer("cwltool", "cwltool", "--parallel", "--quiet"),
    peer("StreamFlow", "cwl-runner", "--quiet"),
)
PAIRS = {Family.CONTAINERS: (OWN, SCRIPT), Family.TRAINING: (INSIDE, OUTSIDE)}
"""Who is compared with whom, round by round."""
IMAGE_PROGRAMS = BENCH / "image" / "bin"
"""Where the Python of an image is that is run without a container."""
TRAINING = (
    Runner(INSIDE, HERE, "hyflow", ("run", "--quiet", "--container", "docker")),
    Runner(OUTSIDE, HERE, "hyflow", ("run", "--quiet", "--container", "none"), IMAGE_PROGRAMS),
)
EVERYBODY = (*RUNNERS, *(runner for runner in (*CONTAINED, *TRAINING) if runner.name not in {known.name for known in RUNNERS}))
"""One of each name."""


def taking_part(case: Case, only: frozenset[str], quick: bool) -> tuple[Runner, ...]:
    """Who runs a case. `only`: names that were asked for, empty for those that it is meant for; `hyflow` stands for both of its rows."""
    if case.family is not Family.PEERS:
        some = CONTAINED if case.family is Family.CONTAINERS else TRAINING
        return tuple(runner for runner in some if not only or runner.name in only or runner.name in PAIRS[case.family])
    some = tuple(runner for runner in RUNNERS if case.first or runner.name != FIRST)
    if not only and (quick or not case.everyone):
        some = tuple(runner for runner in some if runner.own or runner.name == "cwltool")
    return tuple(runner for runner in some if not only or runner.name in only or (runner.own and OWN in only))


def environment(runner: Runner, home: Path, room: Path, around: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a runner sees: its own programs first on the PATH, a home of its own, temporary files on the same disk."""
    kept = {name: value for name, value in around.items() if not name.startswith(("PYTHON", "HYFLOW_", "XDG_", "TOIL_", "VIRTUAL_ENV"))}
    places = [*([str(runner.programs)] if runner.programs else []), str(runner.bin), around.get("PATH", os.defpath)]
    return {**kept, "PATH": os.pathsep.join(places), "HOME": str(home), "HYFLOW_HOME": str(home / "hyflow"), "TMPDIR": str(room / "tmp")}
