"""What a container has used, under every shell: measured at its control group, of which real ones are made here."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from makeshift import there

from hyflow.model.containers import Enclosure

GROUPS = Path("/sys/fs/cgroup")
JOIN = f'for each in memory cpuacct; do echo $$ >"{GROUPS}/$each/$1/cgroup.procs" || exit 9; done'
SPIN = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"


@contextmanager
def control_groups() -> Iterator[str]:
    """The name (an id) of new control groups of this machine for memory and CPU time."""
    name = os.urandom(32).hex()
    made = [GROUPS / each / name for each in ("memory", "cpuacct")]
    try:
        for path in made:
            path.mkdir()
    except OSError as error:
        pytest.skip(f"needs control groups of version 1, and root: {error}")
    try:
        yield name
    finally:
        for path in made:
            remove(path)


def remove(path: Path) -> None:
    """Remove a control group, whose last process may be about to end."""
    for _ in range(100):
        with suppress(OSError):
            path.rmdir()
            return
        time.sleep(0.05)


async def test_use_is_that_of_the_control_group(tmp_path: Path, tools: str) -> None:
    with control_groups() as name:
        async with there(tmp_path, tools) as site:
            work = f"{JOIN}; head -c 60000000 /dev/zero | tail -c 50000000 >/dev/null; {SPIN}; sleep 1.5"
            client = 'printf %s "$1" >../id; setsid sh -c "$2" sh "$1" & wait $!'
            task = replace(site.task("sh", "-c", client, "sh", name, work), enclosure=Enclosure((), id_file="id"))
            usage = (await site.done(task)).outcome.usage
    assert usage.cpu is not None and 0.05 < usage.cpu < 100
    assert usage.memory is not None and 50_000_000 <= usage.memory < 200_000_000
    assert usage.wall is not None and usage.wall > 1.4


async def test_the_client_s_own_use_is_not_told(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        for script in (SPIN, f"echo {'ab' * 32} >../id; {SPIN}", f"echo '../*' >../id; {SPIN}"):
            usage = (await site.done(replace(site.task("sh", "-c", script), enclosure=Enclosure((), id_file="id")))).outcome.usage
            assert (usage.cpu, usage.memory) == (None, None) and usage.wall is not None
        assert (await site.done(replace(site.task("sh", "-c", SPIN), enclosure=Enclosure(())))).outcome.usage.cpu


async def test_an_id_of_before_is_not_taken_for_this_one(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        task = replace(site.task("sh", "-c", "set -C; echo new >../id"), enclosure=Enclosure((), id_file="id"))
        await site.write(f"{task.dir}/id", b"old")
        assert (await site.done(task)).outcome.code == 0


VERSION_2 = {
    "system.slice/docker-{}.scope": ("2097152", "usage_usec 1500000\nuser_usec 1\n"),
    "user.slice/user-1.slice/user@1.service/user.slice/libpod-{}.scope/container": ("1", "usage_usec 1\n"),
    "user.slice/user-1.slice/user@1.service/user.slice/libpod-{}.scope": ("2097152", "usage_usec 1500000\nuser_usec 1\n"),
    "user.slice/user-1.slice/user@1.service/user.slice/libpod-conmon-{}.scope": ("1", "usage_usec 1\n"),
}
"""Control groups as systemd names them, with their memory.peak and cpu.stat."""


@pytest.mark.parametrize("engine", ["docker", "libpod"])
async def test_control_groups_of_version_2(tmp_path: Path, tools: str, engine: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, who can show a site other control groups")
    name = os.urandom(32).hex()
    groups = tmp_path / "groups"
    for path, (peak, stat) in VERSION_2.items():
        if engine in path:
            (groups / path.format(name)).mkdir(parents=True, exist_ok=True)
            (groups / path.format(name) / "memory.peak").write_text(f"{peak}\n")
            (groups / path.format(name) / "cpu.stat").write_text(stat)
    shown = ("unshare", "-m", "sh", "-c", f'mount --bind {groups} {GROUPS} && exec "$@"', "sh")
    async with there(tmp_path, tools, before=shown) as site:
        done = await site.done(replace(site.task("sh", "-c", f"echo {name} >../id; sleep 1"), enclosure=Enclosure((), id_file="id")))
    assert (done.outcome.usage.memory, done.outcome.usage.cpu) == (2097152, 1.5)


async def test_want_of_memory_is_told(tmp_path: Path, tools: str) -> None:
    with control_groups() as name:
        (GROUPS / "memory" / name / "memory.limit_in_bytes").write_text("16000000")
        async with there(tmp_path, tools) as site:
            work = f'{JOIN}; x=$(head -c 30000000 /dev/zero | tr "\\0" x); echo ${{#x}}'
            task = replace(site.task("sh", "-c", 'sh -c "$2" sh "$1"; exit', "sh", name, work), enclosure=Enclosure(()))
            outcome = (await site.done(task)).outcome
    assert (outcome.code, outcome.out_of_memory, outcome.disk_full) == (137, True, False)
