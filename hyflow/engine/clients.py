"""Commands of container tools at work, at a site or on this machine: run and heard, bounded, tried again where that may help."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from hyflow.connector import Argv
from hyflow.containers.engine import Step, is_passing, last_words
from hyflow.errors import SiteError
from hyflow.shell.processes import OwnShell
from hyflow.shell.reach import Lines
from hyflow.shell.trips import Opens, alive, feeding

ANSWERING = 60.0
"""Seconds that a tool may take to answer a question."""
TRIES = 3
FIRST_WAIT = 1.0
"""Seconds before what failed is tried again; every further time it is four times as long."""
TOLD = 10.0
"""Seconds between two words on how far something is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave: exit status, standard output, the end of standard error."""

    code: int
    output: str
    said: str

    @property
    def why(self) -> str:
        """Why it failed, in its own words if it has any."""
        return last_words(self.said)[:500] or last(self.output) or f"exit status {self.code}"


class Failed(Exception):
    """A command that could not do its work; says why, in words of its own. `transient`: it may fare better later."""

    def __init__(self, why: str, *, transient: bool) -> None:
        super().__init__(why)
        self.transient = transient


def here() -> Opens:
    """The machine that hyflow runs on."""
    return Lines(OwnShell(ANSWERING, "it is a command on this machine"))


async def run(where: Opens, step: Step, heard: Callable[[str], None] = lambda line: None) -> Answer:
    """Run one command. `heard` is told the last line of what it says on standard output. Raises SiteError."""
    argv: Argv = tuple(alive(step.argv)) if step.long else step.argv
    output: list[bytes] = []
    async with where.open(argv) as pipe, feeding(pipe, os.fsencode(step.feed)):
        while block := await pipe.read():
            output.append(block)
            heard(last(block.decode(errors="replace")))
        code, said = await pipe.wait()
    return Answer(code, b"".join(output).decode(errors="replace"), said.replace(b"\0", b"").decode(errors="replace"))


async def bounded(where: Opens, step: Step) -> Answer:
    """Ask, and do not wait for ever. Raises SiteError."""
    try:
        async with asyncio.timeout(ANSWERING):
            return await run(where, step)
    except TimeoutError as error:
        raise SiteError(f"the container engine gives no answer within {ANSWERING:g} seconds", transient=True) from error


async def tried(where: Opens, step: Step, how: str, note: Callable[[str], None]) -> str:
    """The standard output of a command that brings something, which is run again when that may help. `how` says what it does ("pulling
    busybox"), and `note` hears of it. Raises Failed, and SiteError."""
    wait = FIRST_WAIT
    for count in range(1, TRIES + 1):
        answer = await run(where, step, _progress(how, note))
        if answer.code == 0:
            return answer.output
        if count == TRIES or not is_passing(answer.said):
            tries = f" (tried {count} times)" if count > 1 else ""
            raise Failed(f"{answer.why}{tries}", transient=is_passing(answer.said))
        note(f"{how} failed, and is tried again in {wait:.0f} s: {answer.why}")
        await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # noqa: S311 (jitter)
        wait *= 4
    raise AssertionError("the last try returns or raises")


def _progress(how: str, note: Callable[[str], None]) -> Callable[[str], None]:
    """Hears what a tool says, and tells it now and then."""
    before = time.monotonic()

    def heard(line: str) -> None:
        nonlocal before
        if time.monotonic() - before >= TOLD and line:
            before = time.monotonic()
            note(f"{how}: {line[-200:]}")

    return heard


def last(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""
