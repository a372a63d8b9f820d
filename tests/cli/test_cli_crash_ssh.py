"""hyflow is killed, or told to stop, at many points of a run at a machine behind SSH: nothing is done twice, lost or left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import LABELS, ONCE, Delivery, delivery, ends_as, job_of, sparsely, undisturbed_run
from distant import DistantShell, sites_of_our_own
from dying import POINTS
from sshlab import Site
from warm import Warm, warmed


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sites_of_our_own(tmp_path_factory.mktemp("lab")) as site:
        yield site


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """On this machine."""
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("at", POINTS)
def test_killed_while_commands_are_elsewhere(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery, at: str) -> None:
    for number in range(2 + 3 * POINTS.index(at), 1000, sparsely(8)):
        shell = DistantShell(warm, tmp_path, site)
        if not shell.died((at, number, "kill")):
            return
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (at, number)
        shell.nothing_is_left_running()
    raise AssertionError("the run has no end")


@pytest.mark.parametrize("what", ["interrupt", "hangup"])
def test_what_goes_on_elsewhere_is_found_again(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery, what: str) -> None:
    for number in range(3, 1000, sparsely(8)):
        shell = DistantShell(warm, tmp_path, site)
        done = shell.begin(("action", number, what))
        if not shell.reached:
            return
        assert done.status in (0, 130), done.stderr
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (number, done.stderr)
        shell.nothing_is_left_running()
    raise AssertionError("the run has no end")


def test_what_is_ended_elsewhere_begins_again(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery) -> None:
    """Twice is an order: when hyflow has gone, nothing runs there any more."""
    for number in range(3, 1000, sparsely(8)):
        shell = DistantShell(warm, tmp_path, site)
        done = shell.begin(("acted", number, "insist"))
        if not shell.reached:
            return
        shell.nothing_is_left_running()
        finished, before = shell.finished() if shell.has_begun() else set(), shell.starts
        if done.status != 0:
            assert delivery(shell.resume() if shell.has_begun() else shell.begin(), shell) == undisturbed
        again = {label for label in LABELS if shell.starts[label] > max(before[label], ONCE[label])}
        assert not {label for label in again if job_of(label) in finished}, (number, again, finished)
        shell.nothing_is_left_running()
    raise AssertionError("the run has no end")
