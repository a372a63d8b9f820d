"""Coming back to a shell site: whatever state an attempt is in, to submit it again starts nothing twice, and loses nothing."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from hyflow.connector import Done, Forget, Lost, SiteContext
from hyflow.model.tasks import Task
from hyflow.shell import site as site_module
from hyflow.shell.site import ShellSite
from hyflow.testing.site import SiteUnderTest
from hyflow_shell import Settings, plugin

MANY = """
import asyncio, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow.model.tasks import Task
from hyflow_shell import Settings, plugin

async def main(workdir, log):
    async with plugin.connect(Settings(command=["sh", "-c"], workdir=workdir), SiteContext("there", "run", Path("/"))) as connector:
        (at,) = await connector.locations()
        script = 'echo "$0" >>"$1"'
        tasks = [Task(f"k{n}", f"k{n}", f"{at.workdir}/k{n}", ("sh", "-c", script, f"k{n}", log, "x" * 100_000), {}) for n in range(30)]
        print("submits", flush=True)
        async for _ in connector.submit(at, tasks):
            pass
        print("submitted", flush=True)
        await asyncio.sleep(300)

asyncio.run(main(*sys.argv[1:]))
"""
ASKS = """
import asyncio, sys
from pathlib import Path
from hyflow.connector import SiteContext
from hyflow_shell import Settings, plugin

async def main(workdir):
    settings = Settings(command=["sh", "-c"], workdir=workdir, patience=1.5)
    async with plugin.connect(settings, SiteContext("there", "run", Path("/"))) as connector:
        async with connector.open(("sh", "-c", "sleep 1; echo answer")) as pipe:
            print("asks", flush=True)
            print((await pipe.read()).decode(), end="")

