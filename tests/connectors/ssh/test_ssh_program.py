"""The ssh program as a transport: what its connection is, whose, and what is told when it breaks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import afar
import pytest
from commandline import until
from sshlab import Site

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh.asking import said
from hyflow_ssh.framing import framed
from hyflow_ssh.master import Master, setting
from hyflow_ssh.program import Program, ProgramLink
from hyflow_ssh.reach import reach
from hyflow_ssh.target import Target, target
from hyflow_ssh.transport import NoRoom


@pytest.fixture(autouse=True)
def home() -> Iterator[Path]:
    with afar.short_home() as made:
        yield made


def cluster(**given: str) -> Target:
    return target(afar.settings(**given), given.get("host", "cluster"))


@asynccontextmanager
async def linked(at: Target | None = None) -> AsyncIterator[ProgramLink]:
    link = await Program(at or cluster()).connect()
    try:
        yield link
    finally:
        await link.close()


async def ran(link: ProgramLink, line: str) -> tuple[int, bytes, bytes]:
    """The line's status and outputs; a cluster's shell is quiet, so that its first line is the sign."""
    channel = await link.channel()
    try:
        await channel.write(framed(line))
        await channel.close_input()
        out = b""
        while block := await channel.read(1 << 16):
            out += block
        return (*await channel.wait(), out.partition(b"\n")[2])
    finally:
        await channel.close()


@pytest.mark.parametrize("line, status", [("exit 255", 255), ("exit 3", 3), ("kill -9 $(exec sh -c 'echo $PPID')", 137), ("exec true", 0)])
async def test_the_status_is_the_command_s_own(line: str, status: int) -> None:
    async with linked() as link:
        code, complained, output = await ran(link, f"echo said; echo complained >&2; {line}")
        assert (code, complained.removesuffix(b"Killed\n"), output) == (status, b"complained\n", b"said\n")
        assert link.alive


async def test_a_connection_that_is_lost_in_the_middle_is_told_as_such(home: Path) -> None:
    async with linked() as link:
        channel = await link.channel()
        await channel.write(framed("echo here; sleep 60"))
        while b"here" not in await channel.read(1 << 16):
            pass
        afar.end_masters(home)
        with pytest.raises(Unreachable, match="the connection was lost"):
            await channel.wait()
        await channel.close()
        await asyncio.sleep(0.1)
        assert not link.alive
        with pytest.raises(Unreachable, match="the connection was lost"):
            await link.channel()


async def test_a_connection_that_is_lost_is_made_again(home: Path) -> None:
    async with reach(afar.settings(transport="openssh"), "cluster") as way:
        for _ in range(2):
            async with way.open("echo there") as pipe:
                assert await pipe.read() == b"there\n" and await pipe.wait() == (0, b"")
            afar.end_masters(home)
            until(lambda: not afar.masters(home))
            await asyncio.sleep(0.1)


async def test_a_server_takes_so_many_sessions_and_no_more() -> None:
    """Ten, unless it is told otherwise."""
    async with linked() as link, AsyncExitStack() as stack:
        for _ in range(10):
            stack.push_async_callback((await link.channel()).close)
        with pytest.raises(NoRoom):
            await link.channel()
        assert link.alive


async def test_more_is_done_at_once_than_sessions_are_taken() -> None:
    async def asked(number: int) -> bytes:
        async with way.open(f"sleep 0.1; echo {number}") as pipe:
            output = await pipe.read()
            assert (await pipe.wait())[0] == 0
            return output

    async with reach(afar.settings(transport="openssh", sessions=32), "cluster") as way:
        assert await asyncio.gather(*map(asked, range(30))) == [b"%d\n" % number for number in range(30)]


@pytest.mark.parametrize("transport, by", [("auto", "asyncssh"), ("openssh", "ssh")])
async def test_it_is_known_who_is_logged_in(transport: str, by: str) -> None:
    async with reach(afar.settings(transport=transport), "cluster") as way:
        assert way.login is not None and (way.login.by, way.login.user) == (by, "ada")
        assert way.login.host_key.startswith("ed25519, SHA256:" if by == "asyncssh" else "")


async def test_what_nobody_was_asked_for_ends_with_its_last_user(home: Path) -> None:
    async with linked() as one, linked() as other:
        assert len(afar.masters(home)) == 1
        assert (await ran(other, "exit 0"))[0] == (await ran(one, "exit 0"))[0] == 0
    until(lambda: not afar.masters(home))


async def test_the_user_s_own_connection_is_used_and_left(home: Path, tmp_path: Path) -> None:
    config = afar.configured(tmp_path, afar.setting("SSH_KNOWN_HOSTS"), f"ControlPath {home}/own-%n")
    await said(["ssh", "-F", config, "-M", "-N", "-f", "cluster"], 20)
    at = cluster(config=config)
    where = await setting(at)
    assert where.theirs is not None
    try:
        async with linked(at) as link:
            assert await ran(link, "echo mine") == (0, b"", b"mine\n")
            assert afar.masters(home) == []
        assert await where.theirs.lives()
    finally:
        await where.theirs.dismiss()


async def test_two_at_the_same_time_log_in_once(home: Path) -> None:
    before = Site("cluster").gate.count()["connections"]
    links = await asyncio.gather(*(Program(cluster()).connect() for _ in range(3)))
    assert len(afar.masters(home)) == 1 and Site("cluster").gate.count()["connections"] == before + 1
    for link in links:
        await link.close()


async def test_a_login_that_is_refused_is_not_tried_again_soon(home: Path) -> None:
    program = Program(cluster(host="quentin"))
    with pytest.raises(SiteError, match="ssh is not let in at quentin without a question") as told:
        await program.connect()
    assert not told.value.transient
    before = Site("cluster").gate.count()["connections"]
    with pytest.raises(Unreachable, match="quentin has let nobody in; it is tried again in 300 seconds"):
        await program.connect()
    assert Site("cluster").gate.count()["connections"] == before


async def test_a_socket_that_nobody_listens_at_is_in_nobody_s_way(home: Path) -> None:
    where = await setting(cluster())
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(where.ours.socket)
    async with linked() as link:
        assert (await ran(link, "exit 0"))[0] == 0


async def test_another_configuration_is_another_connection(tmp_path: Path) -> None:
    known = afar.setting("SSH_KNOWN_HOSTS")
    same = [(await setting(cluster(config=afar.configured(tmp_path, known)))).ours.socket for _ in range(2)]
    other = (await setting(cluster(config=afar.configured(tmp_path, known, "Port 2222")))).ours.socket
    assert same[0] == same[1] != other


async def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    config = afar.configured(tmp_path, "none", "Host nowhere", "HostName 127.0.0.1", "Port 1")
    with pytest.raises(Unreachable, match=r"nowhere cannot be reached: .*refused"):
        await Program(cluster(host="nowhere", config=config)).connect()


async def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"ssh does not say how it reaches cluster: .*terminating") as told:
        await Program(cluster(config=afar.configured(tmp_path, "none", "Nonsense yes"))).connect()
    assert not told.value.transient


def test_words_for_a_connection_never_make_another() -> None:
    argv = Master(cluster(), "/run/x", "ada").argv("-O", "check")
    assert "ControlMaster=no" in argv and "ProxyCommand=false" in argv
