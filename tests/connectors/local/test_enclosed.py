"""Commands that are clients of a container engine, at the supervisor: what only it can do, and its parts by themselves."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hyflow.connector import Done, Lost, SiteContext
from hyflow.model.containers import Enclosure
from hyflow.model.resources import Resources
from hyflow.testing.enclosures import DEAF, ENGINE
from hyflow.testing.site import SiteUnderTest
from hyflow_local import LocalSettings, plugin
from hyflow_local.supervisor import enclosed
from hyflow_local.supervisor.errands import run_all
from hyflow_local.supervisor.gauge import Gauge
from hyflow_local.supervisor.outputs import TooMuch

ID = "ab" * 32


@asynccontextmanager
async def here(tmp_path: Path) -> AsyncIterator[SiteUnderTest]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    async with asyncio.timeout(40), plugin.connect(LocalSettings(), SiteContext("here", "run", state)) as connector:
        yield SiteUnderTest(connector, (await connector.locations())[0])


async def test_the_client_has_the_supervisor_s_environment_and_the_task_s_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_AT", "here")
    monkeypatch.setenv("BOTH", "outer")
    async with here(tmp_path) as site:
        plain = site.task("sh", "-c", "echo ${ENGINE_AT-none} $BOTH", environment={"BOTH": "task"})
        client = replace(site.task(*plain.argv, environment={"BOTH": "task"}), enclosure=Enclosure(()))
        assert (await site.done(plain)).outcome.stdout == "none task\n"
        assert (await site.done(client)).outcome.stdout == "here task\n"


async def test_a_container_does_not_outlive_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    name = str(tmp_path / "engine")
    Path(name).touch()
    engine = ("sh", "-c", ENGINE, "engine")
    async with here(tmp_path) as site:
        task = replace(site.task(*engine, "run", name, *DEAF), enclosure=Enclosure((*engine, "end", name)))
        [ticket] = (await site.submit(task)).values()
        await site.sh('until [ -e "$1.pid" ]; do sleep 0.02; done', name)
        os.kill(site.connector._link.child, signal.SIGKILL)  # type: ignore[attr-defined]  # nothing else tells who it is
        assert isinstance((await site.ends([ticket]))[ticket], Lost)
        assert Path(f"{name}.ended").read_text() == "/\n"
        await site.until_gone(Path(f"{name}.pid").read_text().strip())


async def test_the_ends_of_many_run_side_by_side(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        end, little = Enclosure(("sleep", "1")), Resources(cores=0.01)
        tickets = await site.submit(*(replace(site.task("sleep", "300"), enclosure=end, resources=little) for _ in range(20)))
        await site.until_running(next(iter(tickets.values())))
        begun = time.monotonic()
        await site.connector.cancel(tickets.values())
        assert 1.9 < time.monotonic() - begun < 8  # two rounds of at most sixteen


async def test_an_end_that_hangs_is_given_up(tmp_path: Path) -> None:
    begun = time.monotonic()
    run_all([("sleep", "300"), ("sleep", "300"), ("/is/not/there",), ("touch", str(tmp_path / "done"))], 0.5, 0.5)
    assert 0.4 < time.monotonic() - begun < 5
    assert (tmp_path / "done").exists()


def test_links_are_changed_by_the_first_pair_that_matches(tmp_path: Path) -> None:
    links = {"whole": "/in", "below": "/in/a\n-'b\udcff", "near": "/inner", "relative": "in/a", "shut/deep": "/out/in",
             "loop": "/data/in/x"}
    (tmp_path / "shut").mkdir()
    for name, text in links.items():
        (tmp_path / name).symlink_to(text)
    (tmp_path / "dir").symlink_to("/in/d")
    (tmp_path / "shut").chmod(0o500)
    pairs = (("/in", "/data/in"), ("/out", str(tmp_path)), ("/data", "/elsewhere"))
    with pytest.raises(TooMuch):
        for number in range(201):
            (tmp_path / f"f{number}").touch()
        enclosed.relink(str(tmp_path), pairs, quick=True)
    assert os.readlink(tmp_path / "whole") == "/in"
    enclosed.relink(str(tmp_path), pairs, quick=False)
    assert {name: os.readlink(tmp_path / name) for name in (*links, "dir")} == {
        "whole": "/data/in", "below": "/data/in/a\n-'b\udcff", "near": "/inner", "relative": "in/a", "shut/deep": f"{tmp_path}/in",
        "loop": "/elsewhere/in/x", "dir": "/data/in/d"}


def test_no_link_is_changed_beyond_a_link_in_the_place_of_the_output_directory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "l").symlink_to("/in/x")
    (tmp_path / "out").symlink_to("elsewhere")
    with pytest.raises(NotADirectoryError):
        enclosed.relink(str(tmp_path / "out"), (("/in", "/data"),), quick=False)
    assert os.readlink(tmp_path / "elsewhere" / "l") == "/in/x"


FOREIGN = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
os.chdir("/")
from supervisor.enclosed import is_foreign
before = is_foreign(sys.argv[2])
os.setresuid(65534, 65534, 65534)
print(json.dumps([before, is_foreign(sys.argv[2]), is_foreign("/nowhere")]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can be somebody else")
def test_files_of_another_user_are_seen() -> None:
    folder = Path(enclosed.__file__).parents[1]
    made = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()  # where everybody may look
    try:
        Path(made).chmod(0o755)
        Path(made, "out").mkdir(mode=0o755)
        Path(made, "tmp").mkdir(mode=0o755)
        Path(made, "out", "f").touch()
        found = subprocess.run([sys.executable, "-I", "-S", "-c", FOREIGN, str(folder), made], capture_output=True, text=True, check=True)
        assert json.loads(found.stdout) == [False, True, False]
    finally:
        subprocess.run(["rm", "-rf", made], check=True)


@pytest.mark.parametrize("below", ["docker/{}", "system.slice/docker-{}.scope", "user.slice/a/libpod-{}.scope", "libpod_parent/libpod-{}"])
def test_control_groups_of_both_versions_are_read(tmp_path: Path, below: str) -> None:
    (tmp_path / "cid").write_text(f"{ID}\n")
    for name, files in {"one": {"memory": {"memory.max_usage_in_bytes": "5000000\n"}, "cpuacct": {"cpuacct.usage": "1500000000\n"}},
                        "two": {".": {"memory.peak": "5000000\n", "cpu.stat": "usage_usec 1500000\nuser_usec 1\n"}}}.items():
        for kind, held in files.items():
            group = tmp_path / name / kind / below.format(ID)
            for file, text in held.items():
                group.mkdir(parents=True, exist_ok=True)
                (group / file).write_text(text)
        gauge = Gauge(str(tmp_path / "cid"), str(tmp_path / name))
        gauge.look()
        assert (gauge.memory, gauge.cpu) == (5_000_000, 1.5)
        subprocess.run(["rm", "-r", str(tmp_path / name)], check=True)
        gauge.look()
        assert (gauge.memory, gauge.cpu) == (5_000_000, 1.5)


@pytest.mark.parametrize("text", ["", "../..", "*", "ab" * 40])
def test_what_is_no_id_is_not_looked_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "cid").write_text(text)
    (tmp_path / "root" / "docker").mkdir(parents=True)
    gauge = Gauge(str(tmp_path / "cid"), str(tmp_path / "root"))
    gauge.look()
    assert (gauge.memory, gauge.cpu) == (None, None)


async def test_a_client_that_says_137_is_not_out_of_memory_by_itself(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        done = await site.done(replace(site.task("sh", "-c", "exit 137"), enclosure=Enclosure(("true",))))
        assert isinstance(done, Done) and (done.outcome.code, done.outcome.out_of_memory) == (137, False)
