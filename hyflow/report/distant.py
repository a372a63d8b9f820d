"""The files to which one attempt writes at a site whose files this machine does not see. Somebody else brings what is in them, piece by
piece, perhaps on another thread; here it is printed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hyflow.errors import HyflowError
from hyflow.model.jobs import Key
from hyflow.report.failure import Whereabouts
from hyflow.report.growing import DECODER, Told, say
from hyflow.report.said import left_out
from hyflow.report.terminal import one_line

_MOST = 64
"""Pieces that may lie about until they are printed."""


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of what an attempt wrote. `skipped`: so many bytes before it are left out, of `size` in all."""

    stream: str
    data: bytes
    skipped: int = 0
    size: int = 0


class Distant:
    """Those of the attempt `key` of the job `name` at `where`. `told` says which streams are wanted, and whether whole. `ended`: the
    attempt has; what is still missing of them is to be brought, and then there is nothing more."""

    alone = True

    def __init__(self, name: str, key: Key, where: Whereabouts, attempt: int, told: Told) -> None:
        self.name, self.key, self.where, self.told = name, key, where, told
        self.ended = False
        self._attempt = attempt
        self._come = deque[Written | str]()
        self._decoders = {stream: DECODER("surrogateescape") for stream in told.streams}
        self._error: HyflowError | None = None
        self._brought = False

    @property
    def site(self) -> str:
        """The name of the site that has them."""
        return self.where.location.partition("/")[0]

    @property
    def full(self) -> bool:
        """Whether nothing more should be brought before something is printed."""
        return len(self._come) >= _MOST

    def bring(self, written: Written) -> None:
        """Here is more."""
        self._come.append(written)

    def note(self, text: str) -> None:
        """What is no word of the job, and belongs between them."""
        self._come.append(text)

    def finish(self, error: HyflowError | None = None) -> None:
        """Nothing more will be brought. `error`: because it cannot be."""
        self._error = error
        self._brought = True

    def pump(self, *, last: bool = False) -> bool:
        """Print what has come; whether that was all. `last`: the attempt has ended. Raises the error for which no more can come."""
        self.ended = self.ended or last
        brought = self._brought  # first: what was brought last is printed then
        while self._come:
            match self._come.popleft():
                case Written() as written:
                    self._print(written)
                case note:
                    say(one_line(note))
        if brought and self._error is not None:
            raise self._error
        return brought

    def unreadable(self) -> HyflowError:
        """That nobody can bring them."""
        directory = one_line(self.where.dir)
        what = f"what {self.name} writes cannot be read from here: it runs, or ran, at {one_line(str(self.where))}"
        return HyflowError(what, hint=f"what is left of it lies there, in {directory}/stdout and {directory}/stderr")

    def _print(self, written: Written) -> None:
        path = f"{self.where.dir}/{written.stream}"
        if written.skipped:
            print(left_out(written.skipped, written.size, path), flush=True)
        if written.data:
            text = self._decoders[written.stream].decode(written.data)
            self.told.write(path, written.stream, self._attempt, written.data, text)
