"""hyflow, or the login node, dies while jobs are in a queue: every command starts once, and nothing is left in the queue or running."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import until
from crashing import ONCE, Delivery, delivery, ends_as, sparsely, undisturbed_run
from distant import QueuedShell, impatient, sites_of_our_own
from dying import POINTS
from naps import end
from sshlab import Site
from thorough import thorough
from warm import Warm, warmed

DEAF = "sbatch: error: Batch job submission failed: Unable to contact slurm controller"


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sites_of_our_own(tmp_path_factory.mktemp("lab"), "slurm") as site:
        yield site


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """On this machine."""
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("at", thorough(POINTS, POINTS[1:3]))
def test_killed_while_jobs_are_queued_or_run(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery, at: str) -> None:
    for number in range(12 + 9 * POINTS.index(at), 1000, sparsely(20)):
        shell = QueuedShell(warm, tmp_path, site)
        if not shell.died((at, number, "kill")):
            return
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (at, number)
        shell.nothing_is_left_running()
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("fault", ["hang", "late"])
def test_killed_between_a_submission_and_its_answer(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery, fault: str) -> None:
    """Whether the queue has heard of it by then, or never does."""
    shell = QueuedShell(warm, tmp_path, site)
    process = shell.start("hyflow", "run", "workflow.cwl", "deploy.yml", "job.json", "--outdir", "results")
    until(lambda: shell.starts or process.poll() is not None, 60)
    with shell.cluster.fault("sbatch", fault, 1):
        until(lambda: shell.cluster.taken("sbatch") or process.poll() is not None, 60)
        time.sleep(1)  # for the queue to begin what it was given
        said = end(process)
    assert process.returncode == -signal.SIGKILL, said
    ends_as(undisturbed, shell)
    assert shell.starts == ONCE
    shell.nothing_is_left_running()


@pytest.mark.parametrize("fault", thorough(("lose", "garble", f"fail {DEAF}"), ("lose",)))
def test_the_answer_of_a_submission_is_lost(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery, fault: str) -> None:
    shell = QueuedShell(warm, tmp_path, site)
    with shell.cluster.fault("sbatch", fault, 2):  # the first call asks for the version
        assert delivery(shell.begin(), shell) == undisturbed
    assert shell.starts == ONCE
    shell.nothing_is_left_running()


def test_the_login_node_is_restarted_and_takes_slurm_with_it(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery) -> None:
    """Here it is the nodes, too: what ran is lost, and runs again; what had not begun begins once."""
    way = {"type": "ssh", "host": "cluster", "config": impatient(site, tmp_path.parent), "patience": 2}
    shell = QueuedShell(warm, tmp_path, site, "2", via=way)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(shell.begin)
        until(lambda: len(shell.starts) >= 5, 60)
        shell.cluster.until_saved(next(path.name for path in shell.seen.glob("box/*/.batches/*")))
        site.steer("reboot")
        done = running.result()
    assert delivery(done, shell) == undisturbed, done.stderr
    assert all(ONCE[label] <= count <= 2 * ONCE[label] for label, count in shell.starts.items()), shell.starts
    shell.nothing_is_left_running()
