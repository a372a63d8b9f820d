"""The client of a container engine, under every shell: what it gets, and when what it has started is ended."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from makeshift import DEAF, enclosed, number_in, there, until_there

from hyflow.connector import Done, Lost, Ticket
from hyflow.model.containers import Enclosure
from hyflow.testing.site import SiteUnderTest

SCRIPTS = Path(__file__).parents[3] / "hyflow/shell"


async def test_the_client_has_the_environment_of_the_login_and_the_task_s_on_top(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools, "LOGIN=here", "BOTH=login", "LC_ALL=C.UTF-8") as site:
        task = site.task("env", "-0", stdout="env", environment={"BOTH": "task", "OWN": "a\nb"})
        await site.done(replace(task, enclosure=Enclosure(())))
        found = dict(line.split("=", 1) for line in (await site.read(f"{task.dir}/out/env")).decode().split("\0") if line)
        expected = {"LOGIN": "here", "BOTH": "task", "OWN": "a\nb", "LC_ALL": "C.UTF-8", "PATH": tools}
        assert {name: found.get(name) for name in expected} == expected


async def test_a_locale_that_the_login_has_not_set_is_not_set(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools, before=("env", "-u", "LC_ALL")) as site:
        done = await site.done(replace(site.task("sh", "-c", "echo ${LC_ALL-none}"), enclosure=Enclosure(())))
        assert done.outcome.stdout == "none\n"


async def test_it_is_ended_after_a_status_that_may_not_be_the_command_s(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools, "LOGIN=mine") as site:
        made = {code: enclosed(site, tmp_path, "sh", "-c", f"exit {code}") for code in (0, 3, 124, 125, 137)}
        tickets = await site.submit(*(task for task, _ in made.values()))
        ends = await site.ends(tickets.values())
        for code, (task, name) in made.items():
            status = ends[tickets[task.key]]
            assert isinstance(status, Done)
            assert status.outcome.code == code and not status.outcome.out_of_memory
            assert os.path.exists(f"{name}.ended") == (code >= 125)
        assert Path(f"{made[125][1]}.ended").read_text() == "/ mine\n"


async def test_a_time_limit_ends_it_before_its_outputs_are_looked_at(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        task, name = enclosed(site, tmp_path, *DEAF, time_limit=1.0)
        assert task.enclosure is not None
        end = ("sh", "-c", '"$@"; echo x >"$0"', f"{task.dir}/out/late", *task.enclosure.end)
        done = await site.done(replace(task, enclosure=Enclosure(end)))
        assert done.outcome.timed_out and "late" in done.manifest.entries
        await site.until_gone(str(number_in(f"{name}.pid")))


async def deaf(site: SiteUnderTest, tmp_path: Path) -> tuple[Ticket, str, Path]:
    """An attempt at something that goes on for ever in its enclosure, its name there, and its claim."""
    task, name = enclosed(site, tmp_path, *DEAF)
    [ticket] = (await site.submit(task)).values()
    claim = tmp_path / "site/.attempts" / task.key / "claim"
    await until_there(site, f"{name}.pid", f"{name}.client", claim / "command")
    return ticket, name, claim


async def is_over(site: SiteUnderTest, name: str) -> None:
    assert Path(f"{name}.ended").read_text() == "/ \n"
    await site.until_gone(str(number_in(f"{name}.pid")))


async def test_it_is_ended_when_its_client_dies_of_a_signal(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        ticket, name, _ = await deaf(site, tmp_path)
        os.kill(number_in(f"{name}.client"), signal.SIGKILL)
        status = (await site.ends([ticket]))[ticket]
        assert isinstance(status, Done) and status.outcome.signal == 9 and not status.outcome.out_of_memory
        await is_over(site, name)


async def test_it_is_ended_when_its_runner_has_died(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        ticket, name, claim = await deaf(site, tmp_path)
        os.kill(number_in(claim / "runner"), signal.SIGKILL)
        status = (await site.ends([ticket]))[ticket]
        assert isinstance(status, Lost) and "died" in status.evidence
        await is_over(site, name)


async def test_it_is_ended_when_its_machine_was_restarted(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        ticket, name, claim = await deaf(site, tmp_path)
        words = (claim / "runner").read_text().split()
        (claim / "runner").write_text(" ".join([*words[:2], "another-boot", *words[3:], "\n"]))
        status = (await site.ends([ticket]))[ticket]
        assert isinstance(status, Lost) and "restarted" in status.evidence
        assert Path(f"{name}.ended").exists()
        os.kill(int(words[0]), signal.SIGTERM)
        await site.until_gone(words[0])


async def test_it_is_ended_when_its_runner_is_asked_to_go(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        ticket, name, claim = await deaf(site, tmp_path)
        os.kill(number_in(claim / "runner"), signal.SIGTERM)
        assert isinstance((await site.ends([ticket]))[ticket], Lost)
        await is_over(site, name)


async def test_it_is_ended_by_cancel(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        ticket, name, _ = await deaf(site, tmp_path)
        await site.connector.cancel([ticket])
        await is_over(site, name)


async def test_many_are_ended_together_but_not_all_at_once(tmp_path: Path, tools: str) -> None:
    log = tmp_path / "log"
    async with there(tmp_path, tools) as site:
        end = Enclosure(("sh", "-c", 'echo + >>"$0"; sleep 1; echo - >>"$0"', str(log)))
        tickets = await site.submit(*(replace(site.task("sleep", "300"), enclosure=end) for _ in range(20)), site.task("sleep", "300"))
        for ticket in tickets.values():
            await site.until_running(ticket)
        await site.connector.cancel(tickets.values())
        at_once = most = 0
        for line in log.read_text().split():
            at_once += 1 if line == "+" else -1
            most = max(most, at_once)
        assert at_once == 0 and 8 <= most <= 16
        assert log.read_text().count("-") == 20
        assert all(isinstance(status, Lost) for status in (await site.ends(tickets.values())).values())


def test_an_engine_that_hangs_is_not_waited_for(tmp_path: Path, tools: str) -> None:
    hangs = """bounded 1 sh -c 'trap "" TERM; sleep 60 & echo $! >"$0"; wait' "$0"; echo $?"""
    shell = shutil.which("sh", path=tools) or ""
    begun = time.monotonic()
    told = subprocess.run([shell, "-c", f". {SCRIPTS}/detached.sh; {hangs}", tmp_path / "pid"], env={"PATH": tools}, stdout=subprocess.PIPE,
                          timeout=30, check=True)
    assert told.stdout == b"137\n" and time.monotonic() - begun < 10
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(number_in(tmp_path / "pid"), 0)
            time.sleep(0.05)
