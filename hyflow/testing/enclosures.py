# ruff: noqa: S101 - assertions are what a test is made of
"""Commands that are clients of a container engine. A script stands for the engine, so the site needs only `sh`, `setsid` and a `sleep`
that takes fractions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from hyflow.connector import Done
from hyflow.model.containers import Enclosure
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task
from hyflow.testing.site import SiteUnderTest, Suite

ENGINE = """
what=$1 name=$2
shift 2
case $what in
run)
    setsid env -i "PATH=$PATH" sh -c '
        echo $$ >"$0.part"; mv "$0.part" "$0.pid"
        "$@"
        echo $? >"$0.part"; mv "$0.part" "$0.code"
    ' "$name" "$@" &
    until [ -e "$name.code" ] || [ ! -e "$name" ]; do sleep 0.05; done
    read -r code <"$name.code"
    exit "$code" ;;
end)
    read -r pid <"$name.pid" && kill -s KILL -- "-$pid"
    pwd >>"$name.ended" ;;
esac
"""
"""`run NAME ARGV...` starts a command in a session of its own, without our variables, and waits for its end, but does not end with it;
`end NAME` ends it. NAME is the path that the names of all its files begin with."""
DEAF = ("sh", "-c", 'trap "" TERM INT HUP; while :; do sleep 1; done')
LINKS = 'for path; do ln -s -- "/nowhere/in/$path" "./$path" || exit 1; done; ln -s /nowhere/out/d itself; ln -s /nowherever other; mkdir d'


class EnclosureSuite(Suite):
    """The container of a command ends with it, and what it leaves is as if there had been none."""

    async def _enclosed(self, site: SiteUnderTest, *argv: str, time_limit: float | None = None) -> tuple[Task, str]:
        """A task whose command the engine runs, and the name under which it does."""
        task = site.task(time_limit=time_limit)
        name = await site.write(f"{site.root}/engine/{task.key}", b"")
        engine = ("sh", "-c", ENGINE, "engine")
        enclosure, little = Enclosure((*engine, "end", name)), Resources(cores=0.1)  # so that several run on a small machine too
        return replace(task, argv=(*engine, "run", name, *argv), resources=little, enclosure=enclosure), name

    async def _is_over(self, site: SiteUnderTest, name: str) -> None:
        assert await site.read(f"{name}.ended") == b"/\n"
        await site.until_gone((await site.read(f"{name}.pid")).decode().strip())

    async def _begun(self, site: SiteUnderTest, name: str) -> None:
        await site.sh('until [ -e "$1.pid" ]; do sleep 0.05; done', name)

    async def test_an_enclosure_is_ended_on_cancel(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            made = [await self._enclosed(site, *DEAF) for _ in range(3)]
            tickets = await site.submit(*(task for task, _ in made))
            for _, name in made:
                await self._begun(site, name)
            async with asyncio.timeout(25):
                await site.connector.cancel(tickets.values())
                await site.ends(tickets.values())
                for _, name in made:
                    await self._is_over(site, name)

    async def test_an_enclosure_is_ended_on_its_time_limit(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task, name = await self._enclosed(site, *DEAF, time_limit=1.0)
            async with asyncio.timeout(25):
                done = await site.done(task)
                assert done.outcome.timed_out
                await self._is_over(site, name)

    async def test_an_enclosure_is_ended_when_its_client_died(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task, name = await self._enclosed(site, *DEAF)
            assert task.enclosure is not None
            client = 'setsid "$@" & until [ -e "$0.pid" ]; do sleep 0.05; done; kill -s KILL $$'
            done = await site.done(replace(task, argv=("sh", "-c", client, name, *task.argv)))
            assert done.outcome.signal == 9 and not done.outcome.out_of_memory
            await self._is_over(site, name)

    async def test_an_enclosure_is_ended_after_a_doubtful_status_alone(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            made = {code: await self._enclosed(site, "sh", "-c", f"exit {code}") for code in (0, 3, 124, 125, 137)}
            tickets = await site.submit(*(task for task, _ in made.values()))
            ends = await site.ends(tickets.values())
            for code, (task, name) in made.items():
                status = ends[tickets[task.key]]
                assert isinstance(status, Done)
                assert (status.outcome.code, status.outcome.out_of_memory) == (code, False)
                assert await site.exists(f"{name}.ended") == (code >= 125)

    async def test_an_end_that_cannot_be_run_changes_nothing(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "exit 126")
            outcome = (await site.done(replace(task, enclosure=Enclosure((f"{site.root}/is-not-there", "x"))))).outcome
            assert (outcome.code, outcome.trouble) == (126, None)

    async def test_the_end_comes_before_outputs_are_looked_at(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "exit 125")
            end = ("sh", "-c", 'sleep 0.5; echo x >"$1"', "sh", f"{task.dir}/out/late")
            assert "late" in (await site.done(replace(task, enclosure=Enclosure(end)))).manifest.entries

    async def test_absolute_links_lead_to_what_the_container_saw(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = f"{site.root}/data"
            for name in self.hostile:
                await site.write(f"{data}/{name}", b"x")
            task = site.task("sh", "-c", LINKS, "sh", *self.hostile)
            pairs = (("/nowhere/in", data), ("/nowhere/out", f"{task.dir}/out"))
            done = await site.done(replace(task, enclosure=Enclosure((), paths=pairs)))
            assert done.outcome.code == 0, done.outcome
            real = (await site.sh('cd "$1" && pwd -P', data)).decode().strip()
            assert {name: done.manifest.entries[name].real for name in self.hostile} == {name: f"{real}/{name}" for name in self.hostile}
            assert (done.manifest.entries["itself"].kind, done.manifest.entries["other"].kind) == ("d", "l")

    async def test_a_client_s_own_use_is_not_told(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            work = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"
            usage = (await site.done(replace(site.task("sh", "-c", work), enclosure=Enclosure((), id_file="id")))).outcome.usage
            assert (usage.cpu, usage.memory) == (None, None)
            assert usage.wall

    async def test_nobody_is_asked_for_files_that_are_ours(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            own = Enclosure((), own=("touch", f"{site.root}/asked"))
            done = await site.done(replace(site.task("touch", "f"), enclosure=own))
            assert "f" in done.manifest.entries
            assert not await site.exists(f"{site.root}/asked")
