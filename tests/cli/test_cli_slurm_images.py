"""Images of a cluster: fetched in jobs of its own, and by an Apptainer that compute nodes alone have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import Ended, until
from farsites import counted
from lab import deployment
from queued import Queued, said
from screens import finish
from warm import Warm, warmed

ONE = "module-apptainer"
"""A name that only a module brings, as it were."""


class Imaged(Queued):
    """Its jobs are known by their comment."""

    def __init__(self, warm: Warm, top: Path) -> None:
        self.wrapper = yaml.safe_load(deployment("slurm-apptainer").read_text())["sites"]["slurm"]["container"]["command"][0]
        super().__init__(warm, top)
        (self.seen / "modules").mkdir()
        (self.seen / "modules" / ONE).write_text(f'#!/bin/sh\nexec {self.wrapper} "$@"\n')
        (self.seen / "modules" / ONE).chmod(0o755)
        self.module = f'echo loading; PATH="{self.there}/modules:$PATH"; export PATH'

    def site(self, command: str, prologue: str = "", fetch: str = "site", extra: Sequence[str] = (), **more: Any) -> None:
        engine = {"runtime": "apptainer", "command": [command], "fetch": fetch}
        self.settings(container=engine, prologue=prologue, defaults={"extra": [f"--comment={self.there}", *extra]}, **more)

    def words(self, image: str = "busybox") -> list[str]:
        """To run a tool in the image, which tells what it is in."""
        return self.tool_words("ls /bin/busybox", {"class": "DockerRequirement", "dockerPull": image})

    def boxed(self, image: str = "busybox") -> Ended:
        """Run it."""
        return self("hyflow", *self.words(image))

    @property
    def errands(self) -> list[str]:
        """How those of its jobs ended that ran commands of hyflow's own."""
        listed = self.cluster.root("squeue", "--noheader", "--states=all", "--format=%j|%k|%T")
        jobs = [line.split("|") for line in listed.splitlines()]
        return [state for name, comment, state in jobs if (name, comment) == ("hyflow-errand", self.there)]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> Imaged:
    return Imaged(warm, tmp_path)


def test_an_image_is_fetched_in_a_job_once(shell: Imaged) -> None:
    shell.site(shell.wrapper, fetch="job")
    for _ in range(2):
        assert said(shell.boxed()) == ["/bin/busybox\n"]
    assert shell.errands == ["COMPLETED"]


def test_the_way_is_lost_while_that_job_waits(shell: Imaged, tmp_path: Path) -> None:
    """It leaves the queue, and another one brings the image."""
    with counted(tmp_path) as (gate, way):
        shell.site(shell.wrapper, fetch="job", via={"type": "ssh", **way}, extra=["--begin=now+20"])
        process = shell.start("hyflow", *shell.words())
        until(lambda: shell.errands == ["PENDING"] or process.poll() is not None, 60)
        gate.tell("cut")
        done = finish(process)
    assert said(done) == ["/bin/busybox\n"]
    assert sorted(shell.errands) == ["CANCELLED", "COMPLETED"]


def test_an_apptainer_that_a_module_brings_to_jobs_alone(shell: Imaged) -> None:
    shell.site(ONE, shell.module)
    for _ in range(2):
        assert said(shell.boxed()) == ["/bin/busybox\n"]
    assert shell.errands == ["COMPLETED"]
    own = next(path for path in shell.seen.glob("work/.images/*.sif"))
    (shell.seen / "my own.sif").hardlink_to(own)
    assert said(shell.boxed(f"{shell.there}/my own.sif")) == ["/bin/busybox\n"]
    assert shell.errands == ["COMPLETED"] * 2


def test_an_apptainer_that_jobs_do_not_find_either(shell: Imaged) -> None:
    shell.site(ONE)
    done = shell.boxed()
    done.fails(1)
    assert f"there is no {ONE} on the PATH of " in done.stderr and "; the site's prologue can put it there\n" in done.stderr


def test_one_that_is_lost_again_is_no_failure_of_the_command(shell: Imaged) -> None:
    shell.site(ONE, shell.module)
    assert said(shell.boxed()) == ["/bin/busybox\n"]
    shell.site(ONE)
    done = shell.boxed()
    done.fails(1)
    assert f"apptainer failed: there is no {ONE} on the PATH of the machine that ran the job" in done.stderr
    assert "\n  class   infrastructure" in done.stderr


def test_checking_asks_a_job_for_it(shell: Imaged) -> None:
    shell.site(ONE, shell.module)
    done = shell("hyflow", "check", "deploy.json", "--connect")
    assert "containers: apptainer 1." in done.stdout and ", in jobs alone\n" in done.stdout, done
    shell.site(ONE)
    done = shell("hyflow", "check", "deploy.json", "--connect")
    assert done.status and f"finds no apptainer: {ONE} is not installed" in done.stderr
