# ruff: noqa: S101 - assertions are what a test is made of
"""Staging: what is laid out before a command starts, under names that would harm a careless shell."""

from __future__ import annotations

from pathlib import Path

from hyflow.model.tasks import Stage, StageKind
from hyflow.testing.site import Suite

TRICKY = "first\n'second' $HOME `id` \\n %s \"\u2713\n\n"


class LayoutSuite(Suite):
    """The four kinds of Stage."""

    async def test_link_shows_the_source_itself(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            source = await site.write(f"{site.root}/data/file", b"content")
            done = await site.done(site.task("sh", "-c", 'cat ../in/a/b/c; cat ../in/dir/file; readlink ../in/a/b/c', stage=[
                Stage(StageKind.LINK, "in/dir", f"{site.root}/data"), Stage(StageKind.LINK, "in/a/b/c", source)]))
            assert done.outcome.stdout == f"contentcontent{source}\n"

    async def test_copy_may_be_changed(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = f"{site.root}/data"
            await site.write(f"{data}/tree/sub/file", b"old\n")
            await site.sh('cd "$1" && ln -s sub/file tree/link && chmod 500 tree/sub && chmod 400 tree/sub/file', data)
            script = ("set -e; echo new >> copy/sub/file; echo new > copy/sub/more; [ ! -h copy/link ]; "
                      "cat copy/sub/file copy/link; echo new >> one")
            done = await site.done(site.task("sh", "-c", script, stage=[
                Stage(StageKind.COPY, "out/copy", f"{data}/tree"), Stage(StageKind.COPY, "out/one", f"{data}/tree/sub/file")]))
            assert (done.outcome.code, done.outcome.stdout, done.outcome.stderr) == (0, "old\nnew\nold\n", "")
            assert await site.read(f"{data}/tree/sub/file") == b"old\n"
            assert not await site.exists(f"{data}/tree/sub/more")
            await site.sh('chmod -R u+w "$1"', data)

    async def test_copy_keeps_the_executable_bit(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            source = await site.write(f"{site.root}/data/tool", b"#!/bin/sh\necho ran\n")
            await site.sh('chmod 555 "$1"', source)
            done = await site.done(site.task("./tool", stage=[Stage(StageKind.COPY, "out/tool", source)]))
            assert (done.outcome.code, done.outcome.stdout) == (0, "ran\n")

    async def test_write_and_mkdir(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", 'ls -l text | cut -c1-10; ls -d empty a/b', stage=[
                Stage(StageKind.WRITE, "out/text", text=TRICKY), Stage(StageKind.MKDIR, "out/empty"), Stage(StageKind.MKDIR, "out/a/b"),
                Stage(StageKind.WRITE, "out/a/b/nothing"), Stage(StageKind.WRITE, "out/bytes", text="\udcff no\r\nnewline")])
            done = await site.done(task)
            assert done.outcome.stdout == "-rw-r--r--\na/b\nempty\n"
            assert await site.read(f"{task.dir}/out/text") == TRICKY.encode()
            assert await site.read(f"{task.dir}/out/a/b/nothing") == b""
            assert await site.read(f"{task.dir}/out/bytes") == b"\xff no\r\nnewline"

    async def test_hostile_names_in_every_kind(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            stage = []
            for name in self.hostile:
                source = await site.write(f"{site.root}/data/{name}/{name}", name.encode(errors="surrogateescape"))
                stage += [Stage(StageKind.LINK, f"in/{name}", source), Stage(StageKind.COPY, f"out/c/{name}", f"{site.root}/data/{name}"),
                          Stage(StageKind.WRITE, f"out/w/{name}", text=name), Stage(StageKind.MKDIR, f"out/m/{name}")]
            script = 'for name; do cmp "../in/$name" "w/$name" && cmp "c/$name/$name" "w/$name" && [ -d "m/$name" ] || exit 1; done'
            done = await site.done(site.task("sh", "-c", script, "sh", *self.hostile, stage=stage))
            assert (done.outcome.code, done.outcome.stderr) == (0, "")
            assert not [path for path in done.manifest.entries if path.rpartition("/")[2] == "pwned"]

    async def test_a_large_text_is_written_whole(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            text = "0123456789abcde\n" * 40_000
            task = site.task("true", stage=[Stage(StageKind.WRITE, "out/large", text=text)])
            assert (await site.done(task)).outcome.code == 0
            assert await site.read(f"{task.dir}/out/large") == text.encode()

    async def test_a_missing_source_is_trouble(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            for kind in (StageKind.LINK, StageKind.COPY):
                task = site.task("touch", "started", stage=[Stage(kind, "in/x", f"{site.root}/data/not there")])
                done = await site.done(task)
                assert done.outcome.code is None
                assert done.outcome.trouble
                assert "not there" in done.outcome.trouble
                assert not await site.exists(f"{task.dir}/out/started")

    async def test_nothing_is_written_through_a_link(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = f"{site.root}/data"
            await site.write(f"{data}/file", b"precious")
            through = [[Stage(StageKind.LINK, "out/x", data), Stage(StageKind.WRITE, "out/x/file", text="overwritten")],
                       [Stage(StageKind.WRITE, "out/../../../data/file", text="overwritten")],
                       [Stage(StageKind.WRITE, "elsewhere/file", text="overwritten")]]
            for stage in through:
                done = await site.done(site.task("true", stage=stage))
                assert done.outcome.trouble
            done = await site.done(site.task("echo", "overwritten", stdout="log", stage=[Stage(StageKind.LINK, "out/log", f"{data}/file")]))
            assert done.outcome.trouble
            assert await site.read(f"{data}/file") == b"precious"

    async def test_sources_outlive_the_attempt(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            await site.write(f"{site.root}/data/sub/file", b"precious")
            task = site.task("ln", "-s", f"{site.root}/data", "../tmp/link", stage=[Stage(StageKind.LINK, "in/data", f"{site.root}/data")])
            assert (await site.done(task)).outcome.code == 0
            assert await site.read(f"{site.root}/data/sub/file") == b"precious"
