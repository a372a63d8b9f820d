"""What the answer of a machine that was looked at means."""

from __future__ import annotations

import pytest

from hyflow.connector import Finding
from hyflow.shell.examine import findings, told
from hyflow.shell.probe import Machine

GOOD = """\
user=ada
system=Linux 6.1 x86_64
umask=0077
cat=cat (GNU coreutils) 9.1
tar=tar (GNU tar) 1.34
has=sha1sum
has=sha256sum
has=setsid
has=docker
inodes=/dev/sd a 1000000 1000 999000 1% /scratch on two
programs=run
home=writable
homedisk=/dev/sda 100000000 1000 50000000 1% /home
"""


def machine(disk: int = 5 << 30) -> Machine:
    return Machine("/w", "/w/.attempts", "/home/ada", "node1", "-", 2.0, 1 << 30, disk, 0.0)


def found(text: str, disk: int = 5 << 30) -> dict[str, Finding]:
    return {one.name: one for one in findings(told(text.encode()), machine(disk))}


def test_a_machine_on_which_all_is_well() -> None:
    assert findings(told(GOOD.encode()), machine()) == [
        Finding("machine", "node1, user ada, Linux 6.1 x86_64"),
        Finding("tools", "GNU coreutils 9.1, GNU tar 1.34; sha1sum, sha256sum; setsid"),
        Finding("runtimes", "docker"),
        Finding("space", "5GiB free in the workdir"),
        Finding("files", "the workdir's file system has room for 999,000 more files"),
        Finding("programs", "what is in the workdir can be executed"),
        Finding("home", "/home/ada is writable, 47.7GiB free"),
        Finding("umask", "0077"),
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("cat=cat: unrecognized option '--version'\ncat=BusyBox v1.35.0 (Debian 1:1.35.0-4) multi-call binary.\ntar=tar (busybox) 1.35.0",
         "busybox 1.35.0"),
        ("cat=cat (uutils coreutils) 0.0.17\ntar=bsdtar 3.5.3 - libarchive 3.5.3", "uutils coreutils 0.0.17, bsdtar 3.5.3"),
        ("cat=cat: illegal option -- -\ntar=what", "coreutils of another kind, tar of another kind"),
    ],
)  # fmt: skip
def test_families_of_tools_are_known_by_what_they_say(said: str, words: str) -> None:
    assert found(f"{said}\nhas=shasum")["tools"].words == f"{words}; shasum; no setsid: jobs are detached by the shell"


@pytest.mark.parametrize(("disk", "level"), [((1 << 30) - 1, "warning"), ((16 << 20) - 1, "problem")])
def test_too_little_room(disk: int, level: str) -> None:
    assert found(GOOD, disk)["space"].level == level


@pytest.mark.parametrize(("free", "level"), [(9_999, "warning"), (0, "problem")])
def test_too_few_files(free: int, level: str) -> None:
    assert found(f"inodes=x 1000000 1 {free} 9% /")["files"].level == level


@pytest.mark.parametrize("line", ["", "btrfs 0 0 0 - /scratch", "nonsense"])
def test_a_file_system_that_counts_no_files(line: str) -> None:
    assert "files" not in found(f"inodes={line}")


def test_quotas_of_quota_and_of_lustre() -> None:
    lines = [
        "Disk quotas for user ada (uid 1000): ", "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace",
        "      /dev/sda 9437184* 10485760 20971520       0     120       0       0       0",
        "/a/very/long/name", "   4096  0 4096 - 99990* 0 100000 -",
    ]  # fmt: skip
    told_of = findings(told("".join(f"quota={line}\n" for line in lines).encode()), machine())
    assert [one for one in told_of if one.name == "quota"] == [
        Finding("quota", "1GiB of 10GiB left on /dev/sda"),
        Finding("quota", "0B of 4MiB left on /a/very/long/name", "problem"),
        Finding("quota", "10 of 100,000 files left on /a/very/long/name", "problem"),
    ]


def test_no_limits_are_no_quota() -> None:
    assert "quota" not in found("quota=Disk quotas for user ada (uid 1000): none\nquota=/dev/sda 12 0 0 0 1 0 0 0")


def test_what_may_hinder_is_a_warning() -> None:
    bad = found("programs=refused\numask=0777")
    assert {name for name, one in bad.items() if one.level == "warning"} == {"programs", "home", "umask"}
    assert found("")["programs"].level == "problem"


def test_what_a_machine_says_may_be_anything() -> None:
    assert found("umask=\x1b[31m\nuser==\nhome=\udc80\ninodes=9 9 9\n\0".encode(errors="surrogateescape").decode(errors="replace"))
