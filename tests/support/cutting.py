"""What befalls the way to a site while a run is there: a gate's mishaps, at moments drawn from a seed."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator

from sshlab import Gate, Site

BETWEEN = (0.1, 1.2)
"""Seconds between two mishaps."""
SHORT, LONG = (0.05, 0.4), (2.5, 3.5)
"""Seconds that a mishap takes, and that a silence does which is longer than anybody's patience."""


class Mishaps(threading.Thread):
    """Goes on until `stop`. `count`: of what has befallen a connection. Most are cuts; now and then one is refused, broken in the middle of
    an answer, or silent for long."""

    def __init__(self, gate: Gate, seed: int, begun: Callable[[], object]) -> None:
        super().__init__(name="mishaps")
        self._gate, self._dice, self._begun = gate, random.Random(seed), begun  # noqa: S311 (moments, no secrets)
        self._halt = threading.Event()
        self.count = 0

    def run(self) -> None:
        what = [self._cut, self._cut, self._cut, self._truncated, self._refused, self._silent]
        while not self._halt.wait(self._dice.uniform(*BETWEEN)):
            if self._gate.count()["open"] and self._begun():
                self.count += 1
                self._dice.choice(what)()

    def stop(self) -> None:
        self._halt.set()
        self.join()

    def _cut(self) -> None:
        self._gate.tell("cut")

    def _truncated(self) -> None:
        self._gate.tell(f"truncate {self._dice.randrange(20_000)}")

    def _refused(self) -> None:
        self._gate.tell("refuse")
        self._gate.tell("cut")
        self._halt.wait(self._dice.uniform(*LONG))
        self._gate.tell("accept")

    def _silent(self) -> None:
        """Sometimes shorter than keep-alive's patience: then nothing is lost."""
        self._gate.tell("stall")
        self._halt.wait(self._dice.uniform(*self._dice.choice((SHORT, LONG))))
        self._gate.tell("go")


@contextlib.contextmanager
def mishaps(site: Site, seed: int, begun: Callable[[], object]) -> Iterator[Mishaps]:
    """On the way to the site, from when `begun` holds: without a site no run begins. In the end it is free."""
    befalling = Mishaps(site.gate, seed, begun)
    befalling.start()
    try:
        yield befalling
    finally:
        befalling.stop()
        for word in ("accept", "go", "truncate 1000000000000"):
            site.gate.tell(word)
