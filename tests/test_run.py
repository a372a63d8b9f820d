"""The parts of a run together: what is checked and bounded before anything starts, and what is told at the end."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partialmethod
from pathlib import Path

import pytest
import wholerun

from hyflow import entering
from hyflow.journal import Journal, list_runs, read_events
from hyflow.model.events import Delivered, Event, Finished, Stopping
from hyflow.model.jobs import Key
from hyflow.report.lines import Lines
from hyflow.resuming import Wish
from hyflow.run import resume

TOOL = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "true", "inputs": {}, "outputs": {}}
LOCAL = "version: 1\nsites: {{here: {{type: local, workdir: {}}}}}\n"


def test_a_site_that_is_silent_when_it_is_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "_CONNECTING", 0.5)
    deploy = "version: 1\nsites: {box: {type: shell, command: [sh, -c, 'sleep 600'], workdir: /nonexistent/box}}\n"
    began = time.monotonic()
    ran = wholerun.run(tmp_path, TOOL, deploy=deploy)
    assert time.monotonic() - began < 10
    assert ran.status == 1
    assert ran.said == "the site box gives no answer within 0.5 seconds\n  hyflow check DEPLOY --connect looks at it"
    assert not list((tmp_path / "home" / "runs").glob("2*"))


def test_a_work_directory_that_others_can_change(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    ran = wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work))
    assert ran.status == 1 and ran.said.startswith(f"here: the work directory {work} can be changed by other users\n  set `workdir` to")
    work.chmod(0o1777)  # as that of /tmp
    assert wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work)).status == 0


def test_one_run_at_a_time_delivers_into_a_directory(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    descriptor = os.open(results, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    threading.Timer(1.5, os.close, [descriptor]).start()
    made = {**TOOL, "stdout": "o", "outputs": {"o": "stdout"}}
    ran = wholerun.run(tmp_path, made)
    assert ran.status == 0 and f"warning: waiting: another run delivers to {results}" in ran.said
    assert (results / "o").exists()


async def appended(journal: Journal, events: Sequence[Event], *kept: Mapping[Key, bytes], signal_at: type) -> None:
    if any(isinstance(event, signal_at) for event in events):
        signal.raise_signal(signal.SIGINT)
    await APPEND(journal, events, *kept)


APPEND = Journal.append


@pytest.mark.parametrize("kind", [Finished, Delivered])
def test_a_stop_in_the_very_turn_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """With the last job it still stops the delivery; when all is delivered it comes too late, and only tidying up is left out."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    monkeypatch.setattr(Journal, "append", partialmethod(appended, signal_at=kind))
    try:
        ran = wholerun.run(tmp_path, {**TOOL, "stdout": "o", "outputs": {"o": "stdout"}})
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
    [run] = list_runs(tmp_path / "home")
    events = [type(record.event) for record in read_events(run.journal)]
    if kind is Finished:
        assert ran.status == 130 and events[-1] is Stopping and not (tmp_path / "results" / "o").exists()
        assert f"not all results were delivered to {tmp_path}/results: the others are still below {run.path}" in ran.said
        assert ran.said.count("stopping (interrupt)") == 1
    else:
        assert ran.status == 0 and events[-1] is Delivered and (tmp_path / "results" / "o").exists()
        assert "removing it was interrupted" in ran.said


def test_a_run_that_another_driver_has_brought_to_its_end_meanwhile(tmp_path: Path) -> None:
    """Since whoever takes it up looked at it: what was delivered stays, and is the answer."""
    ran = wholerun.run(tmp_path, {**TOOL, "stdout": "o", "outputs": {"o": "stdout"}})
    [run] = list_runs(tmp_path / "home")
    result = asyncio.run(resume(run, Wish(), Lines(io.StringIO())))
    assert (result.status, result.outputs) == (0, ran.outputs)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["o"]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a directory away needs root")
def test_a_work_directory_of_another_user(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, 65534, 65534)
    ran = wholerun.run(tmp_path, TOOL, deploy=LOCAL.format(work))
    assert ran.status == 1 and "can be changed by other users" in ran.said
    assert not list(work.iterdir())
