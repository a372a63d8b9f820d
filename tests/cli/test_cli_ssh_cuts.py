"""Whatever befalls the way to a machine behind SSH, its server or the machine: a run ends as if nothing had, and nothing is done twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Ended
from crashing import ONCE, Delivery, delivery, undisturbed_run
from cutting import mishaps
from distant import DistantShell, impatient, sites_of_our_own
from sshlab import Site
from warm import Warm, warmed

CUTS = int(os.environ.get("HYFLOW_CUTS", "12"))
"""How often the way is cut, broken or silent, at least."""


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


def told_in_pairs(done: Ended) -> None:
    """The terminal says that the site gives no answer and that it answers again, by turns, and nothing else of it."""
    said = [line for line in done.stderr.splitlines() if "here gives no answer" in line or "here answers again" in line]
    assert ["answers again" in line for line in said] == [bool(number % 2) for number in range(len(said))], done.stderr
    others = [line for line in done.stderr.splitlines() if line not in said]
    assert not [line for line in others if any(word in line for word in ("warning", "rror", "xception", "lost", "never"))], done.stderr


def test_the_way_is_cut_at_random_moments(warm: Warm, tmp_path: Path, site: Site, undisturbed: Delivery) -> None:
    """Also silent for longer than anybody's patience, broken in the middle of an answer, and refused for seconds."""
    count = seed = 0
    while count < CUTS:
        shell = DistantShell(warm, tmp_path, site, "0.4", config=impatient(site, tmp_path.parent), patience=2)
        with mishaps(site, seed) as befallen:
            done = shell.begin()
        print(f"seed {seed}: {befallen.count} mishaps, {done.stderr.splitlines()[-1]}")
        assert delivery(done, shell) == undisturbed, (seed, done.stderr)
        assert shell.starts == ONCE, (seed, done.stderr)
        told_in_pairs(done)
        shell.nothing_is_left_running()
        count, seed = count + befallen.count, seed + 1
