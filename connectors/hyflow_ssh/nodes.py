"""Several machines as one site: each has its own jobs and its own room, all see the same directory, and files go to one host for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, TypeVar

from hyflow.connector import Argv, Examine, Finding, Forget, Logs, P, Pipe, Reach, Refused, Status, Ticket
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.model.places import Location
from hyflow.model.tasks import Task
from hyflow.shell import logs
from hyflow.shell.measuring import measure
from hyflow.shell.reach import Lines
from hyflow.shell.site import ShellSite, node_of

T = TypeVar("T")


class Lent:
    """`hyflow.connector.Reach` that somebody else enters and leaves."""

    def __init__(self, reach: Reach) -> None:
        self.open = reach.open

    async def __aenter__(self) -> Lent:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass


class Nodes:
    """`hyflow.connector.Connector`: a location for each node. `host`: the way that files and questions go, lent to the nodes."""

    def __init__(self, host: Reach, nodes: Mapping[str, ShellSite]) -> None:
        self._host, self._nodes = host, nodes
        self._entered = AsyncExitStack()

    async def __aenter__(self) -> Nodes:
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(self._host)
            for node in self._nodes.values():
                await entered.enter_async_context(node)
            self._entered = entered.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._entered.__aexit__(None, None, None)

    async def locations(self) -> Sequence[Location]:
        return [place for node in self._nodes.values() for place in await node.locations()]

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        return Lines(self._host).open(argv)

    def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        return self._nodes[at.name].submit(at, tasks)

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        found = await every(node.find(keys) for node in self._nodes.values())
        return {key: ticket for each in found for key, ticket in each.items()}

    async def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        watches = [node.watch(own) for node, own in self._shared_out(tickets)]
        async with aclosing(together(watches)) as changes:
            async for change in changes:
                yield change

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        await every(node.cancel(own) for node, own in self._shared_out(tickets))

    async def forget(self, tickets: Collection[Ticket]) -> None:
        await every(node.forget(own) for node, own in self._shared_out(tickets))

    def power(self, kind: type[P]) -> P | None:
        return self if kind in (Forget, Examine, Logs) else None  # type: ignore[return-value]  # P is one of these here, which this class is

    async def examine(self) -> Sequence[Finding]:
        """All nodes at once, and in the end the way that files go."""
        found = zip(self._nodes, await every(node.looked_at() for node in self._nodes.values()), strict=True)
        return [*(replace(one, name=f"{name}: {one.name}") for name, told in found for one in told), *await measure(self)]

    async def size(self, path: str) -> int | None:
        return await logs.size(self, path)

    def read(self, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        return logs.read(self, path, offset)

    async def follow(self, key: Key, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        """At the node that has the attempt; one that is forgotten has ended, which any of them tells."""
        shared = self._shared_out((await self.find([key])).values())
        node = shared[0][0] if shared else next(iter(self._nodes.values()))
        async with aclosing(node.follow(key, path, offset)) as blocks:
            async for block in blocks:
                yield block

    def _shared_out(self, tickets: Iterable[Ticket]) -> list[tuple[ShellSite, list[Ticket]]]:
        """The tickets by the nodes that gave them. Raises SiteError where the site has no such node."""
        own: dict[str, list[Ticket]] = {}
        for ticket in tickets:
            own.setdefault(node_of(ticket), []).append(ticket)
        if gone := own.keys() - self._nodes.keys():
            what = f"jobs were sent to {', '.join(sorted(gone)) or 'the site'} that is none of its `nodes` now"
            raise SiteError(what, transient=False, hint="Name it there again.")
        return [(self._nodes[name], mine) for name, mine in own.items()]


async def every(acts: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All at once; one that fails is told of when all others have been tried, too."""
    done = await asyncio.gather(*acts, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return [one for one in done if not isinstance(one, BaseException)]


async def together(streams: Sequence[AsyncIterator[tuple[Ticket, Status]]]) -> AsyncGenerator[tuple[Ticket, Status], None]:
    """What all the streams give, as it comes."""
    pending = {_next(stream): stream for stream in streams}
    try:
        while pending:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                stream, change = pending.pop(task), task.result()
                if change is not None:
                    pending[_next(stream)] = stream
                    yield change
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _next(stream: AsyncIterator[tuple[Ticket, Status]]) -> asyncio.Task[tuple[Ticket, Status] | None]:
    async def step() -> tuple[Ticket, Status] | None:
        return await anext(stream, None)

    return asyncio.create_task(step(), name="watches a node")
