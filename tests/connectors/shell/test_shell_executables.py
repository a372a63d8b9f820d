"""What commands run at a site, under every shell: another program under the same name has another fingerprint, some have none."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from makeshift import there

from hyflow.connector import Argv
from hyflow.containers import modules
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow.shell.executables import Command, Executables, Fingerprint, command_of

TOLD = "what its command runs cannot be told: "
DOUBT = " cannot be read, or depends on the directory it runs in"


class Counting:
    """A site that counts the commands that it is asked to run."""

    def __init__(self, connector: Any) -> None:
        self.trips, self._connector = 0, connector

    def open(self, argv: Argv) -> Any:
        self.trips += 1
        return self._connector.open(argv)


def program(path: Path, text: str = "#!/bin/sh\nexit 0\n") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


async def print_of(connector: Any, command: Command) -> Fingerprint:
    """As another run would have it."""
    return await Executables(connector).of(command)


async def test_a_changed_program(tmp_path: Path, tools: str) -> None:
    own = program(tmp_path / "bin" / "own")
    async with there(tmp_path, f"{own.parent}:{tools}") as site:
        before = await print_of(site.connector, Command("own"))
        assert len(before.sha256) == 64 and before.path == f"{own.parent}:{tools}" and before.why == ""
        assert await print_of(site.connector, Command("own")) == before
        assert await print_of(site.connector, Command(str(own))) != before
        stamp = own.stat()
        program(own, "#!/bin/sh\nexit 1\n")
        os.utime(own, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert (await print_of(site.connector, Command("own"))).sha256 not in ("", before.sha256)


async def test_one_that_comes_before_it_in_the_path(tmp_path: Path, tools: str) -> None:
    own = program(tmp_path / "b" / "own")
    (tmp_path / "a").mkdir()
    async with there(tmp_path, f"{tmp_path}/a:{own.parent}:{tools}") as site:
        before = await print_of(site.connector, Command("own"))
        (tmp_path / "a" / "own").write_text("not executable")
        assert await print_of(site.connector, Command("own")) == before
        program(tmp_path / "a" / "own")
        assert await print_of(site.connector, Command("own")) != before


async def test_what_interprets_a_program(tmp_path: Path, tools: str) -> None:
    for line in (f"{tmp_path}/bin/inner -x", "/usr/bin/env inner", "/usr/bin/env -S inner -u", "/usr/bin/env A=b inner"):
        program(tmp_path / "bin" / "outer", f"#! {line}\n")
        inner = program(tmp_path / "bin" / "inner")
        async with there(tmp_path, f"{inner.parent}:{tools}") as site:
            before = await print_of(site.connector, Command("outer"))
            program(inner, "#!/bin/sh\n# another\n")
            after = await print_of(site.connector, Command("outer"))
            assert before.sha256 and after.sha256 and before != after, line
            program(tmp_path / "bin" / "outer", "#!nothing\n")
            assert (await print_of(site.connector, Command("outer"))).why == f"{TOLD}nothing{DOUBT}"


async def test_files_that_the_command_names(tmp_path: Path, tools: str) -> None:
    script, absent = tmp_path / "a 'script'", tmp_path / "absent"
    script.write_text("print(1)")
    command = Command("sh", (str(script), str(absent), "/dev/null"))
    async with there(tmp_path, tools) as site:
        before = await print_of(site.connector, command)
        script.write_text("print(2)")
        after = await print_of(site.connector, command)
        absent.touch()
        assert len({before, after, await print_of(site.connector, command)}) == 3


@pytest.mark.parametrize("word", ["DIR", "/dev/zero", "/"])
async def test_files_that_cannot_be_told(tmp_path: Path, tools: str, word: str) -> None:
    file = str(tmp_path) if word == "DIR" else word
    async with there(tmp_path, tools) as site:
        assert await print_of(site.connector, Command("sh", (file,))) == Fingerprint("", tools, f"{TOLD}{file}{DOUBT}")


@pytest.mark.parametrize("name", ["./run", "bin/run", "no such program", "", "-x", "/not there"])
async def test_programs_that_cannot_be_told(tmp_path: Path, tools: str, name: str) -> None:
    async with there(tmp_path, tools) as site:
        assert await print_of(site.connector, Command(name)) == Fingerprint("", tools, f"{TOLD}{name or 'its program'}{DOUBT}")
        assert (await print_of(site.connector, Command("a\0b"))).sha256 == ""


@pytest.mark.parametrize("path", ["{}:", ":{}", "{}::/usr", ".:{}", "{}:bin"])
async def test_a_path_that_depends_on_the_directory(tmp_path: Path, tools: str, path: str) -> None:
    async with there(tmp_path, tools) as site:
        assert (await print_of(site.connector, Command("sh", path=path.format(tools)))).sha256 == ""


async def test_a_path_of_the_task_s_own(tmp_path: Path, tools: str) -> None:
    program(tmp_path / "bin" / "sh")
    async with there(tmp_path, tools) as site:
        plain = await print_of(site.connector, Command("sh"))
        own = await print_of(site.connector, Command("sh", path=f"{tmp_path}/bin:{tools}"))
        assert plain.sha256 and own.sha256 and plain != own


async def test_under_modules(tmp_path: Path, tools: str) -> None:
    """A program that only a module gives is found by way of it."""
    program(tmp_path / "module" / "own")
    (tmp_path / "house" / "init").mkdir(parents=True)
    (tmp_path / "house" / "init" / "sh").write_text(f"module() {{ PATH={tmp_path}/module:$PATH LOADEDMODULES=$2; }}\n")
    task = Task(Key("k"), "l", "/d", ("own",), {})
    before = modules.loaded(task, {"own/1": "own"}).argv[:-1]
    async with there(tmp_path, tools, f"MODULESHOME={tmp_path}/house") as site:
        assert (await print_of(site.connector, Command("own"))).sha256 == ""
        found = await print_of(site.connector, Command("own", before=before))
        assert found.sha256 and found.path == f"{tmp_path}/module:{tools}"


async def test_many_are_asked_in_one_round_trip(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        counting = Counting(site.connector)
        executables = Executables(counting)
        files = [tmp_path / str(number) for number in range(20)]
        first = await executables.of(Command("sh"))
        found = await asyncio.gather(*(executables.of(Command("sh", (str(file),))) for file in files))
        assert len(set(found)) == 20 and counting.trips == 2
        assert await executables.of(Command("sh")) == first and counting.trips == 2
        program(files[0])
        assert await executables.of(Command("sh", (str(files[0]),))) == found[0]
        assert await executables.of(Command("sh", (str(files[0]),)), since=time.monotonic()) != found[0]
        assert counting.trips == 3


def test_which_words_are_files() -> None:
    argv = ("run", "/job/in/1/x", "/data/ref", "--db=/data/db", "/jobs", "x/y", "--out=/job/out/z", "/data/ref", "=", "/job")
    assert command_of(argv, ["/job/", "/tmp/t"], {}) == Command("run", ("/data/ref", "/data/db", "/jobs"))
    assert command_of((), [], {}) == Command("")
