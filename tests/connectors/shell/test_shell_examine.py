"""Machines that are looked at, under every shell: what is found, and that nothing is left of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hyflow.connector import Connector, Examine, Finding, SiteContext
from hyflow_shell import Settings, plugin

QUOTA = """\
#!/bin/sh
cat <<'END'
Disk quotas for user ada (uid 1000):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
      /dev/sda1 1048576  2097152 4194304       0      12       0       0       0
END
"""


async def examined(tmp_path: Path, *command: str) -> dict[str, Finding]:
    (tmp_path / "state").mkdir()
    settings = Settings(command=list(command), workdir=str(tmp_path / "site"))
    async with plugin.connect(settings, SiteContext("box", "run", tmp_path / "state")) as connector:
        return {one.name: one for one in await power(connector).examine()}


def power(connector: Connector) -> Examine:
    examine = connector.power(Examine)
    assert examine is not None
    return examine


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def levels(found: dict[str, Finding], but: Sequence[str] = ()) -> set[str]:
    return {one.level for name, one in found.items() if name not in but}


async def test_what_every_machine_tells(tmp_path: Path, tools: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    found = await examined(tmp_path, "env", f"PATH={tools}", f"HOME={home}", "sh", "-c")
    assert {"machine", "tools", "runtimes", "space", "programs", "home", "umask", "clock", "latency", "throughput"} <= found.keys()
    assert ("busybox" in found["tools"].words) == (":" not in tools)
    assert "sha256sum" in found["tools"].words and found["programs"].words == "what is in the workdir can be executed"
    assert found["home"].words.startswith(f"{home} is writable")
    assert found["clock"].words.startswith("as here")
    assert levels(found, ("space", "home", "files")) == {"ok"}
    assert (list(home.iterdir()), [path.name for path in (tmp_path / "site").iterdir()]) == ([], [".attempts"])


async def test_quotas_are_asked_for_where_they_can_be(tmp_path: Path, tools: str) -> None:
    bin_of = program(tmp_path / "bin" / "quota", QUOTA).parent
    found = await examined(tmp_path, "env", f"PATH={bin_of}:{tools}:/bin", "sh", "-c")
    assert found["quota"].words == "1GiB of 2GiB left on /dev/sda1"


async def test_a_home_that_is_not_there(tmp_path: Path, tools: str) -> None:
    found = await examined(tmp_path, "env", f"PATH={tools}", "HOME=/nowhere", "sh", "-c")
    assert found["home"].level == "warning" and found["home"].words.startswith("/nowhere cannot be written to")


async def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    bin_of = program(tmp_path / "bin" / "date", "#!/bin/sh\nPATH=${PATH#*:}\necho $(($(date +%s) + 1000))\n").parent
    found = await examined(tmp_path, "env", f"PATH={bin_of}:/usr/bin:/bin", "sh", "-c")
    assert found["clock"].level == "warning" and "ahead of this machine's" in found["clock"].words


@pytest.fixture
def noexec(tmp_path: Path) -> list[str]:
    """A way to this machine on which nothing in the site's directory can be executed, each command with a fresh directory there."""
    (tmp_path / "site").mkdir()
    script = 'mount -t tmpfs -o noexec tmpfs "$0" && mkdir "$0/.attempts" && exec sh -c "$1"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(tmp_path / "site")]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody make a name space of mounts")
    return command


async def test_a_workdir_in_which_nothing_can_be_executed(tmp_path: Path, noexec: list[str]) -> None:
    found = await examined(tmp_path, *noexec)
    assert found["programs"].level == "warning" and "noexec" in found["programs"].words
