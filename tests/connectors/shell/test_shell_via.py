"""A command that reaches a further shell from a machine behind SSH."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from commandline import until
from lab import setting
from sshlab import Gate

from hyflow.connector import Connector, Examine, SiteContext, Way
from hyflow.deployment import Site, plugins
from hyflow.deployment.values import Via
from hyflow.entering import connected
from hyflow.errors import SiteError
from hyflow.shell.trips import trip
from hyflow.testing.attempts import AttemptSuite
from hyflow.testing.commands import CommandSuite
from hyflow.testing.pipes import PipeSuite
from hyflow.testing.powers import PowerSuite
from hyflow_shell import Settings, plugin
from hyflow_ssh import WaySettings
from hyflow_ssh import plugin as ssh


def site(command: list[str], workdir: str, host: str = "cluster") -> Site:
    way = Via(ssh, WaySettings(host=host, config=setting("SSH_CONFIG"), transport="asyncssh"))
    return Site("under-test", plugin, Settings(command=command, workdir=workdir, poll=0.5), via=way)


class TestShellBehindSsh(AttemptSuite, PipeSuite, CommandSuite, PowerSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return connected(site(["env", "VIA=ssh", "sh", "-c"], f"~/via-{context.state.parent.name}"), context.run, context.state)


async def test_the_command_runs_on_the_machine_and_the_line_in_its_shell(tmp_path: Path) -> None:
    chatty = ["env", "VIA=a 'b' c", "sh", "-c", 'echo welcome; echo to you >&2; eval "$1"; exit', "sh"]
    async with connected(site(chatty, f"~/via-{tmp_path.name}"), "run", tmp_path) as far:
        assert await trip(far, ("sh", "-c", 'id -un; echo "$VIA"; cat'), b"fed", what="asking") == b"ada\na 'b' c\nfed"
        examined = far.power(Examine)
        assert examined is not None
        assert (await examined.examine())[0].name == "login"


async def test_what_is_left_early_ends_where_the_way_alone_cannot_end_it(tmp_path: Path) -> None:
    """As in a container, what the command starts does not end with it."""
    apart = ["sh", "-c", 'exec 3<&0; setsid sh -c "$1" <&3 & wait $!', "sh"]
    async with connected(site(apart, f"~/via-{tmp_path.name}"), "run", tmp_path) as far, asyncio.timeout(20):
        async with far.open(("sh", "-c", "echo $$; exec sleep 300")) as pipe:
            number = (await pipe.read()).decode().strip()
        gone = ("sh", "-c", f"while kill -0 {number} 2>/dev/null; do sleep 0.1; done")
        assert await trip(far, gone, what="waiting") == b""


async def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="hyflow-no-such-command") as told:
        async with connected(site(["hyflow-no-such-command"], "~/via"), "run", tmp_path):
            pass
    assert told.value.hint == "See the site's `command` and `via`."


async def test_the_connection_is_the_sites_own(tmp_path: Path) -> None:
    """Entered with it and left with it."""
    gate = Gate(Path(setting("SSH_CLUSTER_GATE")))
    before = gate.count()
    async with connected(site(["sh", "-c"], f"~/via-{tmp_path.name}"), "run", tmp_path):
        assert gate.count()["connections"] == before["connections"] + 1
    until(lambda: gate.count()["open"] <= before["open"])


def test_the_plugins_say_what_they_can() -> None:
    found = plugins.load(["local", "shell", "ssh"])
    assert {name for name, one in found.items() if isinstance(one, Way)} == {"ssh"}
    assert {name for name, one in found.items() if getattr(one, "via", False)} == {"shell"}
