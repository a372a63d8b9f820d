"""Scripts of any length, asked as one question."""

from __future__ import annotations

import subprocess

import pytest

from hyflow.errors import SiteError
from hyflow.shell.processes import OwnShell
from hyflow.shell.reach import Lines
from hyflow.shell.trips import ask, read_whole

HERE = Lines(OwnShell(60.0))


async def test_a_script_may_be_longer_than_any_argument() -> None:
    words = "\n".join(f"echo {number} {'x' * 1000}" for number in range(1000))
    assert (await ask(HERE, words, what="counting")).count(b"\n") == 1000


async def test_its_commands_find_nothing_to_read() -> None:
    assert await ask(HERE, "cat\necho over", what="reading") == b"over\n"


async def test_it_says_that_it_failed() -> None:
    with pytest.raises(SiteError, match="asking failed with exit status 3: no"):
        await ask(HERE, "echo no >&2; exit 3\necho never", what="asking")


def test_half_of_a_script_is_not_run() -> None:
    """As when the connection is lost."""
    half = read_whole("echo begun\necho ended")[:-20]
    done = subprocess.run(["sh"], input=half, capture_output=True, check=False)
    assert done.returncode != 0 and done.stdout == b""
