"""What outlives whom: the supervisor outlives hyflow, its record outlives the supervisor, and no process outlives a run that was left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from localsite import connected, end_of, gone, state_of, submit, supervisor_of, text_of, there_is_no

from hyflow.connector import Done, Lost
from hyflow.model.jobs import Key
from hyflow.model.tasks import Glob, Task
from hyflow_local.supervisor.record import Record

ABANDONED = """
import asyncio, os, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow_local import LocalSettings, plugin

async def main(state, seconds):
    async with plugin.connect(LocalSettings(), SiteContext("here", "run", Path(state))) as connector:
        (at,) = await connector.locations()
        task = Task(Key("left"), "left", at.workdir + "/left", ("sh", "-c", f"sleep {seconds}; echo whole; exit 7"), {})
        tickets = [ticket async for _, ticket in connector.submit(at, [task])]
        assert await connector.find(["left"])
        os.kill(os.getpid(), 9)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_supervisor_that_was_killed_leaves_nothing_running_and_its_attempts_are_lost(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        ended = await submit(connector, "ended", "sh", "-c", "exit 3")
        assert isinstance(await end_of(connector, ended), Done)
        ticket = await submit(connector, "runs", "sh", "-c", f"sleep 300 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/main; wait")
        pids = [int(await text_of(tmp_path / name)) for name in ("child", "main")]
        os.kill(supervisor_of(connector), signal.SIGKILL)
        status = await end_of(connector, ticket)
        assert isinstance(status, Lost)
        assert status.evidence == f"the supervisor died; the command (process {pids[1]}) still ran and has been ended"
        for pid in pids:
            await gone(pid)
        after = await end_of(connector, ended)
        assert isinstance(after, Done)
        assert after.outcome.code == 3
        again = await end_of(connector, await submit(connector, "after", "sh", "-c", "exit 4"))
        assert isinstance(again, Done)
        assert again.outcome.code == 4
        assert await connector.find([Key("ended"), Key("runs"), Key("no")]) == {"ended": "ended", "runs": "runs"}


async def test_a_command_whose_number_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "300", start_new_session=True)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        lines = [{"boot": boot}, {"claim": ["k", "early"]}, {"key": "k", "pid": stranger.pid, "start": [12345, 12346], "at": 1.0}]
        (state_of(tmp_path) / "attempts").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"key":"torn","outc')
        async with connected(tmp_path) as connector:
            assert await end_of(connector, "k") == Lost(f"the supervisor died, and so did the command (process {stranger.pid})")
            assert await end_of(connector, "early") == Lost("the supervisor died before it had started the command")
            assert await end_of(connector, "torn") == Lost("this machine's supervisor never heard of the attempt")
            assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_command_that_its_supervisor_had_no_time_to_record_is_found_and_ended(tmp_path: Path) -> None:
    out = tmp_path / "work" / "run" / "k" / "out"
    out.mkdir(parents=True)
    left = await asyncio.create_subprocess_exec("sleep", "300", start_new_session=True, cwd=out)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    lines = [{"boot": boot}, {"claim": ["k"]}]
    (state_of(tmp_path) / "attempts").write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with connected(tmp_path) as connector:
        assert await end_of(connector, "k") == Lost(f"the supervisor died; the command (process {left.pid}) still ran and has been ended")
        assert await left.wait() == -signal.SIGKILL


@pytest.mark.parametrize("host, evidence", [
    (os.uname().nodename, "the machine was restarted while the attempt ran"),
    ("far", f"the attempt ran on another machine, far, and cannot be taken up from this one, {os.uname().nodename}")])
async def test_what_ran_before_a_restart_or_elsewhere_is_lost_and_no_process_is_touched(tmp_path: Path, host: str, evidence: str) -> None:
    lines = [{"boot": "another", "host": host}, {"claim": ["k"]}, {"key": "k", "pid": os.getpid(), "start": [1, 1], "at": 1.0}]
    (state_of(tmp_path) / "attempts").write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with connected(tmp_path) as connector:
        assert await end_of(connector, "k") == Lost(evidence)


async def abandon(tmp_path: Path, seconds: str) -> None:
    left = await asyncio.create_subprocess_exec(sys.executable, "-c", ABANDONED, str(state_of(tmp_path)), seconds)
    assert await left.wait() == -signal.SIGKILL


async def test_a_new_hyflow_finds_the_attempt_that_still_runs(tmp_path: Path) -> None:
    await abandon(tmp_path, "1")
    async with connected(tmp_path) as connector:
        assert connector._link
        assert connector._link.child == 0, "it was not started anew"
        assert await connector.find([Key("left")]) == {"left": "left"}
        assert await submit(connector, "left", "true") == "left"
        status = await end_of(connector, "left")
        assert isinstance(status, Done)
        assert (status.outcome.code, status.outcome.stdout) == (7, "whole\n")


