"""What attempts write is read at their site, under every shell: whole, from any byte, and as it grows, with nothing left running."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from commandline import processes, until
from makeshift import there

from hyflow.connector import Connector, Logs
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.shell.logs import FOLLOW


def logs_of(connector: Connector) -> Logs:
    logs = connector.power(Logs)
    assert logs is not None
    return logs


async def whole(pieces: AsyncGenerator[bytes, None]) -> bytes:
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])


async def up_to(pieces: AsyncGenerator[bytes, None], word: bytes) -> bytes:
    text = b""
    while not text.endswith(word):
        text += await anext(pieces)
    return text


async def test_a_job_is_followed_from_before_its_first_word_to_its_last(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        gate = tmp_path / "gate"
        task = site.task("sh", "-c", 'echo one; until [ -e "$0" ]; do sleep 0.1; done; echo two; printf three', str(gate))
        ticket = (await site.submit(task))[task.key]
        async with aclosing(logs_of(site.connector).follow(task.key, f"{task.dir}/stdout", 0)) as pieces:
            assert await up_to(pieces, b"\n") == b"one\n"
            gate.touch()
            assert b"".join([piece async for piece in pieces]) == b"two\nthree"
        await site.ends([ticket])
        assert await whole(logs_of(site.connector).follow(task.key, f"{task.dir}/stdout", 4)) == b"two\nthree"
        until(lambda: not processes(f"{task.dir}/stdout"))


async def test_one_that_is_left_ends_at_the_site(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        gate = tmp_path / "gate"
        task = site.task("sh", "-c", 'echo one; until [ -e "$0" ]; do sleep 0.1; done', str(gate))
        ticket = (await site.submit(task))[task.key]
        for stream, seen in (("stdout", b"one\n"), ("stderr", b"")):
            async with aclosing(logs_of(site.connector).follow(task.key, f"{task.dir}/{stream}", 0)) as pieces:
                assert not seen or await up_to(pieces, b"\n") == seen
        until(lambda: not processes(f"{task.dir}/std"))
        gate.touch()
        await site.ends([ticket])


async def test_a_listener_that_dies_takes_its_command_along(tmp_path: Path, tools: str) -> None:
    """Its standard input comes to an end, which nothing else has to notice."""
    async with there(tmp_path, tools) as site:
        path = await site.write(f"{site.root}/log", b"one\n")
        (tmp_path / "site" / ".attempts" / "k").mkdir()
        async with site.connector.open(("sh", "-c", FOLLOW, "sh", f"{tmp_path}/site/.attempts", "k", path, "1")) as pipe:
            assert await pipe.read() == b"one\n"
            await pipe.close_input()
            assert (await pipe.wait())[0] == 1
        assert not processes(path)


async def test_of_an_attempt_that_nobody_knows_what_is_there_is_told(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        path = await site.write(f"{site.root}/a 'b\" $(c)\n-d\\e é", bytes(range(256)) * 1000)
        logs = logs_of(site.connector)
        assert await logs.size(path) == 256_000
        assert await whole(logs.read(path, 0)) == bytes(range(256)) * 1000
        assert await whole(logs.read(path, 255_999)) == b"\xff"
        assert await whole(logs.read(path, 256_000)) == b""
        assert await whole(logs.follow(Key("nobody"), path, 255_000)) == (bytes(range(256)) * 1000)[255_000:]


@pytest.mark.parametrize("made", ['mkdir "$1"', 'ln -s /etc/passwd "$1"', 'mkfifo "$1"', ":"])
async def test_what_is_no_plain_file_is_none(tmp_path: Path, made: str) -> None:
    async with there(tmp_path, "/usr/bin:/bin") as site:
        path = f"{site.root}/stdout"
        await site.sh('mkdir -p "${1%/*}"; ' + made, path)
        logs = logs_of(site.connector)
        assert await logs.size(path) is None
        assert await whole(logs.read(path, 0)) == b""
        assert await whole(logs.follow(Key("nobody"), path, 0)) == b""


async def test_a_command_that_is_killed_is_an_error_and_what_came_stands(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        path = await site.write(f"{site.root}/log", b"one\n")
        bundle = tmp_path / "site" / ".attempts" / "k"
        bundle.mkdir()
        async with aclosing(logs_of(site.connector).follow(Key("k"), path, 0)) as pieces:
            assert await up_to(pieces, b"\n") == b"one\n"
            [tail] = [one for one in processes(path) if "tail" in one.split("\\x00")[0]]
            os.kill(int(tail.split()[0]), signal.SIGKILL)
            with pytest.raises(SiteError, match="following a log failed") as caught:
                await anext(pieces)
        assert caught.value.transient
        bundle.rmdir()
        assert await whole(logs_of(site.connector).follow(Key("k"), path, 2)) == b"e\n"


@pytest.mark.parametrize("runner", ["{pid} 1 {boot} 0 {host}", "1 - another-boot 0 {host}"])
async def test_an_attempt_whose_runner_is_gone_has_ended(tmp_path: Path, tools: str, runner: str) -> None:
    async with there(tmp_path, tools) as site:
        path = await site.write(f"{site.root}/log", b"one\n")
        boot, host = (Path(f"/proc/sys/kernel/{name}").read_text().strip() for name in ("random/boot_id", "hostname"))
        words = runner.format(pid=os.getpid(), boot=boot, host=host)
        await site.write(f"{tmp_path}/site/.attempts/k/claim/runner", f"{words}\n".encode())
        assert await whole(logs_of(site.connector).follow(Key("k"), path, 0)) == b"one\n"
