"""Asking instead of reading: how pure code gets at facts that only the driver can find out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hyflow.model.facts import Ask, Fact, Facts

T = TypeVar("T")
U = TypeVar("U")


class Lacking(Exception):
    """Facts are missing; always caught by `answer`."""

    def __init__(self, facts: frozenset[Fact]) -> None:
        super().__init__(facts)
        self.facts = facts


class Knowledge:
    """What is known so far."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def ask(self, fact: Fact) -> Any:
        """The answer. Raises Lacking when it is not known."""
        try:
            return self._facts[fact]
        except KeyError:
            raise Lacking(frozenset((fact,))) from None

    @staticmethod
    def each(function: Callable[[U], T], items: Iterable[U]) -> list[T]:
        """`function` of each item. What several of them lack is asked for together, in one round trip."""
        found: list[T] = []
        lacking: set[Fact] = set()
        for item in items:
            try:
                found.append(function(item))
            except Lacking as lack:
                lacking |= lack.facts
        if lacking:
            raise Lacking(frozenset(lacking))
        return found


def answer(call: Callable[[Knowledge], T], facts: Facts) -> T | Ask:
    """What `call` returns, or the facts that it lacks."""
    try:
        return call(Knowledge(facts))
    except Lacking as lack:
        return Ask(lack.facts)
