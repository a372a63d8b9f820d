"""`hyflow run` on Slurm whose jobs do not begin: what status, why and the run itself say of that, and that such jobs can be cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import until
from queued import Queued
from screens import finish
from warm import Warm, warmed

HELD = "JobHeldUser (it is on hold; scontrol release lets it go)"
ROOM = "there are as many jobs in the queue as the site's setting max_jobs allows (2)"
DEAF = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> Queued:
    return Queued(warm, tmp_path)


def loud(shell: Queued, names: int, script: str = "true") -> list[str]:
    words = shell.tool_words(script, names=[f"n{number}" for number in range(names)])
    words.remove("--quiet")
    return words


def waits(shell: Queued) -> list[dict[str, Any]]:
    """What `hyflow status` says that jobs wait for."""
    done = shell("hyflow", "status", "--json")
    return list(json.loads(done.stdout)["waits"]) if done.status == 0 else []


def test_why_jobs_do_not_begin_is_told(shell: Queued) -> None:
    """Two are on hold in the queue, which is to have no more."""
    shell.settings(submit={"max_jobs": 2, "rate": "9/s"}, defaults={"extra": ["--hold"]})
    process = shell.start("hyflow", *loud(shell, 12))
    until(lambda: len(waits(shell)) == 2 or process.poll() is not None, 90)
    assert waits(shell) == [
        {"site": "there", "reason": ROOM, "jobs": 10, "queued": False}, {"site": "there", "reason": HELD, "jobs": 2, "queued": True},
    ]  # fmt: skip
    status = shell("hyflow", "status").stdout
    assert f"  waits     there: 2 jobs wait in the queue: {HELD}\n" in status
    assert f"its site said why: {HELD}.\n" in shell("hyflow", "why", "/each[0]").stdout
    assert f"its site said why, of all 10 jobs that waited like it: {ROOM}.\n" in shell("hyflow", "why", "/each[11]").stdout
    done = shell("hyflow", "cancel", "last")
    assert (done.status, done.stdout.partition(": ")[2]) == (0, "cancelled, 12 jobs ended\n"), done.stderr
    ended = finish(process)
    assert ended.status == 130 and not shell.in_queue()
    assert [ended.stderr.count(f": {reason}\n") for reason in (HELD, ROOM)] == [1, 1], ended.stderr


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
