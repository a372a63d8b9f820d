"""Coming back to this machine's attempts: those that run, wait or have ended, whoever was there meanwhile, and whoever died."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from localsite import connected, end_of, gone, let_go, state_of, submit, supervisor_of, supervisors, text_of, there_is_no

from hyflow import plain
from hyflow.connector import Done
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task

MANY = """
import asyncio, os, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow_local import LocalSettings, plugin

async def main(state, log):
    async with plugin.connect(LocalSettings(), SiteContext("here", "run", Path(state))) as connector:
        (at,) = await connector.locations()
        script = 'echo "$0" >>"$1"'
        tasks = [Task(f"k{n}", f"k{n}", f"{at.workdir}/k{n}", ("sh", "-c", script, f"k{n}", log, "x" * 100_000), {}) for n in range(60)]
        print("submits", flush=True)
        async for _ in connector.submit(at, tasks):
            pass
        print("submitted", flush=True)
        await asyncio.sleep(300)

asyncio.run(main(*sys.argv[1:]))
"""
ATTACHES = """
import asyncio, sys
from pathlib import Path
from hyflow.model.resources import Resources
from hyflow_local.finding import attach

asyncio.run(attach(Path(sys.argv[1]), sys.argv[1], Resources(), print))
"""
LEAVES = """
import asyncio, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow.model.tasks import Task
from hyflow_local import LocalSettings, plugin

async def main(state, ready):
    async with plugin.connect(LocalSettings(), SiteContext("here", "run", Path(state))) as connector:
        (at,) = await connector.locations()
        script = 'trap "" TERM; echo >"$0"; while :; do sleep 0.1; done'
        async for _ in connector.submit(at, [Task("deaf", "deaf", at.workdir + "/deaf", ("sh", "-c", script, ready), {})]):
            pass
        while not Path(ready).exists():
            await asyncio.sleep(0.02)
    print("left")

