"""What `hyflow run` says of a machine behind SSH that is not as it should be: one clear message. Odd login shells make no difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from farsites import counted, deployment, far, seen
from lab import setting
from sshlab import ssh
from warm import WarmShell, sh, warmed

TOOL = sh("id -un", "inputs: {}\noutputs: {o: stdout}\n")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmShell]:
    with warmed() as warm:
        top = tmp_path_factory.mktemp("messages")
        yield WarmShell(warm, top, top / "home")


def refused(shell: WarmShell, site: dict[str, Any], *words: str) -> None:
    """The run does not begin: one message, one hint, and nothing is kept of it."""
    shell.write("deploy.yml", deployment({"far": site}))
    before = set((shell.home / "runs").glob("*-*"))
    done = shell.tool(TOOL, "--deploy", "deploy.yml")
    done.fails(1, *words)
    told, hint = done.stderr.splitlines()
    assert told.startswith("hyflow: ") and hint.startswith("  ")
    assert set((shell.home / "runs").glob("*-*")) == before


def test_a_host_that_is_none(shell: WarmShell) -> None:
    refused(shell, far("nowhere.invalid"), "nowhere.invalid cannot be reached: ", "Try it by hand: ssh -F ")


def test_a_port_where_nobody_listens(shell: WarmShell) -> None:
    refused(shell, far(port=1), "cluster, port 1 cannot be reached: ", "Try it by hand: ssh -F ")


def test_a_host_whose_key_is_not_known(shell: WarmShell) -> None:
    config = shell.top / "config"
    host, port = setting("SSH_CLUSTER_ADDRESS").split(":")
    config.write_text(f"Host new\n  HostName {host}\n  Port {port}\n  User ada\n  UserKnownHostsFile {shell.top}/nothing\n")
    accept = f"then accept it: ssh -F {config} new true\n"
    refused(shell, far("new", config=str(config)), "the host key of new is not known (ed25519, SHA256:", accept)


def test_a_host_whose_key_is_another(shell: WarmShell) -> None:
    config, known = shell.top / "config", shell.top / "known_hosts"
    known.write_text(f"cluster {Path(setting('SSH_KEYS'), 'bob.pub').read_text()}")
    host, port = setting("SSH_CLUSTER_ADDRESS").split(":")
    config.write_text(f"Host other\n  HostName {host}\n  Port {port}\n  User ada\n  HostKeyAlias cluster\n  UserKnownHostsFile {known}\n")
    refused(shell, far("other", config=str(config)), "the host key of other is another than before (ed25519, SHA256:", str(known))


def test_a_server_that_is_closed(shell: WarmShell, tmp_path: Path) -> None:
    with counted(tmp_path) as (gate, way):
        gate.tell("refuse")
        refused(shell, far(**way), "counted cannot be reached: ", "Try it by hand: ssh -F ")


def test_a_login_that_asks_for_a_password(shell: WarmShell) -> None:
    refused(shell, far("quentin", transport="asyncssh"), "quentin does not let you in with the keys that were tried", "Try it by hand: ssh")


@pytest.mark.parametrize("name", ["config", "identity"])
def test_files_of_the_settings_that_are_not_there(shell: WarmShell, name: str) -> None:
    settings: dict[str, Any] = {"config": {"config": "/nowhere/config"}, "identity": {"identity": ["/nowhere/key"]}}[name]
    refused(shell, far(**settings), f"`{name}`: there is no file /nowhere/", "Mend it in the deployment file")


def test_directories_that_cannot_be_used(shell: WarmShell) -> None:
    for site, words in (
        (far("noel"), ("~/.local/share/hyflow cannot be used: ", "No space left on device")),
        (far(workdir="/usr/hyflow"), ("/usr/hyflow cannot be used: ", "cannot create directory '/usr/hyflow': Read-only file system")),
    ):
        refused(shell, site, "hyflow: the directory ", *words, "\n  Name another `workdir`")


@pytest.mark.parametrize("user", ["patty", "cathy", "fiona", "noel", "ada"])
def test_whatever_the_login_shell_prints_or_is_and_wherever_it_may_write(shell: WarmShell, user: str) -> None:
    """patty's prints, cathy's is csh, fiona's fish; noel's home is full, and nothing may be executed where ada works."""
    places = {"noel": {"workdir": "/scratch/noel/hyflow"}, "ada": {"host": "cluster", "workdir": "/noexec/hyflow"}}
    shell.write("deploy.yml", deployment({"far": far(**{"host": user, **places.get(user, {})})}))
    done = shell.tool(TOOL, "--deploy", "deploy.yml", "--no-reuse", "--quiet")
    assert (Path(done.output["o"]["path"]).read_text(), done.stderr) == (f"{user}\n", "")


@pytest.fixture
def planted() -> Iterator[None]:
    """What bob has put where ada may want to work, and a directory of hers that is open to all."""
    assert ssh("cluster-bob", "mkdir -m 777 /tmp/planted && ln -s /scratch/ada /tmp/planted-link").returncode == 0
    assert ssh("cluster", "mkdir -m 777 /scratch/ada/open").returncode == 0
    yield
    ssh("cluster-bob", "rm -rf /tmp/planted /tmp/planted-link")
    ssh("cluster", "rm -rf /scratch/ada/open")


@pytest.mark.usefixtures("planted")
def test_directories_in_which_others_could_meddle(shell: WarmShell) -> None:
    foreign = "belongs to another user"
    for path, why in {"/tmp/planted": foreign, "/tmp/planted-link/": foreign, "/scratch/ada/open": "can be changed by other users"}.items():
        refused(shell, far(workdir=path), f"hyflow: the directory {path} {why}\n  Name another `workdir`")
        assert not list(seen(path.replace("planted-link/", "planted")).iterdir())
