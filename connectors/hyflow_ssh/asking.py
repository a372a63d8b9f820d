"""Runs the ssh program for what takes a moment: what it says is kept, and what it leaves behind holds nothing up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass

from hyflow.errors import SiteError
from hyflow.shell.processes import GRACE, ended

PROGRAM = "ssh"
_ASKING = ("SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY")
"""By which ssh would ask on a screen."""


@dataclass(frozen=True, slots=True)
class Said:
    """How it ended: its exit status (below 0: the signal), and its outputs."""

    code: int
    out: str
    err: str


async def said(argv: Sequence[str], within: float, *, at: int | None = None) -> Said:
    """Run it. `at`: the terminal where it may ask and complain; else it asks nobody. What it leaves in the background is let be.

    Raises SiteError when it is not there, TimeoutError when it takes longer than `within` seconds.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = await _started(argv, out.fileno(), err.fileno(), at)
        try:
            async with asyncio.timeout(within):
                await process.wait()
        finally:
            if process.returncode is None:
                await (_ended(process) if at is not None else ended(process))
        texts = [os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace") for file in (out, err)]
        return Said(process.returncode or 0, *texts)


async def _started(argv: Sequence[str], out: int, err: int, at: int | None) -> Process:
    """Who asks at a terminal must belong to those in front of it."""
    quiet = {name: value for name, value in os.environ.items() if name not in _ASKING}
    try:
        return await asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=out, stderr=err if at is None else at,
            start_new_session=at is None, env=quiet if at is None else None,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it holds a character that no command can"
        raise SiteError(
            f"{argv[0]} cannot be run: {why}", transient=False, hint="Install OpenSSH's client, or let `transport` be asyncssh."
        ) from error


async def _ended(process: Process) -> None:
    """End it alone: its group is this process's own."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
