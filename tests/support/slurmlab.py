"""The lab's clusters as tests steer them: their nodes, controllers and jobs, what goes wrong with their commands, and how often those are
called. See tests/lab/parts/slurm.sh.

A test that steers one puts it back as it was; no other test may use it meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commandline import until
from lab import LAB, setting
from sshlab import Site, ssh

LOSE = """
kill -9 "$(cat "/run/slurm/slurmd-$1.pid")"
find "/run/slurm/groups/freezer/slurm_$1" -name cgroup.procs -exec cat {} + | xargs -r kill -9
"""
"""The slurmd of a node, the managers of its jobs, and all that these have started, at once: so that nobody reports anything."""
START = 'echo 0 >"/sys/fs/cgroup/pids/$(cat /etc/slurm/group)/daemon/cgroup.procs" && exec "$@"'
"""Where all of Slurm is that the lab ends."""
STOP = 'pid=$(cat /run/slurm/slurmctld.pid) && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done'


@dataclass(frozen=True, slots=True)
class Cluster:
    """The Slurm of the site of that name: "cluster" has accounting, "cloud" has none. Skips where the lab has no Slurm up."""

    name: str = "cluster"
    lab: Path = LAB

    @property
    def site(self) -> Site:
        return Site(self.name, self.lab)

    @property
    def _place(self) -> Path:
        return self.site.root / setting("SLURM_FAULTS", self.lab).lstrip("/")

    def root(self, *command: str) -> str:
        """What the command says as the site's root, to whom no failures happen. Raises CalledProcessError."""
        tools = setting("SLURM_TOOLS", self.lab)
        return self.site.steer("exec", "env", f"PATH={tools}:/usr/sbin:/usr/bin:/sbin:/bin", *command)

    def user(self, command: str, name: str = "ada") -> subprocess.CompletedProcess[bytes]:
        """A line for the shell of ada or bob."""
        return ssh(self.name if name == "ada" else f"{self.name}-{name}", command, lab=self.lab)

    def jobs(self, *options: str) -> list[str]:
        """Every job of the queue, each element of an array by itself, as in "12_3 RUNNING n1 None"."""
        listed = self.root("squeue", "--noheader", "--array", "--format=%F_%K %T %N %r", *options)
        return [" ".join(line.replace("_N/A", "").split()) for line in listed.splitlines()]

    def until_empty(self, seconds: float = 60) -> None:
        until(lambda: not self.jobs(), seconds)

    def until_idle(self, seconds: float = 60) -> None:
        """Every node can be used, and none is."""
        until(lambda: set(self._root_or_nothing("sinfo", "--noheader", "--Node", "--format=%t").split()) == {"idle"}, seconds)

    def until_saved(self, job: str) -> None:
        """The controller has written down the job of that name: a site that is rebooted loses what it has not, some five seconds' worth."""
        until(lambda: job.encode() in (self.site.root / "var/lib/slurm/ctld/job_state").read_bytes())

    def lose_node(self, node: str) -> None:
        """As when its power is cut. Slurm has noticed that when this returns: sooner than by itself."""
        self.root("sh", "-c", LOSE, "sh", node)
        self.root("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def start_node(self, node: str) -> None:
        """Once more, as it is after it was lost; returns when it is idle."""
        self.root("sh", "-c", START, "sh", "slurmd", "-N", node)
        until(lambda: self.root("sinfo", "--noheader", f"--nodes={node}", "--partition=debug", "--format=%t").strip() == "idle", 60)

    @contextlib.contextmanager
    def without_node(self, node: str) -> Iterator[None]:
        """The node is lost; in the end it is there again."""
        self.lose_node(node)
        try:
            yield
        finally:
            self.start_node(node)

    @contextlib.contextmanager
    def without_controller(self) -> Iterator[None]:
        """Meanwhile slurmctld does not run; in the end it answers again."""
        self.root("sh", "-c", STOP)
        try:
            yield
        finally:
            self.root("sh", "-c", START, "sh", "slurmctld")
            until(lambda: "is UP" in self._root_or_nothing("scontrol", "ping"), 60)

    @contextlib.contextmanager
    def fault(self, command: str, kind: str, times: int | None = None) -> Iterator[None]:
        """The next `times` calls of the command go wrong, or all of them meanwhile; fault.sh says in what ways. In the end none does, and
        what hangs ends."""
        place = self._place / command
        for number in range(times or 1):
            self._put(place / ("always" if times is None else f"{time.monotonic_ns()}-{number}"), kind)
        try:
            yield
        finally:
            for token in [*place.iterdir(), *(self._place / "taken").glob(f"{command}-*")]:
                token.unlink(missing_ok=True)

    def _put(self, token: Path, kind: str) -> None:
        new = self._place / token.name
        new.write_text(f"{kind}\n", encoding="utf-8")
        new.rename(token)  # whole

    def calls(self, command: str, since: float = 0) -> list[str]:
        """The calls of the command, in order, since that time (seconds of the epoch): its arguments, as in "--parsable job.sh"."""
        found = (re.fullmatch(r"([\d.]+) (\S+) ?(.*)", line) for line in self._read("calls").splitlines())
        return [call[3] for call in found if call and call[2] == command and float(call[1]) >= since]

    def taken(self, command: str) -> int:
        """How many calls of the command have gone wrong by a failure that happens once and has not been cleared."""
        return len(list((self._place / "taken").glob(f"{command}-*")))

    def _read(self, name: str) -> str:
        return (self._place / name).read_text(encoding="utf-8", errors="replace")

    def _root_or_nothing(self, *command: str) -> str:
        try:
            return self.root(*command)
        except subprocess.CalledProcessError:
            return ""
