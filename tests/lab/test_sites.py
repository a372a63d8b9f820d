"""The lab's machines behind SSH share nothing, can be rebooted, and are gone when the lab is down. Tried with a lab of these tests' own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from lab import deployment, setting
from ownlab import Lab, copy, left
from sshlab import Site, links, ssh

USERS = {"cluster": b"ada", "cluster-bob": b"bob", "cluster-certified": b"ada", "cathy": b"cathy", "fiona": b"fiona", "patty": b"patty",
         "noel": b"noel"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose sites are up, and a registry for their containers."""
    lab = copy(tmp_path_factory.mktemp("checkout"))
    done = lab.run("up", "registry", "ssh")
    try:
        assert done.returncode == 0, done.stderr
        setting("SSH_CONFIG", lab.root / ".lab")
        yield lab
    finally:
        lab.run("down")


@pytest.fixture
def lab(checkout: Lab) -> Path:
    """Its .lab."""
    return checkout.root / ".lab"


def test_every_user_gets_in_by_key(lab: Path) -> None:
    found = {alias: ssh(alias, "hostname; id -un", lab=lab) for alias in USERS}
    assert {alias: done.stdout.split()[-1] for alias, done in found.items()} == USERS
    assert {done.stdout.split()[-2] for done in found.values()} == {b"cluster"}
    assert ssh("cloud-via-cluster", "hostname", lab=lab).stdout == b"cloud\n"
    assert len(found["patty"].stdout) > 100_000
    assert len(found["patty"].stderr) > 100_000


def test_the_hosts_are_known_by_their_authority_too(lab: Path) -> None:
    known = Path(setting("SSH_KNOWN_HOSTS", lab)).with_name("known_hosts-by-authority")
    assert ssh("-oUserKnownHostsFile=" + str(known), "cloud", "hostname", lab=lab).stdout == b"cloud\n"
    assert b"Host key verification failed" in ssh("-oUserKnownHostsFile=none", "cloud", "hostname", lab=lab).stderr


@pytest.mark.parametrize("way", ["password", "keyboard-interactive"])
def test_quentin_gets_in_by_password_alone(lab: Path, tmp_path: Path, way: str) -> None:
    answers = tmp_path / "answers"
    answers.write_text(f"#!/bin/sh\ncat {setting('QUENTIN_PASSWORD', lab)}\n", encoding="utf-8")
    answers.chmod(0o700)
    ask = partial(ssh, f"-oPreferredAuthentications={way}", lab=lab, SSH_ASKPASS=str(answers), SSH_ASKPASS_REQUIRE="force")
    assert ask("quentin", "id -un").stdout == b"quentin\n"
    assert b"Permission denied" in ask("cluster", "id -un").stderr


def test_nothing_can_be_written_to_a_full_home_nor_be_executed_on_such_a_file_system(lab: Path) -> None:
    assert b"No space left on device" in ssh("noel", "echo word >file", lab=lab).stderr
    assert ssh("cluster", "cp /bin/true /noexec/program && /noexec/program", lab=lab).returncode == 126


def test_the_sites_share_nothing_with_each_other_or_this_machine(lab: Path) -> None:
    ssh("cluster", "echo word >/tmp/file; echo word >/dev/shm/file; sleep 1005 >/dev/null 2>&1 &", lab=lab)
    assert b"sleep 1005" in ssh("cluster", "ps ax", lab=lab).stdout
    assert b"sleep 1005" not in ssh("cloud", "ps ax", lab=lab).stdout
    assert ssh("cloud", "ls /tmp /dev/shm", lab=lab).stdout == b"/dev/shm:\n\n/tmp:\n"
    assert ssh("cloud", f"ls {lab}", lab=lab).returncode == 2
    assert b"Read-only file system" in ssh("cluster", "touch /usr/file", lab=lab).stderr


def test_a_site_that_is_rebooted_keeps_its_files_alone(lab: Path) -> None:
    boot, site = "cat /proc/sys/kernel/random/boot_id", Site("cluster", lab)
    before = ssh("cluster", f"{boot}; echo kept >/scratch/ada/file; sleep 1001 >/dev/null 2>&1 &", lab=lab).stdout
    site.steer("reboot")
    after = ssh("cluster", f"{boot}; cat /scratch/ada/file; ps ax", lab=lab).stdout
    assert before != after.splitlines(keepends=True)[0]
    assert b"\nkept\n" in after
    assert b"sleep 1001" not in after


