"""Files that a container wrote as somebody else, where the supervisor is an ordinary user's. The test does what an engine's root does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unprivileged import NOBODY

HYFLOW = """
import asyncio, ctypes, encodings.ascii, json, os, shutil, subprocess, sys, traceback
from pathlib import Path
import hyflow_local.connector
from hyflow.connector import SiteContext
from hyflow.model.containers import Enclosure
from hyflow.model.jobs import Key
from hyflow.model.tasks import Glob, Task
from hyflow_local import LocalSettings, finding, plugin
sys.path.append(os.path.dirname(finding.__file__))
from supervisor import loop, main as supervisor, processes, record

def fork(state, listener, record):  # the interpreter may be out of other users' reach
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(listener, 0)
        os.dup2(record, supervisor.RECORD)
        os.chdir(state)
        try:
            os.setresgid(*[int(sys.argv[1])] * 3)
            os.setresuid(*[int(sys.argv[1])] * 3)
            supervisor.main()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    return child

async def main(base, *own):
    async with asyncio.timeout(40), plugin.connect(LocalSettings(), SiteContext("here", "run", Path(base, "state"))) as connector:
        (at,) = await connector.locations()
        script = "until [ -e ../there ]; do sleep 0.05; done"
        enclosure = Enclosure((), own=own, paths=(("/in", "/data"),))
        task = Task(Key("k"), "k", f"{base}/task", ("sh", "-c", script), {}, collect=(Glob("f"),), enclosure=enclosure)
        tickets = [ticket async for _, ticket in connector.submit(at, [task])]
        [*_, (_, done)] = [news async for news in connector.watch(tickets)]
        entries = {path: [entry.real, entry.sha1] for path, entry in done.manifest.entries.items()}
        print(json.dumps([done.outcome.code, done.outcome.trouble, entries]))

finding._spawn = fork
asyncio.run(main(*sys.argv[2:]))
"""
OWN = ("sh", "-c", 'echo 1 >"$0/asked"; until [ -s "$0/answer" ]; do sleep 0.05; done; read -r code <"$0/answer"; exit "$code"')
SHA1 = "11f6ad8ec52a2984abaafd7c3b516503785c2072"


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory of NOBODY's."""
    if os.geteuid() != 0:
        pytest.skip("needs root, who can make files of other users")
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        Path(name, "state").mkdir(mode=0o700)
        os.chown(Path(name, "state"), NOBODY, NOBODY)
        yield Path(name)


def until_there(path: Path, hyflow: subprocess.Popen[bytes]) -> None:
    ending = time.monotonic() + 20
    while not path.exists():
        assert hyflow.poll() is None and time.monotonic() < ending, f"{path} does not come"
        time.sleep(0.02)


def told(base: Path, code: int | None, mode: int) -> list[Any]:
    """How a task ended that left a file of this mode, in a closed directory, and a link, none of them its own. `code`: how the change of
    owner ends, None where nobody should be asked for one."""
    argv = [sys.executable, "-c", HYFLOW, str(NOBODY), str(base), *OWN, str(base)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=base) as hyflow:
        try:
            task = base / "task"
            until_there(task / "stdout", hyflow)
            closed = task / "tmp" / "closed"
            closed.mkdir(mode=0o700)
            made = [task / "out" / "f", task / "out" / "d" / "link", task / "out" / "d", closed]
            made[2].mkdir(mode=0o755)
            made[0].write_text("x")
            made[0].chmod(mode)
            made[1].symlink_to("/in/1")
            made[2].chmod(0o500)
            if code is None:
                give(made)
            (task / "there").touch()
            if code is not None:
                until_there(base / "asked", hyflow)
                if code == 0:
                    give(made)
                (base / "answer").write_text(f"{code}\n")
            answer, _ = hyflow.communicate(timeout=40)
        finally:
            hyflow.kill()
    assert (base / "asked").exists() == (code is not None)
    found: list[Any] = json.loads(answer)
    return found


def give(paths: list[Path]) -> None:
    for path in paths:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.parametrize("code", [0, None])
def test_what_is_ours_is_read_and_its_links_are_changed(base: Path, code: int | None) -> None:
    assert told(base, code, 0o600) == [0, None, {"f": [None, SHA1], "d": [None, None], "d/link": ["/data/1", None]}]
    assert not (base / "task" / "tmp").exists()
    assert (base / "task" / "out" / "d").stat().st_mode & 0o777 == 0o500


def test_what_could_not_be_made_ours_is_the_attempt_s_trouble(base: Path) -> None:
    code, trouble, entries = told(base, 1, 0o600)
    assert (code, entries) == (0, {})
    assert "belong to another user" in trouble and "failed" in trouble
    shutil.rmtree(base / "task")