async def test_a_new_hyflow_finds_what_ended_while_nobody_was_there(tmp_path: Path) -> None:
    await abandon(tmp_path, "0.1")
    await there_is_no(state_of(tmp_path) / "supervisor.sock")
    async with connected(tmp_path) as connector:
        status = await end_of(connector, "left")
        assert isinstance(status, Done)
        assert (status.outcome.code, status.outcome.stdout) == (7, "whole\n")


async def test_leaving_ends_everything_also_what_escaped(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        supervisor = supervisor_of(connector)
        escape = f"setsid sh -c 'setsid sh -c \"echo \\$\\$ > {tmp_path}/away; exec sleep 300\" &' & sleep 0.5"
        await end_of(connector, await submit(connector, "escapes", "sh", "-c", escape))
        await submit(connector, "runs", "sh", "-c", f"echo $$ > {tmp_path}/runs; exec sleep 300")
        pids = [int(await text_of(tmp_path / name)) for name in ("away", "runs")]
    for pid in [*pids, supervisor]:
        await gone(pid)
    state = state_of(tmp_path)
    assert not (state / "supervisor.sock").exists()
    assert (state / "supervisor.log").read_text() == ""
    assert sorted(path.name for path in (state / "work").iterdir()) == ["escapes", "runs"]


async def test_a_long_path_of_the_state_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    async with connected(deep) as connector:
        assert isinstance(await end_of(connector, await submit(connector, "k", "true")), Done)
        address = Path((state_of(deep) / "socket").read_text())
        assert address.parent.stat().st_mode & 0o777 == 0o700
    async with connected(deep) as connector:
        assert isinstance(await end_of(connector, "k"), Done)
    assert not address.parent.exists()


async def test_what_hyflow_keeps_is_for_the_owner_alone(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        await end_of(connector, await submit(connector, "k", "true"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in state_of(tmp_path).iterdir()}
    assert modes == {"attempts": 0o600, "socket": 0o600, "supervisor.log": 0o600, "supervisor.sock": 0o600, "work": 0o700}


async def test_peak_memory_is_told_when_it_means_something(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        small = await end_of(connector, await submit(connector, "small", "true"))
        large = await end_of(connector, await submit(connector, "large", sys.executable, "-I", "-S", "-c", "b'x' * 100_000_000"))
        assert isinstance(small, Done)
        assert isinstance(large, Done)
        assert small.outcome.usage.memory is None
        assert large.outcome.usage.memory is not None
        assert 100_000_000 < large.outcome.usage.memory < 300_000_000


async def test_in_and_tmp_are_gone_when_an_attempt_has_ended(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        fill = 'mkdir -p ../tmp/a/b ../in/c; : > ../tmp/a/b/f; ln -s / ../tmp/a/root; chmod 0 ../tmp/a/b ../in/c'
        for key, script in (("fills", fill), ("removes", "rm -r ../tmp ../in"), ("swaps", "rmdir ../tmp; ln -s / ../tmp"), ("bare", "")):
            assert isinstance(await end_of(connector, await submit(connector, key, "sh", "-c", script)), Done)
            (at,) = await connector.locations()
            assert sorted(path.name for path in Path(at.workdir, key).iterdir()) == ["out", "stderr", "stdout"]


async def test_a_huge_output_does_not_keep_others_waiting(tmp_path: Path) -> None:
    async with connected(tmp_path) as connector:
        (at,) = await connector.locations()
        huge = Task(Key("huge"), "huge", f"{at.workdir}/huge", ("truncate", "-s", "300M", "huge"), {}, collect=(Glob("huge"),))
        async for _ in connector.submit(at, [huge]):
            pass
        await asyncio.sleep(0.3)
        small = asyncio.create_task(end_of(connector, await submit(connector, "small", "true")))
        large = asyncio.create_task(end_of(connector, "huge"))
        first, _ = await asyncio.wait([small, large], return_when=asyncio.FIRST_COMPLETED)
        assert first == {small}
        status = await large
        assert isinstance(status, Done)
        assert status.manifest.entries["huge"].sha256


@pytest.mark.parametrize("cut", [0, 1, 2, 12, 60])
def test_a_report_that_was_cut_short_is_none(tmp_path: Path, cut: int) -> None:
    """Also when more has been written behind it since: the next supervisor ends the line, and says that the attempt was lost."""
    report = b'{"key":"a-1","outcome":{"usage":{"wall":1}},"manifest":{"entries":{},"matches":[],"output_json":null}}'
    boot = json.dumps({"boot": "earlier", "host": "elsewhere"}).encode()
    for more in (b"", b"\n" + boot + b"\n"):
        path = tmp_path / f"attempts{len(more)}"
        path.write_bytes(boot + b'\n{"claim":["a-1"]}\n' + report[: len(report) - cut] + (more or (b"" if cut else b"\n")))
        fd = os.open(path, os.O_RDWR | os.O_APPEND)
        record = Record(fd)
        last = json.loads(record.ended("a-1") or b"null")
        os.close(fd)
        assert ("outcome" in last) is (cut == 0) and ("lost" in last) is (cut > 0)
