"""What can be asked of a file system, and done to it: this machine's directly, any other through a connector."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, assert_never

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
