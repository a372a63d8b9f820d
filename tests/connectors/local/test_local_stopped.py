"""Processes that were stopped for a while: nothing is lost for that, and no second supervisor is started beside one that sleeps."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from localsite import connected, end_of, gone, let_go, state_of, submit, supervisor_of, supervisors, text_of

from hyflow.connector import Done
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow_local import connector as connector_module
from hyflow_local import finding

COMES = """
import asyncio, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow_local import LocalSettings, finding, patience, plugin

finding.PATIENCE, patience.STEP = 2.0, 0.2

async def main(state):
    print("comes", flush=True)
    async with plugin.connect(LocalSettings(), SiteContext("here", "run", Path(state))) as connector:
        async for _, status in connector.watch(["k"]):
            pass
        print(status.outcome.code)

asyncio.run(main(*sys.argv[1:]))
"""


async def left_with(tmp_path: Path, script: str) -> int:
    """The supervisor of an attempt `k` that runs, while nobody is connected."""
    async with connected(tmp_path) as connector:
        await submit(connector, "k", "sh", "-c", f"echo >{tmp_path}/runs; {script}")
        await text_of(tmp_path / "runs")
        let_go(connector)
        return supervisor_of(connector)


async def go_on(pid: int, after: float) -> None:
    await asyncio.sleep(after)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", ["1.5", "0.1"])
async def test_one_that_is_stopped_is_waited_for(tmp_path: Path, seconds: str) -> None:
    supervisor = await left_with(tmp_path, f"sleep {seconds}; exit 4")
    os.kill(supervisor, signal.SIGSTOP)
    waking = asyncio.create_task(go_on(supervisor, 0.5))
    async with connected(tmp_path) as connector:
        status = await end_of(connector, await submit(connector, "k", "true"))
        assert isinstance(status, Done)
        assert status.outcome.code == 4
        assert len(supervisors(tmp_path)) == 1
    await waking


async def test_one_that_stays_stopped_is_told_and_nothing_is_started_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = await left_with(tmp_path, "sleep 0.5; exit 4")
    os.kill(supervisor, signal.SIGSTOP)
    monkeypatch.setattr(finding, "PATIENCE", 0.3)
    with pytest.raises(SiteError, match=r"given no answer for 0\.3 seconds") as raised:
        async with connected(tmp_path):
            pass
    assert raised.value.transient
    assert supervisors(tmp_path) == [supervisor]
    os.kill(supervisor, signal.SIGCONT)
    monkeypatch.undo()
    async with connected(tmp_path) as connector:
        status = await end_of(connector, await submit(connector, "k", "true"))
        assert isinstance(status, Done)
        assert status.outcome.code == 4


async def test_what_was_sent_to_one_that_is_stopped_runs_though_hyflow_is_gone(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await connector.find([Key("it is there")])
        supervisor = supervisor_of(connector)
        os.kill(supervisor, signal.SIGSTOP)
        await submit(connector, "k", "sh", "-c", f"echo >>{tmp_path}/ran")
        let_go(connector)
    os.kill(supervisor, signal.SIGCONT)
    await text_of(tmp_path / "ran")
    await gone(supervisor)


async def test_a_new_client_does_not_drown_what_the_old_one_said(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await connector.find([Key("it is there")])
        supervisor = supervisor_of(connector)
        os.kill(supervisor, signal.SIGSTOP)
        await submit(connector, "k", "sh", "-c", f"sleep 0.3; echo >>{tmp_path}/ran; exit 6")
        let_go(connector)
    waking = asyncio.create_task(go_on(supervisor, 0.3))
    async with connected(tmp_path) as connector:
        assert await connector.find([Key("k")]) == {"k": "k"}
        status = await end_of(connector, "k")
        assert isinstance(status, Done)
        assert status.outcome.code == 6
    await waking


async def test_one_that_is_stopped_when_it_shall_end_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector_module, "LEAVING", 0.5)
    async with connected(tmp_path) as connector:
        await submit(connector, "runs", "sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 300")
        pid, supervisor = int(await text_of(tmp_path / "pid")), supervisor_of(connector)
        os.kill(supervisor, signal.SIGSTOP)
    for one in (pid, supervisor):
        await gone(one)
    assert supervisors(tmp_path) == []


async def test_a_command_that_kept_its_time_while_nobody_could_look(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        supervisor = supervisor_of(connector)
        ticket = await submit(connector, "k", "sh", "-c", f"echo >{tmp_path}/runs; sleep 0.2; exit 3", time_limit=0.8)
        await text_of(tmp_path / "runs")
        os.kill(supervisor, signal.SIGSTOP)
        await go_on(supervisor, 1.2)
        status = await end_of(connector, ticket)
        assert isinstance(status, Done)
        assert (status.outcome.code, status.outcome.timed_out) == (3, False)


async def test_a_hyflow_that_was_stopped_for_longer_than_it_would_wait(tmp_path: Path) -> None:
    supervisor = await left_with(tmp_path, "sleep 4; exit 4")
    os.kill(supervisor, signal.SIGSTOP)
    hyflow = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMES, str(state_of(tmp_path)), stdout=asyncio.subprocess.PIPE)
    assert hyflow.stdout
    assert await hyflow.stdout.readline() == b"comes\n"
    await asyncio.sleep(0.6)  # it waits for the supervisor's word
    hyflow.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.5)
    hyflow.send_signal(signal.SIGCONT)
    await go_on(supervisor, 0.2)
    assert (await hyflow.communicate())[0] == b"4\n"
    assert hyflow.returncode == 0
    await gone(supervisor)


async def test_news_for_a_hyflow_that_is_stopped_wait_for_it(tmp_path: Path) -> None:
    supervisor = await left_with(tmp_path, "sleep 1.2; exit 4")
    hyflow = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMES, str(state_of(tmp_path)), stdout=asyncio.subprocess.PIPE)
    assert hyflow.stdout
    assert await hyflow.stdout.readline() == b"comes\n"
    await asyncio.sleep(0.4)
    hyflow.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    hyflow.send_signal(signal.SIGCONT)
    assert (await hyflow.communicate())[0] == b"4\n"
    await gone(supervisor)
