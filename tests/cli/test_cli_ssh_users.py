"""Two users of one machine behind SSH: what one has there the other cannot read, change or end, whatever the umask of the login is."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from farsites import deployment, far
from naps import JOBS, Place, placed
from sshlab import ssh


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A run of fiona's, whose login has a umask that keeps nobody out, for as long as the test takes."""
    assert ssh("fiona", "mkdir -p .config/fish; echo umask 000 >.config/fish/config.fish; chmod 755 /scratch/fiona").returncode == 0
    try:
        with placed(tmp_path, "ssh", host="fiona", workdir="/scratch/fiona/hyflow") as place:
            yield place
    finally:
        ssh("fiona", "rm -r .config/fish/config.fish /scratch/fiona/hyflow")


def left_open(path: Path) -> bool:
    """Whether others may do anything with it. Links have no rights of their own."""
    found = path.lstat()
    return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & 0o077)


def test_nobody_else_reads_changes_or_ends_a_run(place: Place) -> None:
    place.flow()
    run = place.killed()
    top, work = place.where, "/scratch/fiona/hyflow"
    # What a command writes, and its streams, have the umask of the login; they are in directories that nobody else enters.
    assert [str(path) for path in (top, *top.rglob("*")) if left_open(path) and path.name not in ("stdout", "stderr")] == []
    attempt = next(path for path in (top / ".attempts").iterdir() if path.is_dir())
    pid, there = (attempt / "claim/runner").read_text().split()[0], f"{work}/.attempts/{attempt.name}"
    for tried in (
        f"ls {work}", f"cat {there}/run.sh", f"cat {work}/{run}/{attempt.name}/stderr", f"touch {there}/exit",
        f"mkdir {work}/.attempts/forged", f"mkdir {work}/planted", f"ln -s /tmp {work}/{run}/planted", f"mv {work} {work}-away",
        f"kill {pid}", f"cat /proc/{pid}/environ",
    ):  # fmt: skip
        done = ssh("cluster-bob", tried)
        assert done.returncode != 0 and (b"ermission denied" in done.stderr or b"not permitted" in done.stderr), (tried, done)
    place.write("bob.json", deployment({"there": far("cluster-bob", workdir=work)}))
    place("hyflow", "run", "flow.cwl", "bob.json", "job.json").fails(1, f"the directory {work} cannot be used: ", "Name another `workdir`")
    assert len(place.napping()) == JOBS
    streams = [path.stat().st_mode & 0o777 for path in top.glob(f"{run}/*/stderr")]
    assert streams == [0o666] * JOBS  # commands have the umask of the login
    done = place("hyflow", "cancel", run)
    assert (done.status, done.stdout) == (0, f"{run}: cancelled, {JOBS} jobs ended\n"), done.stderr
    assert place.napping() == []
