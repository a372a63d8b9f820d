"""What is removed when a run is over, and what is kept, with the tools of several systems."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest

from hyflow.connector import Argv, Connector, Pipe
from hyflow.errors import SiteError
from hyflow.model.places import HERE, Location
from hyflow.shell.processes import attached
from hyflow.shell.quoting import quote
from hyflow.staging.tidy import tidy_here, tidy_own, tidy_site, wipe
from hyflow.testing import HOSTILE

RUN = "20260101-000000-0001"


class Machine:
    """All that is needed of a connector: it opens commands with these programs on the search path."""

    def __init__(self, path: str) -> None:
        self.path = path

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return attached(["env", f"PATH={self.path}", "sh", "-c"], f"exec {quote(argv)}", 30, "")


@pytest.fixture(params=["system", "busybox"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Connector:
    if request.param == "system":
        return cast(Connector, Machine(os.environ["PATH"]))
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("apt-get install busybox")
    (tmp_path / "bin").mkdir()
    for name in ("sh", "rm", "find", "chmod", "rmdir", "du", "head", "sleep", "cat"):
        (tmp_path / "bin" / name).symlink_to(program)
    return cast(Connector, Machine(str(tmp_path / "bin")))


def location(work: Path) -> Location:
    return Location("here", "", HERE, str(work), {HERE: "/"})


def fill(path: Path, text: str = "x" * 9000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_the_logs_stay_and_what_is_not_the_runs(tmp_path: Path, machine: Connector) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    fill(outside / "stdout")
    run = work / RUN
    for attempt in ("a-1", "b-2"):
        for name in ("stdout", "stderr", "container", ".hidden", "out/stdout", *(f"out/{name}/x" for name in HOSTILE), "tmp/x", "in/x"):
            fill(run / attempt / name)
    fill(run / "empty-3" / "stdout", "")
    fill(run / "data" / "00" / "x")
    for name in ("out/link", "tmp/link"):
        (run / "a-1" / name).symlink_to(outside)
    (run / "b-2" / "stderr").unlink()
    (run / "b-2" / "stderr").symlink_to(outside / "stdout")
    (run / "c-4").symlink_to(outside)
    (run / "a-1" / "out" / HOSTILE[0]).chmod(0)
    (run / "a-1" / "tmp").chmod(0o500)
    fill(work / "20260101-000000-0002" / "a-1" / "out" / "x")
    freed = await wipe(machine, location(work), RUN)
    assert freed > 100_000
    kept = {str(path.relative_to(tmp_path)) for path in [*work.rglob("*"), *outside.rglob("*")] if not path.is_dir()}
    assert kept == {f"work/{RUN}/a-1/stdout", f"work/{RUN}/a-1/stderr", f"work/{RUN}/b-2/stdout",
                    "work/20260101-000000-0002/a-1/out/x", "outside/stdout"}  # fmt: skip
    assert await wipe(machine, location(work), RUN) == 0


def lie(top: Path) -> set[str]:
    return {str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir() or not any(path.iterdir())}


async def test_at_a_site_the_logs_stay_and_the_results_that_are_kept(tmp_path: Path, machine: Connector) -> None:
    work = tmp_path / "work"
    for attempt in ("a-1", "b-2"):
        for name in ("stdout", "out/x", "out/d/y", "tmp/x", "in/x"):
            fill(work / RUN / attempt / name)
        for name in ("stderr", "out/empty"):
            fill(work / RUN / attempt / name, "")
    fill(work / RUN / "c-3" / "stdout", "")
    fill(work / RUN / "data" / "x")
    logs = {f"{RUN}/a-1/stdout", f"{RUN}/b-2/stdout"}
    kept = {f"{RUN}/b-2/out/{name}" for name in ("x", "d/y", "empty")}
    await tidy_site(machine, location(work), RUN, ["b-2", "gone-4"])
    assert lie(work) == logs | kept
    await tidy_site(machine, location(work), RUN)
    assert lie(work) == logs


def test_here_the_results_that_are_kept_stay(tmp_path: Path) -> None:
    work, run_dir = tmp_path / "work", tmp_path / "run"
    for attempt in ("a-1", "b-2"):
        for name in ("stdout", "out/x"):
            fill(work / RUN / attempt / name)
    fill(run_dir / "data" / "x")
    fill(run_dir / "claims")
    fill(run_dir / "journal.sqlite")
    tidy_own(run_dir)
    tidy_here(location(work), RUN, ["b-2"])
    logs = {f"work/{RUN}/a-1/stdout", f"work/{RUN}/b-2/stdout", "run/journal.sqlite"}
    assert lie(tmp_path) == logs | {f"work/{RUN}/b-2/out/x"}
    tidy_here(location(work), RUN)
    assert lie(tmp_path) == logs


async def test_where_nothing_is(tmp_path: Path, machine: Connector) -> None:
    assert await wipe(machine, location(tmp_path), RUN) == 0
    fill(tmp_path / RUN / "a-1" / "out" / "x")
    assert await wipe(machine, location(tmp_path), RUN) > 0
    assert not (tmp_path / RUN).exists()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A directory of an attempt that even root cannot remove."""
    out = tmp_path / RUN / "a-1" / "out"
    fill(out / "x")
    if subprocess.run(["mount", "-t", "tmpfs", "hyflow-test", str(out)], capture_output=True, check=False).returncode:
        pytest.skip("mounting something needs root")
    yield out
    subprocess.run(["umount", str(out)], check=True)


async def test_what_cannot_be_removed_is_named(tmp_path: Path, machine: Connector, mounted: Path) -> None:
    what = r"(?s)removing what is left in .* failed with exit status 1: .*still there: \./a-1/out"
    with pytest.raises(SiteError, match=what):
        await wipe(machine, location(tmp_path), RUN)
    assert mounted.exists()
