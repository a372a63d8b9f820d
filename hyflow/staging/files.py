"""What can be asked of a file system, and done to it: this machine's directly, any other through a connector."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, assert_never

from hyflow.connector import Connector
from hyflow.model.facts import Checksum, Contents, Fact, Listing, Localize, Stat
from hyflow.staging import here


class Files(Protocol):
    """One file system. Paths are absolute, as the machine that is asked sees them."""

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        """The answer to each fact about the path beside it, in one round trip. SiteError when something cannot be read."""


class HereFiles:
    """This machine's."""

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        if all(isinstance(fact, Stat | Contents) for fact in questions):
            return _answers(questions)
        return await asyncio.to_thread(_answers, questions)


class FarFiles:
    """Those of a site, over its connector."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def answer(self, questions: Mapping[Fact, str]) -> dict[Fact, Any]:
        raise RuntimeError

    async def receive(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy from this machine to the site: (path here, path there), verified there, each whole or not at all."""

    async def send(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy from the site to this machine: (path there, path here), verified here, each whole or not at all."""


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
        case Localize():
            return path
        case _:
            assert_never(fact)
