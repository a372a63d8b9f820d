# ruff: noqa: S101 - assertions are what a test is made of
"""How attempts are ended: on a time limit, by `cancel`; always with every process that they started."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hyflow.connector import Done
from hyflow.testing.site import SiteUnderTest, Suite

TREE = """
mkdir -p "$1"
sh -c 'echo $$ > "$1/deaf.part"; mv "$1/deaf.part" "$1/deaf"; trap "" TERM INT HUP; while :; do sleep 1; done' sh "$1" &
sh -c 'echo $$ > "$1/child.part"; mv "$1/child.part" "$1/child"; exec sleep 300' sh "$1" &
echo $$ > "$1/main"
wait
"""
"""A script that starts two processes, one of which hears no gentle signal, and writes down their numbers below `$1`."""

AWAY = """
mkdir -p "$1"
setsid sh -c 'echo $$ > "$1/away.part"; mv "$1/away.part" "$1/away"; exec sleep 300' sh "$1" &
wait
"""


class EndSuite(Suite):
    """The end of process trees."""

    async def _pids(self, site: SiteUnderTest, base: str, *names: str) -> list[str]:
        script = 'cd "$1"; shift; for name; do until [ -s "$name" ]; do sleep 0.05; done; cat "$name"; done'
        return (await site.sh(f'until [ -d "$1" ]; do sleep 0.05; done; {script}', base, *names)).decode().split()

    async def test_a_time_limit_ends_every_process(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", TREE, "sh", f"{site.root}/pids", time_limit=1.0)
            tickets = await site.submit(task)
            pids = await self._pids(site, f"{site.root}/pids", "main", "deaf", "child")
            async with asyncio.timeout(25):
                (status,) = (await site.ends(tickets.values())).values()
                for pid in pids:
                    await site.until_gone(pid)
            assert isinstance(status, Done)
            assert status.outcome.timed_out
            assert (status.outcome.code, status.outcome.signal, status.outcome.trouble) == (None, None, None)

    async def test_a_time_limit_that_is_kept_changes_nothing(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            outcome = (await site.done(site.task("sh", "-c", "exit 3", time_limit=30.0))).outcome
            assert (outcome.code, outcome.timed_out) == (3, False)

    async def test_outputs_of_before_a_time_limit_are_told(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.done(site.task("sh", "-c", "echo x; echo y > partial; sleep 300", time_limit=1.0))
            assert done.outcome.timed_out
            assert done.outcome.stdout == "x\n"
            assert "partial" in done.manifest.entries

    async def test_cancel_ends_every_process(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(site.task("sh", "-c", TREE, "sh", f"{site.root}/pids"))
            pids = await self._pids(site, f"{site.root}/pids", "main", "deaf", "child")
            async with asyncio.timeout(25):
                await site.connector.cancel(tickets.values())
                for pid in pids:
                    await site.until_gone(pid)
                await site.ends(tickets.values())

    async def test_cancel_ends_what_left_for_a_session_of_its_own(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(site.task("sh", "-c", AWAY, "sh", f"{site.root}/pids"))
            pids = await self._pids(site, f"{site.root}/pids", "away")
            async with asyncio.timeout(25):
                await site.connector.cancel(tickets.values())
                await site.until_gone(pids[0])

    async def test_what_a_command_left_running_is_ended(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.script('sleep 300 & echo $!')
            assert done.outcome.code == 0
            async with asyncio.timeout(25):
                await site.until_gone(done.outcome.stdout.strip())

    async def test_cancel_of_many_at_once(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tickets = await site.submit(*(site.task("sleep", "300") for _ in range(20)))
            async with asyncio.timeout(25):
                await site.connector.cancel(tickets.values())
                assert len(await site.ends(tickets.values())) == 20
