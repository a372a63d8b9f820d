"""What Ctrl-C and its like mean to work on an event loop, which must end what it has begun before it goes.

The first signal is the wish to stop; what that means changes with what is under way (`meaning`): mostly it cancels the work. The
second one stops the waiting for whatever does not answer. A third is not needed: soon after the second the process ends in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import TypeVar

from hyflow.errors import Interrupted

T = TypeVar("T")

SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminate", signal.SIGHUP: "hangup"}
GRACE = 4.0
"""Seconds that whatever is to be ended has in any case: a job that does not hear SIGTERM is killed within them."""
BACKSTOP = 8.0
"""Seconds from the second signal until the process ends without asking anybody."""


class Interruption:
    """Made, and listened to (`listening`), by the task of the work. `reason`: why it should stop, None as long as nobody wants that."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._first: Callable[[str], None] = self._cancel
        self._again: Callable[[float], None] | None = None
        self._since = 0.0
        self._cancelled = self._backstop = False
        self.reason: str | None = None
        self.heeded = False
        """The work has ended for it: nothing that comes now changes anything."""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals arrive here. What is ignored stays ignored (nohup, jobs in the background)."""
        before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
        for number in before:
            signal.signal(number, self._signalled)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self.heeded else handler)

    @contextlib.contextmanager
    def meaning(self, first: Callable[[str], None], again: Callable[[float], None] | None = None) -> Iterator[None]:
        """While this lasts the first signal calls `first` with its reason instead of cancelling, and the second one `again` with the
        time of the loop's clock until which to wait for what does not answer. A wish from before counts."""
        before = self._first, self._again
        self._first, self._again = first, again
        if self.reason is not None:
            first(self.reason)
        try:
            yield
        finally:
            self._first, self._again = before

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What must not be cut short: the wish waits until it is over."""
        with self.meaning(_nothing):
            yield
        if self.reason is not None:
            self._first(self.reason)

    def leave(self) -> None:
        """The end has come: only letting go is left, which no first signal may cut short."""
        self._first = _nothing

    def caught(self) -> bool:
        """Whether a CancelledError that was just caught came from here; the work may go on then."""
        if not self._cancelled or self._task is None:
            return False
        self._cancelled = False
        self._task.uncancel()
        return True

    def ask(self, reason: str) -> None:
        """Somebody wants the work to stop, or no longer wants to wait."""
        if self.reason is None:
            self.reason, self._since = reason, self._loop.time()
            self._first(reason)
        elif not self._backstop:
            self._backstop = True
            until = max(self._since + GRACE, self._loop.time())
            self._loop.call_at(until + BACKSTOP, _end)
            if self._again is not None:
                self._again(until)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the work is over
            self._loop.call_soon_threadsafe(self.ask, SIGNALS[signal.Signals(number)])

    def _cancel(self, reason: str) -> None:
        if self._task is not None and not self._task.done():
            self._cancelled = True
            self._task.cancel()


async def interruptible(work: Callable[[Interruption], Awaitable[T]]) -> T:
    """Do the work, which signals cancel. Raises Interrupted when they did, and all that it had begun is ended."""
    interruption = Interruption()
    with interruption.listening():
        try:
            return await work(interruption)
        except asyncio.CancelledError:
            if not interruption.caught():
                raise
            interruption.heeded = True
            raise Interrupted from None


def _nothing(reason: str) -> None:
    pass


def _end() -> None:
    """Not even letting go has an end."""
    with contextlib.suppress(OSError):
        os.write(2, b"hyflow: interrupted; what does not answer is waited for no longer\n")
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(Interrupted.exit_status)
