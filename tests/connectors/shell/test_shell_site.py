"""What the suite does not ask: limits of one's own, a site that falls silent, a runner that dies, a way back after a restart."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from hyflow.connector import Done, Lost, Refused, Running, SiteContext, Ticket, Unknown
from hyflow.errors import SiteError
from hyflow.model.places import HERE
from hyflow.model.tasks import Stage, StageKind, Task
from hyflow.shell.site import ShellSite
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings, plugin

CONTEXT = SiteContext("there", "run", Path("/nonexistent"))


def connect(tmp_path: Path, command: list[str] | None = None, **settings: object) -> ShellSite:
    chosen = Settings(command=command or ["sh", "-c"], workdir=str(tmp_path / "site"), **settings)  # type: ignore[arg-type]  # as in a file
    found = plugin.connect(chosen, CONTEXT)
    assert isinstance(found, ShellSite)
    return found




async def test_max_jobs_holds_back(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, max_jobs=2, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        log = str(tmp_path / "log")
        tickets = await site.submit(*(site.task("sh", "-c", 'echo + >>"$1"; sleep 0.2; echo - >>"$1"', "sh", log) for _ in range(6)))
        await site.ends(tickets.values())
    at_once = most = 0
    for line in Path(log).read_text().split():
        at_once += 1 if line == "+" else -1
        most = max(most, at_once)
    assert most <= 2 and at_once == 0


async def test_a_time_limit_where_sleep_knows_whole_seconds_only(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").write_text('#!/bin/sh\ncase $1 in *.*) exit 1 ;; esac\nexec /bin/sleep "$1"\n')
    (tmp_path / "bin" / "sleep").chmod(0o700)
    command = ["sh", "-c", f'PATH={tmp_path}/bin:$PATH; eval "$1"', "sh"]
    async with asyncio.timeout(30), connect(tmp_path, command=command, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        tickets = await site.submit(replace(site.task("sleep", "1"), time_limit=20), replace(site.task("sleep", "20"), time_limit=0.5))
        ends = await site.ends(tickets.values())
    assert sorted(end.outcome.timed_out for end in ends.values()) == [False, True]  # type: ignore[union-attr]  # both are Done


async def test_a_submission_that_fails_holds_nobody_back(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    command = ["sh", "-c", f'[ ! -e {broken} ] || exit 1; eval "$1"', "sh"]
    async with asyncio.timeout(30), connect(tmp_path, command=command, max_jobs=1, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        broken.touch()
        with pytest.raises(SiteError):
            await site.submit(site.task("true"))
        broken.unlink()
        await site.ends((await site.submit(site.task("true"))).values())


async def test_attempts_outlive_the_connector(tmp_path: Path) -> None:
    async with connect(tmp_path) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        task = site.task("sh", "-c", "sleep 0.5; echo made >x")
        await site.submit(task)
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        found = await connector.find([task.key, Task(task.key, "", "", (), {}).key])
        [status] = (await site.ends(found.values())).values()
        assert "x" in status.manifest.entries  # type: ignore[union-attr]  # a Done, or the test fails


async def test_a_killed_runner_is_lost_with_its_command(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        task = site.task("sleep", "300")
        [ticket] = (await site.submit(task)).values()
        await site.until_running(ticket)
        claim = tmp_path / "site/.attempts" / task.key / "claim"
        await site.sh('until [ -s "$1" ]; do sleep 0.02; done', str(claim / "command"))
        os.kill(int((claim / "runner").read_text().split()[0]), signal.SIGKILL)
        [status] = (await site.ends([ticket])).values()
        assert isinstance(status, Lost) and "died" in status.evidence
        await site.until_gone((claim / "command").read_text().split()[0])


async def test_a_silent_site_is_unknown_until_it_answers(tmp_path: Path) -> None:
    down = tmp_path / "down"
    command = ["sh", "-c", f'[ ! -e {down} ] || {{ echo no route >&2; exit 255; }}; exec sh -c "$1"', "sh"]
    async with asyncio.timeout(30), connect(tmp_path, command, poll=0.05) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        [ticket] = (await site.submit(site.task("sleep", "0.3"))).values()
        await site.until_running(ticket)
        down.touch()
        seen: list[object] = []
        async for _, status in connector.watch([Ticket(ticket)]):
            seen.append(type(status))
            if isinstance(status, Unknown):
                assert "no route" in status.reason
                with pytest.raises(SiteError, match="no route"):
                    await connector.find([])
                    await connector.cancel([ticket])
                down.unlink()
        assert seen.count(Unknown) == 1 and seen[0] in (Unknown, Running)


async def test_what_is_missing_is_named_at_once(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "env", "cat", "mkdir"):
        (tools / tool).symlink_to(f"/bin/{tool}")
    with pytest.raises(SiteError, match=r"lacks .*tar.*find.*sha1sum"):
        async with connect(tmp_path, ["/usr/bin/env", f"PATH={tools}", "sh", "-c"]):
            pass


async def test_a_greeting_is_passed_over(tmp_path: Path) -> None:
    greeting = "echo 'Welcome!'; echo 'No quotas today' >&2; exec sh -c \"$0\""
    async with connect(tmp_path, ["sh", "-c", greeting]) as site, site.open(("printf", "%s", "hello")) as pipe:
        assert await pipe.read() == b"hello"
        assert (await pipe.wait())[0] == 0


@pytest.mark.parametrize("command", [["sh"], ["sh", "-c", "exit 0"], ["true"], ["cat"]])
async def test_a_command_that_does_not_run_what_it_is_given(tmp_path: Path, command: list[str]) -> None:
    with pytest.raises(SiteError, match="did not run the command line") as raised:
        async with connect(tmp_path, command):
            pass
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("settings", [{"memory": "much"}, {"max_jobs": 0}, {"command": ["/nonexistent/ssh"]}])
async def test_settings_that_cannot_be_obeyed(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(SiteError) as raised:
        async with connect(tmp_path, **settings):  # type: ignore[arg-type]  # as in a file
            pass
    assert not raised.value.transient


async def test_a_site_called_local_shares_nothing_with_this_machine(tmp_path: Path) -> None:
    site = plugin.connect(Settings(command=["sh", "-c"], workdir=str(tmp_path / "site")), SiteContext("local", "run", tmp_path))
    async with site as connector:
        (place,) = await connector.locations()
    assert HERE not in place.mounts


async def test_one_that_the_site_cannot_take_is_refused_and_the_others_run(tmp_path: Path) -> None:
    async with asyncio.timeout(50), connect(tmp_path, poll=0.1) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        tasks = [site.task("true") for _ in range(7)]
        tasks.insert(4, site.task("true", stage=[Stage(StageKind.WRITE, f"in/{'x' * 300}", text="text")]))
        answers = {key: answer async for key, answer in connector.submit(site.location, tasks)}
        refused = answers.pop(tasks.pop(4).key)
        assert isinstance(refused, Refused) and "too long" in refused.reason and refused.transient
        ends = await site.ends([answer for answer in answers.values() if not isinstance(answer, Refused)])
        assert [type(end) for end in ends.values()] == [Done] * 7