asyncio.run(main(*sys.argv[1:]))
"""


def lines_of(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


async def test_what_runs_and_what_waits_goes_on_and_is_found_by_the_next(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    commands = {key: ("sh", "-c", 'echo "$0" >>"$1"; sleep 0.5; echo whole', key, log) for key in ("runs", "waits", "last")}
    async with connected(tmp_path, cores=1) as connector:
        supervisor = supervisor_of(connector)
        for key, argv in commands.items():
            await submit(connector, key, *argv, cores=1)
        await text_of(tmp_path / "log")
        let_go(connector)
    async with connected(tmp_path, cores=1) as connector:
        assert supervisor_of(connector) == supervisor
        for key, argv in commands.items():
            status = await end_of(connector, await submit(connector, key, *argv, cores=1))
            assert isinstance(status, Done)
            assert status.outcome.stdout == "whole\n"
    assert lines_of(tmp_path / "log") == ["runs", "waits", "last"]


async def test_all_ends_while_nobody_is_there_and_is_told_by_the_record(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    commands = {key: ("sh", "-c", 'echo "$0" >>"$1"; sleep 0.1; exit 5', key, log) for key in ("runs", "waits", "last")}
    async with connected(tmp_path, cores=1) as connector:
        supervisor = supervisor_of(connector)
        for key, argv in commands.items():
            await submit(connector, key, *argv, cores=1)
        let_go(connector)
    await gone(supervisor)
    assert lines_of(tmp_path / "log") == ["runs", "waits", "last"]
    async with connected(tmp_path) as connector:
        assert await connector.find([Key("waits"), Key("never")]) == {"waits": "waits"}
        for key, argv in commands.items():
            status = await end_of(connector, await submit(connector, key, *argv))
            assert isinstance(status, Done)
            assert status.outcome.code == 5
    assert lines_of(tmp_path / "log") == ["runs", "waits", "last"]


async def test_it_is_found_in_the_very_moment_in_which_it_ends(tmp_path: Path) -> None:
    for number in range(16):
        key = f"k{number}"
        argv = ("sh", "-c", f"echo >>{tmp_path}/{key}; sleep 0.05; exit 7")
        async with connected(tmp_path) as connector:
            await submit(connector, key, *argv)
            let_go(connector)
        await asyncio.sleep(0.03 + 0.004 * number)
        async with connected(tmp_path) as connector:
            status = await end_of(connector, await submit(connector, key, *argv) if number % 2 else key)
            assert len(supervisors(tmp_path)) == 1
        assert isinstance(status, Done)
        assert status.outcome.code == 7
        assert (tmp_path / key).read_text() == "\n"


async def test_many_that_come_at_once_get_one_supervisor(tmp_path: Path) -> None:
    """They take its place from each other; a run has one driver, so it is enough that none of them starts a second one."""
    async with connected(tmp_path) as connector:
        await submit(connector, "k", "sleep", "0.3")
        let_go(connector)
    others = [await asyncio.create_subprocess_exec(sys.executable, "-c", ATTACHES, str(state_of(tmp_path))) for _ in range(4)]
    assert [await other.wait() for other in others] == [0] * 4
    await there_is_no(state_of(tmp_path) / "supervisor.sock")
    async with connected(tmp_path) as connector:
        assert isinstance(await end_of(connector, "k"), Done)
    assert (state_of(tmp_path) / "supervisor.log").read_text() == ""


async def test_half_a_line_of_one_that_died_starts_nothing(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await submit(connector, "keeps", "sleep", "1")
        (at,) = await connector.locations()
        let_go(connector)
    task = Task(Key("half"), "half", f"{at.workdir}/half", ("touch", str(tmp_path / "ran")), {})
    whole = Task(Key("whole"), "whole", f"{at.workdir}/whole", ("true",), {})
    _, writer = await asyncio.open_unix_connection(state_of(tmp_path) / "supervisor.sock")
    writer.write(plain.dumps(whole) + b"\n" + plain.dumps(task))  # only the end of the line is missing
    await writer.drain()
    writer.close()
    async with connected(tmp_path) as connector:
        assert await connector.find([Key("half"), Key("whole")]) == {"whole": "whole"}
        assert not (tmp_path / "ran").exists()
        assert isinstance(await end_of(connector, await submit(connector, "half", *task.argv)), Done)
        assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("after", [0.0, 0.003, 0.01, 0.02, 0.04, 0.08])
async def test_hyflow_is_killed_while_it_submits_and_each_task_runs_once(tmp_path: Path, after: float) -> None:
    log = tmp_path / "log"
    hyflow = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MANY, str(state_of(tmp_path)), str(log), stdout=asyncio.subprocess.PIPE)
    assert hyflow.stdout
    assert await hyflow.stdout.readline() == b"submits\n"
    await asyncio.sleep(after)
    hyflow.kill()
    await hyflow.communicate()
    async with connected(tmp_path) as connector:
        for number in range(60):
            key = f"k{number}"
            ticket = await submit(connector, key, "sh", "-c", 'echo "$0" >>"$1"', key, str(log))
            assert isinstance(await end_of(connector, ticket), Done)
    assert sorted(lines_of(log)) == sorted(f"k{number}" for number in range(60))


async def test_one_that_is_told_to_end_is_waited_for_and_replaced(tmp_path: Path) -> None:
    hyflow = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEAVES, str(state_of(tmp_path)), str(tmp_path / "ready"), stdout=asyncio.subprocess.PIPE)
    assert not await text_of(tmp_path / "ready")
    (first,) = supervisors(tmp_path)
    await there_is_no(state_of(tmp_path) / "supervisor.sock")  # it has heard that it shall end, which takes two seconds
    hyflow.kill()
    await hyflow.communicate()
    async with connected(tmp_path) as connector:
        status = await end_of(connector, await submit(connector, "deaf", "true"))
        assert isinstance(status, Done)
        assert status.outcome.signal == signal.SIGKILL
        assert isinstance(await end_of(connector, await submit(connector, "after", "true")), Done)
        assert supervisor_of(connector) != first


async def test_one_that_dies_while_it_is_left_leaves_nothing_running(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await submit(connector, "runs", "sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 300")
        pid = int(await text_of(tmp_path / "pid"))
        os.kill(supervisor_of(connector), signal.SIGKILL)
    await gone(pid)
    async with connected(tmp_path) as connector:
        assert "has been ended" in str(await end_of(connector, await submit(connector, "runs", "true")))


async def test_what_a_dead_supervisor_had_not_read_is_run_by_the_next(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await connector.find([Key("it is there")])
        os.kill(supervisor_of(connector), signal.SIGSTOP)
        ticket = await submit(connector, "k", "sh", "-c", f"echo >>{tmp_path}/ran; exit 3")
        os.kill(supervisor_of(connector), signal.SIGKILL)
        status = await end_of(connector, ticket)
        assert isinstance(status, Done)
        assert status.outcome.code == 3
    assert (tmp_path / "ran").read_text() == "\n"
    claims = [line for line in (state_of(tmp_path) / "attempts").read_text().splitlines() if "claim" in json.loads(line)]
    assert len(claims) == 1