asyncio.run(main(*sys.argv[1:]))
"""
COUNTS = 'echo started >>"$0"; sleep "$1"; exit 3'


def connect(tmp_path: Path, max_jobs: int | None = None) -> ShellSite:
    settings = Settings(command=["sh", "-c"], workdir=str(tmp_path / "site"), poll=0.1, max_jobs=max_jobs)
    found = plugin.connect(settings, SiteContext("there", "run", Path("/nonexistent")))
    assert isinstance(found, ShellSite)
    return found


async def seen(connector: ShellSite) -> SiteUnderTest:
    return SiteUnderTest(connector, (await connector.locations())[0])


def counting(site: SiteUnderTest, log: Path, seconds: str) -> Task:
    return site.task("sh", "-c", COUNTS, str(log), seconds)


async def code_of(site: SiteUnderTest, task: Task) -> int | None:
    return (await site.done(task)).outcome.code


async def test_what_was_sent_and_never_started_starts_when_it_is_sent_again(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path, max_jobs=1) as connector:
        site = await seen(connector)
        first, second = site.task("sleep", "1"), counting(site, tmp_path / "log", "0")
        await site.submit(first, second)
        assert not (tmp_path / "site/.attempts" / second.key / "claim").exists()
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        assert await code_of(await seen(connector), second) == 3
    assert (tmp_path / "log").read_text() == "started\n"


async def test_what_is_claimed_and_what_has_ended_does_not_start_again(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        site = await seen(connector)
        ended, runs = counting(site, tmp_path / "ended", "0"), counting(site, tmp_path / "runs", "1")
        assert await code_of(site, ended) == 3
        await site.submit(runs)
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        site = await seen(connector)
        assert await asyncio.gather(code_of(site, runs), code_of(site, ended)) == [3, 3]
    assert [(tmp_path / name).read_text() for name in ("ended", "runs")] == ["started\n"] * 2


async def test_what_was_forgotten_is_new_again(tmp_path: Path) -> None:
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        site = await seen(connector)
        task = counting(site, tmp_path / "log", "0")
        [ticket] = (await site.submit(task)).values()
        await site.ends([ticket])
        forget = connector.power(Forget)
        assert forget is not None
        await forget.forget([ticket])
        assert not (tmp_path / "site/.attempts" / task.key).exists()
        assert await connector.find([task.key]) == {}
    async with asyncio.timeout(30), connect(tmp_path) as connector:
        assert await code_of(await seen(connector), task) == 3
    assert (tmp_path / "log").read_text() == "started\n" * 2


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.06, 0.1, 0.2])
async def test_hyflow_is_killed_while_it_submits_and_each_task_runs_once_there(tmp_path: Path, after: float) -> None:
    log = tmp_path / "log"
    hyflow = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MANY, str(tmp_path / "site"), str(log), stdout=asyncio.subprocess.PIPE)
    assert hyflow.stdout
    assert await hyflow.stdout.readline() == b"submits\n"
    await asyncio.sleep(after)
    hyflow.kill()
    await hyflow.communicate()
    async with asyncio.timeout(50), connect(tmp_path) as connector:
        site = await seen(connector)
        script = 'echo "$0" >>"$1"'
        tasks = [Task(f"k{n}", f"k{n}", f"{site.location.workdir}/k{n}", ("sh", "-c", script, f"k{n}", str(log)), {})  # type: ignore[arg-type]  # a key is a text
                 for n in range(30)]  # keys
        ends = await site.ends((await site.submit(*tasks)).values())
        assert all(isinstance(end, Done) for end in ends.values())
    assert sorted(log.read_text().split()) == sorted(f"k{n}" for n in range(30))


async def test_two_that_send_the_same_at_once_start_it_once_and_neither_fails(tmp_path: Path) -> None:
    """As when a submission is still under way whose hyflow has died."""
    async with asyncio.timeout(50), connect(tmp_path) as one, connect(tmp_path) as other:
        sites = [await seen(one), await seen(other)]
        for _ in range(10):
            tasks = [counting(sites[0], tmp_path / "log", "0") for _ in range(5)]
            for ends in await asyncio.gather(*(all_of(site, tasks) for site in sites)):
                assert ends == [3] * 5
    assert (tmp_path / "log").read_text() == "started\n" * 50


async def all_of(site: SiteUnderTest, tasks: list[Task]) -> list[int | None]:
    ends = await site.ends((await site.submit(*tasks)).values())
    return [end.outcome.code for end in ends.values() if isinstance(end, Done)]


async def test_max_jobs_counts_what_an_earlier_connector_started(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    async with asyncio.timeout(30), connect(tmp_path, max_jobs=2) as connector:
        site = await seen(connector)
        tasks = [site.task("sh", "-c", 'echo + >>"$1"; sleep 0.5; echo - >>"$1"', "sh", log) for _ in range(6)]
        for ticket in list((await site.submit(*tasks)).values())[:2]:
            await site.until_running(ticket)
    async with asyncio.timeout(30), connect(tmp_path, max_jobs=2) as connector:
        site = await seen(connector)
        await site.ends((await site.submit(*reversed(tasks))).values())
    at_once = most = 0
    for line in Path(log).read_text().split():
        at_once += 1 if line == "+" else -1
        most = max(most, at_once)
    assert (most, at_once) == (2, 0)
    assert Path(log).read_text().count("+") == 6


async def test_an_answer_that_lay_about_while_hyflow_was_stopped_is_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner had claimed the attempt when the site was asked, and has long recorded itself when the answer is read."""
    monkeypatch.setattr(site_module, "PATIENCE", 0.5)
    stopped = tmp_path / "stopped"
    settings = Settings(command=["sh", "-c", f'sh -c "$1"; while [ -e {stopped} ]; do sleep 0.05; done', "sh"],
                        workdir=str(tmp_path / "site"), poll=0.05)
    async with asyncio.timeout(30), plugin.connect(settings, SiteContext("there", "run", tmp_path)) as connector:
        site = SiteUnderTest(connector, (await connector.locations())[0])
        task = site.task("sleep", "2")
        [ticket] = (await site.submit(task)).values()
        await site.until_running(ticket)
        runner = tmp_path / "site/.attempts" / task.key / "claim/runner"
        runner.rename(runner.with_name("kept"))
        ending = asyncio.create_task(site.ends([ticket]))
        await asyncio.sleep(0.2)
        stopped.touch()
        await asyncio.sleep(0.1)
        runner.with_name("kept").rename(runner)
        await asyncio.sleep(1.0)
        stopped.unlink()
        assert not isinstance((await ending)[ticket], Lost)


async def test_a_hyflow_that_was_stopped_does_not_take_the_site_for_silent(tmp_path: Path) -> None:
    asks = await asyncio.create_subprocess_exec(sys.executable, "-c", ASKS, str(tmp_path), stdout=asyncio.subprocess.PIPE)
    assert asks.stdout
    assert await asks.stdout.readline() == b"asks\n"
    await asyncio.sleep(0.2)
    asks.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.5)
    asks.send_signal(signal.SIGCONT)
    assert (await asks.communicate())[0] == b"answer\n"
