# ruff: noqa: S101 - assertions are what a test is made of
"""Powers that not every site has: `Logs` reads what attempts write, to the last byte; `Examine` says something, and leaves nothing;
`Errands` run elsewhere as if they ran here."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from hyflow.connector import Errands, Examine, Logs, P
from hyflow.model.jobs import Key
from hyflow.testing.site import SiteUnderTest, Suite

WRITES = 'echo first; until [ -e "$1" ]; do sleep 0.1; done; printf last'


class PowerSuite(Suite):
    """What `hyflow.connector.Logs`, `Examine` and `Errands` must promise; skipped where the site has no such power."""

    async def test_logs_follow_an_attempt_to_its_last_byte(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            logs, gate = power(site, Logs), f"{site.root}/gate"
            task = site.task("sh", "-c", WRITES, "sh", gate)
            ticket = (await site.submit(task))[task.key]
            async with aclosing(logs.follow(task.key, f"{task.dir}/stdout", 0)) as pieces:
                said = b""
                while said != b"first\n":
                    said += await anext(pieces)
                await site.write(gate, b"")
                assert b"".join([piece async for piece in pieces]) == b"last"
            await site.ends([ticket])
            assert await whole(logs.follow(task.key, f"{task.dir}/stdout", 6)) == b"last"

    async def test_logs_end_with_an_attempt_that_is_cancelled(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            logs, task = power(site, Logs), site.task("sh", "-c", "echo first; sleep 60")
            ticket = (await site.submit(task))[task.key]
            await site.until_running(ticket)
            async with aclosing(logs.follow(task.key, f"{task.dir}/stdout", 0)) as pieces:
                assert await anext(pieces)
                await site.connector.cancel([ticket])
                assert [piece async for piece in pieces] == []

    async def test_logs_are_read_from_any_byte_whatever_the_name(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            logs, data = power(site, Logs), bytes(range(256)) * 512
            for name in self.hostile:
                path = await site.write(f"{site.root}/{name}/log", data)
                assert await logs.size(path) == len(data)
                assert await whole(logs.read(path, 1000)) == data[1000:]
                assert await whole(logs.follow(Key("nobody"), path, len(data) - 1)) == data[-1:]

    async def test_logs_that_are_not_there_are_none(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            logs, path = power(site, Logs), f"{site.root}/none"
            assert (await logs.size(path), await whole(logs.read(path, 0))) == (None, b"")
            assert await whole(logs.follow(Key("nobody"), path, 0)) == b""

    async def test_examining_says_something_and_leaves_nothing(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            examine = power(site, Examine)
            list_all = 'cd "$1" && find . | sort'
            before = await site.sh(list_all, site.location.workdir)
            found = await examine.examine()
            assert found and all(one.name and one.words and one.level in ("ok", "warning", "problem") for one in found)
            assert await site.sh(list_all, site.location.workdir) == before

    async def test_errands_have_streams_and_a_status_of_their_own(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            errand = power(site, Errands).errand
            script = 'cat; printf "%s\\n" "$@"; echo complaint >&2; exit 3'
            code, said, complaint = await site.run(errand(("sh", "-c", script, "sh", *self.hostile)), b"fed\n")
            assert (code, said) == (3, b"\n".join(os.fsencode(word) for word in ("fed", *self.hostile, "")))
            assert b"complaint\n" in complaint

    async def test_an_errand_sees_the_sites_files(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            path = await site.write(f"{site.root}/seen", b"seen")
            code, said, complaint = await site.run(power(site, Errands).errand(("cat", path)))
            assert (code, said) == (0, b"seen"), complaint


def power(site: SiteUnderTest, kind: type[P]) -> P:
    found = site.connector.power(kind)
    if found is None:
        pytest.skip(f"this kind of site has no power {kind.__name__}")
    return found


async def whole(pieces: AsyncGenerator[bytes, None]) -> bytes:
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])
