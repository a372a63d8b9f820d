"""What can be asked of a file system, and done to it: this machine's directly, any other through a connector."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from itertools import islice
from typing import Any, Protocol, TypeVar, assert_never

from hyflow.connector import Connector
from hyflow.errors import SiteError
from hyflow.model.facts import Absence, Checksum, Contents, Fact, Listing, Localize, Stat
from hyflow.outage import Outage
from hyflow.shell import files as shell
from hyflow.staging import here
from hyflow.staging.absence import absence
from hyflow.staging.tarstream import Digests, pack, unpack

T = TypeVar("T")

_FEW = 64
_BATCH = 1000


class Files(Protocol):
    """One file system. Paths are absolute, as the machine that is asked sees them."""

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        """The answer to each fact about the path beside it, in one round trip. SiteError when something cannot be read."""


class HereFiles:
    """This machine's. A few quick questions are answered at once; many, or long ones, on a thread, so that the loop goes on."""

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        if len(questions) <= _FEW and all(isinstance(fact, Stat | Contents) for fact in questions):
            return _answers(questions)
        answers: dict[Fact, Any] = {}
        for batch in batched(questions.items(), _BATCH):
            answers.update(await asyncio.to_thread(_answers, dict(batch)))
        return answers


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in tuples of at most `size`: whoever is cancelled is not kept longer than one takes."""
    left = iter(items)
    while batch := tuple(islice(left, size)):
        yield batch


class FarFiles:
    """Those of a site, over its connector. With `outage` a site that cannot be reached is asked until it can, else it is an error."""

    def __init__(self, connector: Connector, outage: Outage | None = None) -> None:
        self._connector, self._outage = connector, outage

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await (ask() if self._outage is None else self._outage.outlasted(ask))

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        return await self._asked(lambda: self._answer(questions))

    async def _answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        stats, contents, listings, sums = await shell.facts(
            self._connector,
            stats={path for fact, path in questions.items() if isinstance(fact, Stat)},
            contents={path for fact, path in questions.items() if isinstance(fact, Contents)},
            listings={(path, fact.deep) for fact, path in questions.items() if isinstance(fact, Listing)},
            sums={path for fact, path in questions.items() if isinstance(fact, Checksum)},
        )
        answers: dict[Fact, Any] = {}
        for fact, path in questions.items():
            match fact:
                case Stat():
                    answers[fact] = stats[path]
                case Contents():
                    answers[fact] = _readable(contents[path], path)
                case Listing():
                    answers[fact] = _readable(listings[path, fact.deep], path)
                case Checksum():
                    answers[fact] = _readable(sums[path], path)
                case Absence(_, kind):
                    answers[fact] = f"there is no {'directory' if kind == 'd' else 'file'} {path!r} at the site", None
                case Localize():
                    answers[fact] = path
                case _:
                    assert_never(fact)
        return answers

    async def receive(self, directory: str, items: Mapping[str, str]) -> None:
        """Copy from this machine: `items` maps names below `directory`, which is made there whole or not at all, to paths here."""
        await self._asked(lambda: self._receive(directory, items))

    async def _receive(self, directory: str, items: Mapping[str, str]) -> None:
        digests: Digests = {}
        async with aclosing(pack(items.items(), digests)) as stream:
            await shell.push(self._connector, directory, stream, digests)

    async def send(self, items: Mapping[str, str]) -> None:
        """Copy to this machine: `items` maps paths there to paths here, which must not be there yet. Verified by SHA-256."""
        await self._asked(lambda: self._send(items))

    async def _send(self, items: Mapping[str, str]) -> None:
        names = [path.lstrip("/") for path in items]
        targets = {name: items["/" + name] for name in names}
        # Both at once: the files are read twice there, but the way is gone once.
        summing = asyncio.create_task(shell.sha256_trees(self._connector, "/", names), name="checksums of a copy")
        try:
            arrived = await unpack(shell.pull(self._connector, "/", names), targets)
            expected = await summing
        except BaseException:
            await asyncio.to_thread(_remove, targets.values())  # it may be tried again
            raise
        finally:
            summing.cancel()
            await asyncio.gather(summing, return_exceptions=True)
        if wrong := [name for name in {*arrived, *expected} if arrived.get(name) != expected.get(name)]:
            raise SiteError(f"a copy of {'/' + wrong[0]!r} arrived damaged, or it changed meanwhile", transient=True)


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        here.remove(path)


def _readable(answer: Any, path: str) -> Any:
    if answer is None:
        raise SiteError(f"{path!r} cannot be read at the site", transient=False, hint="it is not there, or you may not read it there")
    return answer


def _answers(questions: Mapping[Fact, str]) -> dict[Fact, Any]:
    return {fact: _answer(fact, path) for fact, path in questions.items()}


def _answer(fact: Fact, path: str) -> Any:
    match fact:
        case Stat():
            return here.found(path)
        case Contents():
            return here.contents(path)
        case Listing():
            return here.listing(path, fact.deep)
        case Checksum():
            return here.sha1(path)
        case Absence(_, kind):
            return absence(path, kind)
        case Localize():
            return os.path.realpath(path)
        case _:
            assert_never(fact)
