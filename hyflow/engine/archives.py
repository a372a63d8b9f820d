"""Images made into files on this machine, for sites to which they are sent: each once a run, by the first tool here that can."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hyflow.containers.engine import Form, Step
from hyflow.containers.making import Tool, Wanted, make, question, tools
from hyflow.engine.clients import Failed, bounded, here, tried
from hyflow.errors import SiteError
from hyflow.model.containers import ImageKind


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of an image: its address, and what it is."""

    uri: str
    form: Form


class Archives:
    """Those of one run, below `folder` (made when the first of them is) until they are closed: what a site has taken it need not get again,
    and the tools have caches of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Wanted, Archive] = {}
        self._turns: dict[Wanted, asyncio.Lock] = {}
        self._works: dict[Tool, str | None] = {}

    async def make(self, wanted: Wanted, note: Callable[[str], None]) -> Archive:
        """The file, made unless it is there. `note` hears what takes its time. Raises Failed; when none of the tools can it says so."""
        async with self._turns.setdefault(wanted, asyncio.Lock()):
            if wanted not in self._made:
                self._made[wanted] = await self._make(wanted, note)
            return self._made[wanted]

    def close(self) -> None:
        """Remove them all."""
        self._made.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _make(self, wanted: Wanted, note: Callable[[str], None]) -> Archive:
        tool, form = await self._tool(wanted)
        step, path = make(tool, wanted, self._place())
        how = f"{'building' if wanted.image.kind is ImageKind.BUILD else 'pulling'} {wanted.image} on this machine"
        note(f"{how}, with {tool}")
        try:
            await tried(here(), step, how, note)
        except Failed as error:
            raise Failed(f"{tool} on this machine says: {error}", transient=error.transient) from error
        except SiteError as error:
            raise Failed(f"{tool} on this machine: {error.what}", transient=error.transient) from error
        return Archive(Path(path).as_uri(), form)

    async def _tool(self, wanted: Wanted) -> tuple[Tool, Form]:
        """The first that works here, with what it makes. Raises Failed with all that was tried."""
        troubles = []
        for tool, form in tools(wanted):
            if tool not in self._works:
                self._works[tool] = await _trouble(tool)
            if (trouble := self._works[tool]) is None:
                return tool, form
            troubles.append(f"{tool}: {trouble}")
        doing = "build" if wanted.image.kind is ImageKind.BUILD else "pull"
        raise Failed(f"nothing on this machine can {doing} it for the site ({'; '.join(troubles)})", transient=False)

    def _place(self) -> str:
        """A new directory, so that the address of each file is its own."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.mkdtemp(dir=self._folder)


async def _trouble(tool: Tool) -> str | None:
    """Why the tool does not work here; None when it does."""
    try:
        answer = await bounded(here(), Step(question(tool)))
    except SiteError as error:
        return error.what
    return None if answer.code == 0 else answer.why
