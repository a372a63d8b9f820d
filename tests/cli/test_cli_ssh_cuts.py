"""Whatever befalls the way to a machine behind SSH, its server or the machine: a run ends as if nothing had, and nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import Ended, until
from crashing import LABELS, ONCE, Delivery, delivery, ends_as, job_of, undisturbed_run
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
        with mishaps(site, seed, lambda shell=shell: shell.starts) as befallen:
            done = shell.begin()
        assert delivery(done, shell) == undisturbed, (seed, done.stderr)
        assert shell.starts == ONCE, (seed, done.stderr)
        told_in_pairs(done)
        shell.nothing_is_left_running()
        count, seed = count + befallen.count, seed + 1


@pytest.fixture
def busy(warm: Warm, tmp_path: Path, site: Site) -> DistantShell:
    """Its commands take long enough for something to befall them."""
    return DistantShell(warm, tmp_path, site, "0.6", config=impatient(site, tmp_path.parent), patience=2)


def begun(shell: DistantShell) -> None:
    until(lambda: len(shell.starts) >= 5, 60)


def test_the_server_is_killed_and_started_again(busy: DistantShell, site: Site, undisturbed: Delivery) -> None:
    """What runs goes on meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(busy.begin)
        begun(busy)
        site.steer("kill-sshd")
        time.sleep(2)
        site.steer("start-sshd")
        done = running.result()
    assert delivery(done, busy) == undisturbed
    assert busy.starts == ONCE
    told_in_pairs(done)
    assert done.stderr.count("here answers again") == 1
    busy.nothing_is_left_running()


def test_the_machine_is_rebooted(busy: DistantShell, site: Site, undisturbed: Delivery) -> None:
    """What ran is lost, which is known for sure, and runs again; what had ended does not."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(busy.begin)
        begun(busy)
        site.steer("reboot")
        before, finished = busy.starts, busy.finished()
        done = running.result()
    assert delivery(done, busy) == undisturbed
    assert done.stderr.count("cluster was restarted while it ran") >= 1, done.stderr
    again = {label for label in LABELS if busy.starts[label] > ONCE[label]}
    assert again and not {label for label in again if job_of(label) in finished}, (again, finished)
    assert not {label for label in again if busy.starts[label] > before[label] + ONCE[label]}, (before, busy.starts)
    busy.nothing_is_left_running()


def test_hyflow_dies_and_the_machine_is_rebooted_before_it_is_taken_up(busy: DistantShell, site: Site, undisturbed: Delivery) -> None:
    assert busy.died(("commit", 8, "kill"))
    finished = busy.finished()
    site.steer("reboot")
    assert delivery(busy.resume(), busy) == undisturbed
    again = {label for label in LABELS if busy.starts[label] > ONCE[label]}
    assert not {label for label in again if job_of(label) in finished}, (again, finished)
    busy.nothing_is_left_running()


def test_ctrl_c_while_the_way_is_cut(busy: DistantShell, site: Site, undisturbed: Delivery) -> None:
    """What runs there is let go, at once, and found again when there is a way."""
    with busy.start("hyflow", "run", "workflow.cwl", "deploy.yml", "job.json", "--outdir", "results") as process:
        begun(busy)
        site.gate.tell("refuse")
        try:
            site.gate.tell("cut")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            site.gate.tell("accept")
    assert process.returncode == 130 and "go on meanwhile" in said, said
    ends_as(undisturbed, busy)
    assert busy.starts == ONCE
    busy.nothing_is_left_running()


def test_ctrl_c_twice_ends_everything_there(busy: DistantShell) -> None:
    with busy.start("hyflow", "run", "workflow.cwl", "deploy.yml", "job.json", "--outdir", "results") as process:
        begun(busy)
        process.send_signal(signal.SIGINT)
        until(lambda: json.loads(busy("hyflow", "status", "--json").stdout)["state"] != "running")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    busy.nothing_is_left_running()
