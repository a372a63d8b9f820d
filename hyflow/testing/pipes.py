# ruff: noqa: S101 - assertions are what a test is made of
"""Attached commands: `open` passes bytes and arguments unharmed, half-closes, and ends what it started."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hyflow.connector import Pipe
from hyflow.testing.site import Suite

EVERY_BYTE = bytes(range(256))


class PipeSuite(Suite):
    """What `Connector.open` must promise."""

    async def test_pipe_output_error_and_status(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            assert await site.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, b"out\n", b"err\n")

    async def test_pipe_input_can_be_ended_before_the_output_is_read(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site, site.connector.open(["sort"]) as pipe:
            await pipe.write(b"b\na\n")
            await pipe.write(b"c\n")
            await pipe.close_input()
            assert await pipe.read() == b"a\nb\nc\n"
            assert await pipe.read() == b""
            assert await pipe.wait() == (0, b"")

    async def test_pipe_is_a_conversation(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site, site.connector.open(["sh", "-c", 'while read -r line; do echo "<$line>"; done']) as pipe:
            for word in (b"one", b"two"):
                await pipe.write(word + b"\n")
                assert await pipe.read() == b"<" + word + b">\n"

    async def test_pipe_passes_every_byte(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = EVERY_BYTE * 4
            assert await site.run(["cat"], data) == (0, data, b"")

    async def test_pipe_passes_much_both_ways_at_once(self, tmp_path: Path) -> None:
        data = EVERY_BYTE * (1 << 13)
        async with self.site(tmp_path) as site, site.connector.open(["cat"]) as pipe:
            async with asyncio.TaskGroup() as group:
                group.create_task(_feed(pipe, data), name="feed")
                received = bytearray()
                while chunk := await pipe.read():
                    received += chunk
            assert bytes(received) == data
            assert (await pipe.wait())[0] == 0

    async def test_pipe_passes_hostile_arguments(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            words = [*self.hostile, "", " ", "a\n\nb"]
            _, stdout, _ = await site.run(["sh", "-c", 'for word; do printf "%s\\0" "$word"; done', "sh", *words])
            assert stdout == b"".join(word.encode(errors="surrogateescape") + b"\0" for word in words)

    async def test_pipe_wait_keeps_the_tail_of_much_error_output(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site, site.connector.open(
                ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i-0123456789 >&2; echo out; i=$((i+1)); done"]) as pipe:
            code, stderr = await pipe.wait()
            assert code == 0
            assert len(stderr) <= 1 << 16
            assert stderr.endswith(b"19999-0123456789\n")

    async def test_pipe_tells_of_a_command_that_is_not_there(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            code, _, stderr = await site.run(["hyflow-no-such-command"])
            assert code == 127
            assert stderr

    async def test_pipe_left_early_ends_the_command(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            async with asyncio.timeout(20):
                async with site.connector.open(["sh", "-c", "echo $$; exec sleep 300"]) as pipe:
                    pid = (await pipe.read()).decode().strip()
                await site.until_gone(pid)

    async def test_pipe_write_to_one_that_reads_no_more_and_ends(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site, site.connector.open(["sh", "-c", "exec <&-; echo closed; sleep 1"]) as pipe:
            assert await pipe.read() == b"closed\n"
            try:
                async with asyncio.timeout(20):
                    while True:
                        await pipe.write(EVERY_BYTE * 256)
            except BrokenPipeError:
                pass


async def _feed(pipe: Pipe, data: bytes) -> None:
    for at in range(0, len(data), 100_000):
        await pipe.write(data[at:at + 100_000])
    await pipe.close_input()
