"""What may come out of hyflow for whatever goes in: a result, or one clean message, soon."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hyflow.errors import HyflowError

T = TypeVar("T")
PATIENCE = 20
"""Seconds after which a call hangs; on a machine that others use too."""

MOST_LINES = 60
MOST_CHARACTERS = 12_000

REMNANTS = re.compile(
    r"Traceback|\[Errno|object at 0x|<class|NoneType|\bKeyError|\bTypeError\(|AttributeError|IndexError|ValueError|AssertionError"
    r"|StopIteration|RecursionError"
    r"|ruamel|schema_salad|CommentedMap|CommentedSeq|ordereddict|dict_keys"
    r"|codec can't|UnicodeDecode|cwltool\.|__\w+__|must be str|not subscriptable|unhashable|this is a bug")


class Hanging(Exception):
    """A call took too long."""


def told(call: Callable[[], T]) -> T | None:
    """The result of the call, None where it said what is wrong as it should. Raises whatever else comes out."""
    try:
        with _bounded():
            return call()
    except HyflowError as error:
        check(str(error))
        return None


def check(message: str, own: str = "") -> None:
    """Fail for a message that no person should get."""
    assert message.strip(), "there is no message"
    assert not (remnant := REMNANTS.search(message)), f"{remnant and remnant[0]!r} in: {message[:3000]}"
    assert message.count("\n") <= MOST_LINES, f"{message.count(chr(10))} lines: {message[:3000]}"
    assert len(message) <= MOST_CHARACTERS, f"{len(message)} characters: {message[:3000]}"


@contextmanager
def _bounded() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Hanging(f"no answer within {PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
