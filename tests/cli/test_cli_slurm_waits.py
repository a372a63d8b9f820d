"""`hyflow run` on Slurm whose jobs do not begin: what status, why and the run itself say of that, and that such jobs can be cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import until
from queued import Queued, loud, waits
from screens import finish
from warm import Warm, warmed

HELD = "JobHeldUser (it is on hold; scontrol release lets it go)"
ROOM = "there are as many jobs in the queue as the site's setting max_jobs allows (2)"


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> Queued:
    return Queued(warm, tmp_path)


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