def test_jobs_go_on_without_sshd(lab: Path) -> None:
    site = Site("cluster", lab)
    ssh("cluster", "sleep 1002 >/dev/null 2>&1 &", lab=lab)
    site.steer("kill-sshd")
    assert ssh("cluster", "true", lab=lab).returncode == 255
    assert "sleep 1002" in site.steer("exec", "ps", "ax")
    site.steer("start-sshd")
    assert b"sleep 1002" in ssh("cluster", "ps ax", lab=lab).stdout


def test_the_gate_counts_and_cuts(lab: Path) -> None:
    gate = Site("cluster", lab).gate
    gate.tell("reset-count")
    assert ssh("cluster", "cat", lab=lab, stdin=b"x" * 100_000).stdout == b"x" * 100_000
    counts = gate.count()
    assert (counts["connections"], counts["turns"] > 5) == (1, True)
    assert min(counts["to_server"], counts["to_client"]) > 100_000
    with subprocess.Popen(["ssh", "-F", setting("SSH_CONFIG", lab), "cluster", "echo ready; sleep 1003"], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        gate.tell("cut")
        assert client.wait(10) == 255


def test_the_links_are_as_slow_as_they_are_told(lab: Path) -> None:
    with links(delay=200_000, lab=lab):
        began = time.monotonic()
        assert ssh("cloud", "true", lab=lab).returncode == 0
        assert time.monotonic() - began > 2  # no login has fewer than five round trips
    with links(loss=1_000_000, lab=lab):
        assert ssh("-oConnectTimeout=2", "cloud", "true", lab=lab).returncode == 255
    assert ssh("cloud", "true", lab=lab).returncode == 0


@pytest.mark.parametrize(("engine", "command"), [
    ("docker", "docker run --rm --network none debian:stable-slim echo inside"),
    ("apptainer", "cd /scratch/ada; /etc/apptainer/wrapper pull image docker://busybox && /etc/apptainer/wrapper exec image echo inside"),
])
def test_ada_has_containers_on_the_cluster(lab: Path, engine: str, command: str) -> None:
    assert deployment(f"ssh-{engine}", lab).is_file()
    done = ssh("cluster", command, lab=lab)
    assert done.stdout.endswith(b"inside\n"), done.stderr


def test_the_deployment_file_names_the_cluster(lab: Path) -> None:
    site = yaml.safe_load((lab / "ssh.yml").read_text(encoding="utf-8"))["sites"]["ssh"]
    assert (site["type"], site["host"], site["config"]) == ("ssh", "cluster", setting("SSH_CONFIG", lab))


def test_nothing_is_left_when_it_is_down(checkout: Lab, lab: Path) -> None:
    state, home = Path(setting("SSH_CONFIG", lab)).parents[2], Path(setting("SSH_HOME", lab))
    namespaces = list(home.parent.glob(home.name.replace("home", "*")))
    network = Site("cluster", lab).steer("exec", "readlink", "/proc/self/ns/net").strip()
    ssh("cluster", "setsid sleep 1004 >/dev/null 2>&1 &", lab=lab)
    assert (len(namespaces), left(state, network) != []) == (3, True)
    assert checkout.run("down").returncode == 0
    assert (left(state, network), [each for each in namespaces if each.exists()]) == ([], [])
    assert [path.name for path in lab.iterdir()] in ([], ["without"])


def test_it_ends_what_a_crash_left(tmp_path: Path) -> None:
    lab = copy(tmp_path)
    try:
        assert lab.run("up", "ssh").returncode == 0
        state = Path(setting("SSH_CONFIG", tmp_path / ".lab")).parents[2]
        network = Site("cloud", tmp_path / ".lab").steer("exec", "readlink", "/proc/self/ns/net").strip()
        os.kill(int((state / "ssh/wan.pid").read_text(encoding="ascii").split()[0]), signal.SIGKILL)
        (state / "ssh/cloud/init.pid").unlink()
        assert lab.status()["ssh"] == "down"
    finally:
        lab.run("down")
    assert left(state, network) == []
