"""`hyflow run` while Slurm's controller gives no answer, or none that is clear: nothing fails for that, and nothing begins twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import until
from distant import sites_of_our_own
from queued import Queued, loud, ran, said, waits
from screens import finish
from sshlab import Site
from warm import Warm, warmed

AWAY = float(os.environ.get("HYFLOW_CONTROLLER_AWAY", "20"))
"""Seconds for which the controller of the cluster gives no answer."""
DEAF = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sites_of_our_own(tmp_path_factory.mktemp("lab"), "slurm") as site:
        yield site


@pytest.fixture
def shell(warm: Warm, tmp_path: Path, site: Site) -> Queued:
    return Queued(warm, tmp_path, lab=site.lab)


def test_a_controller_that_is_away_is_waited_for(shell: Queued) -> None:
    """Jobs that run meanwhile end, the others begin when it is there again; none begins twice, and nothing fails."""
    shell.settings(submit={"max_jobs": 6, "rate": "9/s"})
    names = [f"n{number}" for number in range(24)]
    process = shell.start("hyflow", *loud(shell, len(names), f'echo "$0" >>{shell.there}/ran; sleep 3; echo "$0 is done"'))
    until(lambda: len(ran(shell)) >= 2 or process.poll() is not None, 60)
    with shell.cluster.without_controller():
        time.sleep(AWAY)
        assert process.poll() is None and len(ran(shell)) < len(names)
    until(lambda: process.poll() is not None, 150)  # it is asked once a minute by then
    ended = finish(process)
    assert sorted(said(ended)) == sorted(f"{name} is done\n" for name in names)
    assert ran(shell) == sorted(names)
    silent, doubt = (ended.stderr.count(words) for words in ("there gives no answer", "it is not clear whether Slurm has taken a batch"))
    assert silent <= 2 and doubt <= 1 and (silent or doubt or AWAY < 60), ended.stderr  # it may not be asked in the shorter time


def test_jobs_of_which_nobody_knows_whether_they_are_in_the_queue_can_be_cancelled(shell: Queued) -> None:
    """They are in it, and on hold; its answer was lost, and it gives no other. None is left there."""
    shell.settings(defaults={"extra": ["--hold"]})
    with shell.cluster.fault("sbatch", "lose"), shell.cluster.fault("squeue", f"fail {DEAF}"):
        process = shell.start("hyflow", *loud(shell, 3))
        until(lambda: waits(shell) or process.poll() is not None, 90)
        (told,) = waits(shell)
        assert told["reason"].startswith("it is not clear whether Slurm has taken a batch") and (told["jobs"], told["queued"]) == (3, False)
        done = shell("hyflow", "cancel", "last")
        assert (done.status, done.stdout.partition(": ")[2]) == (0, "cancelled, 3 jobs ended\n"), done.stderr
        ended = finish(process)
    assert ended.status == 130 and ended.stderr.count("it is not clear") == 1, ended.stderr
    assert len(shell.submissions()) == 1 and not shell.in_queue()
