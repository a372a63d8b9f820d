"""The socket of a driver: what is heard, what is not, and that no client disturbs it. Real sockets, real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from unprivileged import unprivileged

from hyflow import control
from hyflow.control import CANCEL, PING, Unheard, ask, serve
from hyflow.journal import RunDir
from hyflow.journal.lock import acquire, release

DRIVER = """
import asyncio
from pathlib import Path
from hyflow.control import serve
from hyflow.journal import RunDir
from hyflow.journal.lock import acquire

async def main():
    run = RunDir(Path({path!r}))
    acquire(run.lock, run.id)
    async with serve(run, None) as trouble:
        print(trouble, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


class Driver:
    """One that holds the lock of a run and listens."""

    def __init__(self, run: RunDir) -> None:
        self.run, self.heard, self.trouble = run, list[str](), ""

    async def asked(self, what: str) -> None:
        self.heard.append(what)

    def connected(self) -> socket.socket:
        """A client's end."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(10)
        with control._address(self.run.path) as address:
            client.connect(address)
        return client

    async def told(self, data: bytes) -> bytes:
        """What one client hears until the other side hangs up, when it has sent this and nothing follows."""

        def talk() -> bytes:
            with self.connected() as client, contextlib.suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: client.recv(4096), b""))
            return b""

        return await asyncio.to_thread(talk)


@contextlib.asynccontextmanager
async def driving(run: RunDir) -> AsyncIterator[Driver]:
    driver, lock = Driver(run), acquire(run.lock, run.id)
    try:
        async with serve(run, driver.asked) as trouble:
            driver.trouble = trouble or ""
            yield driver
    finally:
        release(lock)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    path = tmp_path / "20260101-000000-0001"
    path.mkdir(0o700)
    return RunDir(path)


async def test_what_is_asked_is_heard_and_the_end_is_learned(run: RunDir) -> None:
    async with contextlib.AsyncExitStack() as stack:
        driver = await stack.enter_async_context(driving(run))
        assert driver.trouble == "" and (run.path / "control").stat().st_mode & 0o777 == 0o600
        async with ask(run, CANCEL, 5) as first, ask(run, PING, 5), ask(run, CANCEL, 5) as second:
            assert driver.heard == [CANCEL, CANCEL]
            waits = [asyncio.create_task(one.ended()) for one in (first, second)]
            await asyncio.sleep(0.05)
            assert not any(wait.done() for wait in waits)
            await stack.aclose()
            await asyncio.gather(*waits)
    assert sorted(path.name for path in run.path.iterdir()) == ["lock"]


@pytest.mark.parametrize("data", [
    b"nonsense\n", b"{}\n", b'{"ask": 3}\n', b"[" * 4000 + b"\n", b'{"ask": "\\ud800"}\n', b'{"ask": "dance"}\n', b"\xff\xfe\n", b"\n",
    b'{"ask": "cancel"',
])  # fmt: skip
async def test_what_is_no_request_gets_an_error(run: RunDir, data: bytes) -> None:
    async with driving(run) as driver:
        reply = json.loads(await driver.told(data))
        assert not reply["heard"] and reply["error"]
        assert await driver.told(b'{"ask": "ping", "more": 1}\n') == b'{"heard":true,"error":""}\n'
        assert driver.heard == []


async def test_endless_lines_and_clients_that_go(run: RunDir) -> None:
    async with driving(run) as driver:
        assert await driver.told(b"x" * 10_000_000) == b""
        for data in (b"", b'{"ask": "cancel"}\n', b'{"ask": "ping"}\n' * 100_000):
            with driver.connected() as client, contextlib.suppress(BlockingIOError):
                client.setblocking(False)
                client.send(data)
        async with ask(run, PING, 5):
            pass
        assert driver.heard == [CANCEL]


async def test_a_client_that_reads_nothing_keeps_nobody(run: RunDir) -> None:
    async with driving(run) as driver:
        client = driver.connected()
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(b'{"ask": "ping"}\n' * 1000)
                await asyncio.sleep(0)
        async with ask(run, PING, 5):
            pass
    client.close()


async def test_many_clients_at_once(run: RunDir) -> None:
    async with driving(run) as driver:
        crowd = []
        for _ in range(200):
            crowd.append(driver.connected())
            await asyncio.sleep(0)
        with pytest.raises(Unheard, match="too many ask at once"):
            async with ask(run, PING, 5):
                pass
        for client in crowd:
            client.close()
        await asyncio.sleep(0.05)
        async with ask(run, CANCEL, 5):
            assert driver.heard == [CANCEL]


async def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["deep" * 20] * 3)
    path.mkdir(parents=True)
    async with driving(RunDir(path)) as driver, ask(driver.run, CANCEL, 5):
        assert driver.heard == [CANCEL]


async def test_where_descriptors_have_no_names(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is in a directory of its own then."""
    monkeypatch.setattr(control, "_DESCRIPTORS", "/nonexistent")
    async with driving(run) as driver:
        async with ask(run, CANCEL, 5):
            assert driver.heard == [CANCEL]
        other = Path((run.path / "control.at").read_text()).parent
        assert other.stat().st_mode & 0o777 == 0o700 and other.is_relative_to(tempfile.gettempdir())
    assert not other.exists() and sorted(path.name for path in run.path.iterdir()) == ["lock"]


async def test_a_socket_that_cannot_be_made_is_told(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_DESCRIPTORS", "/nonexistent")
    monkeypatch.setattr(tempfile, "tempdir", str(run.path / "nothing"))
    async with driving(run) as driver:
        assert driver.trouble.startswith("other terminals cannot steer this run: its socket cannot be made: ")
        with pytest.raises(Unheard, match=f"run {run.id} is driven by process {os.getpid()} on .*, which gives no answer"):
            async with ask(run, CANCEL, 0.3):
                pass


async def test_nobody_drives(run: RunDir) -> None:
    with pytest.raises(Unheard, match=f"nobody drives run {run.id}"):
        async with ask(run, CANCEL, 5):
            pass


async def test_a_driver_that_listens_late(run: RunDir) -> None:
    lock = acquire(run.lock, run.id)
    try:
        asking = asyncio.create_task(_heard(run))
        await asyncio.sleep(0.15)
        driver = Driver(run)
        async with serve(run, driver.asked):
            await asking
        assert driver.heard == [CANCEL]
    finally:
        release(lock)


async def _heard(run: RunDir) -> None:
    async with ask(run, CANCEL, 10):
        pass


@contextlib.contextmanager
def elsewhere(run: RunDir, descriptors: str) -> Iterator[subprocess.Popen[str]]:
    """A driver that is another process, and listens."""
    code = f"from hyflow import control; control._DESCRIPTORS = {descriptors!r}\n" + DRIVER.format(path=str(run.path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "None\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("descriptors", [control._DESCRIPTORS, "/nonexistent"])
async def test_a_killed_driver_hangs_up_and_the_next_one_takes_its_place(
    run: RunDir, descriptors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_DESCRIPTORS", descriptors)
    with elsewhere(run, descriptors) as process:
        async with ask(run, PING, 5) as answer:
            process.kill()
            await asyncio.wait_for(answer.ended(), 10)
    left = control._noted(run.path)
    async with driving(run) as driver, ask(run, CANCEL, 5):
        assert (driver.trouble, driver.heard) == ("", [CANCEL])
    assert left is None or not left.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0 or not hasattr(socket, "SO_PEERCRED"), reason="needs root, who can be somebody else")
async def test_another_user_is_not_heard() -> None:
    with tempfile.TemporaryDirectory() as top:
        run = RunDir(Path(top))
        async with driving(run) as driver:
            os.chmod(top, 0o755)  # noqa: S103  # so that only who asks decides
            os.chmod(f"{top}/control", 0o666)  # noqa: S103  # the same
            with unprivileged():
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                client.connect(f"{top}/control")
            with client:
                client.sendall(b'{"ask": "cancel"}\n')
                client.settimeout(10)
                with contextlib.suppress(ConnectionResetError):
                    assert await asyncio.to_thread(client.recv, 100) == b""
            assert driver.heard == []
