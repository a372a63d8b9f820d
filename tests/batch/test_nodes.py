"""Nodes that failed are remembered for as long as the run is, whoever drives it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from hyflow.batch.grouping import Durations
from hyflow.batch.marks import Seat
from hyflow.batch.nodes import FILE, MOST, remember, remembered
from hyflow.batch.settings import BatchSettings
from hyflow.batch.site import BatchSite
from hyflow.batch.system import Entry, Over
from hyflow.batch.watching import Ward
from hyflow.connector import SiteContext
from hyflow.model.jobs import FailureClass, Key
from hyflow.shell.processes import OwnShell
from hyflow.shell.reach import Lines

FAILED = Over(FailureClass.INFRASTRUCTURE, "the node failed on n1", "n1", ambush=True)


class Failing:
    """As much of a batch system as is asked here: the jobs of every batch were on a node that failed."""

    name = "Test"

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        return f"printf '%s\\n' {' '.join(names)}"

    def entries(self, answer: str) -> Sequence[Entry]:
        return [Entry(name, "17", None, FAILED) for name in answer.split()]


async def lost(top: Path, key: Key) -> BatchSite:
    """A site whose driver has seen this attempt lost with its node, and dies."""
    system: Any = Failing()
    site = BatchSite(system, OwnShell(20), BatchSettings(settle=0), SiteContext("hpc", "run", top), {})
    base, own = top / "base", top / "own"
    (base / key).mkdir(parents=True)
    (own / key / "marks").mkdir(parents=True)
    site._book.know(key, Seat(key, 0), "17")
    site._queue.host = host = Lines(OwnShell(20))
    site._ward = Ward(host, str(base), str(own), site._book, site._queue, site._fates, Durations(), lambda: None)
    assert (await site._look([key]))[key].kind is FailureClass.INFRASTRUCTURE  # type: ignore[union-attr]  # it is Lost
    return site


async def test_a_node_that_failed_a_job_of_one_driver_and_one_of_the_next_is_avoided(tmp_path: Path) -> None:
    first = await lost(tmp_path, Key("a"))
    assert first._fates.avoided == ()
    second = await lost(tmp_path, Key("b"))
    assert second._fates.avoided == ("n1",) and remembered(tmp_path) == {"n1": {Seat("a", 0), Seat("b", 0)}}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"n1": 7}', '{"n1": [{"batch": 1}]}', '{"n\udcff": []}'])
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert remembered(tmp_path) == {}


def test_those_that_failed_most_are_kept(tmp_path: Path) -> None:
    once = {f"n{number}": {Seat("a", number)} for number in range(MOST + 10)}
    remember(tmp_path, {**once, "worst": {Seat("a", 0), Seat("b", 0)}})
    assert len(remembered(tmp_path)) == MOST and "worst" in remembered(tmp_path)


def test_no_room_to_remember_is_no_failure(tmp_path: Path) -> None:
    remember(tmp_path / "gone", {"n1": {Seat("a", 0)}})
    assert remembered(tmp_path / "gone") == {}
