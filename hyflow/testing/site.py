# ruff: noqa: S101 - assertions are what a test is made of
"""A site as the suite sees it: through the connector protocol alone, its files through `open`. Knows no connector by name."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from hyflow.connector import Connector, Done, Lost, Refused, Running, SiteContext, Status, Ticket
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.resources import Resources
from hyflow.model.tasks import Glob, Stage, Task

HOSTILE = (
    "two words",
    "it's \"quoted\"",
    "line\nbreak",
    "ends with newline\n",
    "$(touch pwned)`touch pwned`",
    "-rf",
    "naïve-✓-日本",
    "bytes-\udcff\udcfe",
    "a*?[b]",
    "back\\slash",
    "tab\tand space ",
    ";&|<>(){}!",
    "~",
    "%s%n",
    "'",
    "\x01\x1b[31m",
)
"""Names that a shell, a pattern, a printf or a careless encoding would harm; each is legal on a POSIX file system."""


class SiteUnderTest:
    """One location of an entered connector, with short words for what the suite does all the time.

    `root` is a directory of its own below the location's work directory, removed at the end.
    """

    def __init__(self, connector: Connector, location: Location) -> None:
        self.connector, self.location = connector, location
        self.root = f"{location.workdir}/suite-{uuid.uuid4().hex[:12]}"

    async def run(self, argv: Sequence[str], data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command attached; its exit status, standard output and standard error."""
        async with self.connector.open(argv) as pipe:
            if data:
                await pipe.write(data)
            await pipe.close_input()
            chunks = []
            while chunk := await pipe.read():
                chunks.append(chunk)
            code, stderr = await pipe.wait()
            return code, b"".join(chunks), stderr

    async def sh(self, script: str, *args: str) -> bytes:
        """The standard output of a script for sh, which must succeed."""
        code, stdout, stderr = await self.run(["sh", "-c", script, "sh", *args])
        assert code == 0, (script, stderr)
        return stdout

    async def read(self, path: str) -> bytes:
        return await self.sh('cat < "$1"', path)

    async def write(self, path: str, data: bytes) -> str:
        """Put a file there, with the directories above it."""
        code, _, stderr = await self.run(["sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", path], data)
        assert code == 0, stderr
        return path

    async def exists(self, path: str) -> bool:
        return (await self.run(["sh", "-c", '[ -e "$1" ] || [ -h "$1" ]', "sh", path]))[0] == 0

    async def until_gone(self, pid: str) -> None:
        """Wait until no such process is alive at the site (one that only waits to be reaped is not)."""
        alive = 'if kill -0 "$1" 2>/dev/null && ! grep -q "^State:.*Z" "/proc/$1/status" 2>/dev/null; then echo alive; fi'
        while True:
            if not await self.sh(alive, pid):
                return
            await asyncio.sleep(0.05)

    def task(self, *argv: str, collect: Sequence[Glob] = (), stage: Sequence[Stage] = (), environment: Mapping[str, str] | None = None,
             stdin: str | None = None, stdout: str | None = None, stderr: str | None = None, time_limit: float | None = None) -> Task:
        """A task under a new key, with a directory of its own that is not there yet. It asks for nothing: any number of them may run."""
        key = Key(f"suite-{uuid.uuid4().hex[:16]}")
        return Task(key, "suite", f"{self.root}/{key}", argv, environment or {}, stdin=stdin, stdout=stdout, stderr=stderr,
                    time_limit=time_limit, stage=tuple(stage), collect=tuple(collect), resources=Resources())

    async def submit(self, *tasks: Task) -> dict[Key, Ticket]:
        """Submit the tasks, none of which may be refused."""
        tickets: dict[Key, Ticket] = {}
        async for key, answer in self.connector.submit(self.location, tasks):
            assert not isinstance(answer, Refused), answer
            tickets[key] = answer
        assert set(tickets) == {task.key for task in tasks}
        return tickets

    async def until_running(self, ticket: Ticket) -> None:
        """Wait until the site says that the attempt runs."""
        changes = self.connector.watch([ticket])
        try:
            async for _, status in changes:
                assert not isinstance(status, Done | Lost), status
                if isinstance(status, Running):
                    return
        finally:
            if isinstance(changes, AsyncGenerator):
                await changes.aclose()

    async def ends(self, tickets: Collection[Ticket]) -> dict[Ticket, Status]:
        """The last status of each, once the watch has ended by itself."""
        last: dict[Ticket, Status] = {}
        async for ticket, status in self.connector.watch(tickets):
            assert not isinstance(last.get(ticket), Done | Lost), "a status after the last one"
            last[ticket] = status
        return last

    async def done(self, task: Task) -> Done:
        """Submit the task and wait for its end."""
        ticket = (await self.submit(task))[task.key]
        status = (await self.ends([ticket]))[ticket]
        assert isinstance(status, Done), status
        return status

    async def script(self, script: str, *args: str, **fields: object) -> Done:
        """Run a script for sh as a task; `fields` as for `task`."""
        return await self.done(self.task("sh", "-c", script, "sh", *args, **fields))  # type: ignore[arg-type]  # handed on as they are


class Suite:
    """What every part of the suite has: a way to a connected site."""

    patience = 60.0
    """Seconds that one test may take at the most."""
    lasting = 1.5
    """Seconds for which a command runs that must be seen while it does; a site that is slow to tell says more here."""
    hostile: Sequence[str] = HOSTILE
    """File names to try; a site whose file system takes fewer says so here."""

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector under test, not yet entered. The same context may come twice, one after the other. To be overridden."""
        raise NotImplementedError("a connector's test class says how to connect")

    def context(self, tmp_path: Path) -> SiteContext:
        state = tmp_path / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        return SiteContext("under-test", "suite", state)

    @asynccontextmanager
    async def site(self, tmp_path: Path) -> AsyncIterator[SiteUnderTest]:
        """The first location of the connected site. Entered and left inside the test's own asyncio task."""
        async with asyncio.timeout(self.patience), self.connect(self.context(tmp_path)) as connector:
            site = SiteUnderTest(connector, (await connector.locations())[0])
            try:
                yield site
            finally:
                await site.run(["rm", "-rf", "--", site.root])
