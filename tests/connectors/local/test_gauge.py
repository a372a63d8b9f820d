"""The search for a container's control groups: to the end where they come late, and seldom where there are many others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hyflow_local.supervisor import gauge
from hyflow_local.supervisor.gauge import FRESH, TRIES, Gauge

ID, NEXT = "ab" * 32, "cd" * 32


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def measured(top: Path, container: str) -> Gauge:
    (top / container).write_text(container)
    return Gauge(str(top / container), str(top / "root"))


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The searches through all groups."""
    real, found = gauge._walk, []

    def walk(root: str) -> object:
        found.append(root)
        return real(root)

    monkeypatch.setattr(gauge, "_walk", walk)
    return found


def test_groups_that_are_made_one_after_the_other(tmp_path: Path) -> None:
    looker = measured(tmp_path, ID)
    write(tmp_path / "root/memory/docker" / ID / "memory.max_usage_in_bytes", "4096\n")
    (tmp_path / "root/cpuacct/docker").mkdir(parents=True)
    looker.look()
    assert (looker.memory, looker.cpu) == (4096, None)
    write(tmp_path / "root/cpuacct/docker" / ID / "cpuacct.usage", "2000000000\n")
    looker.look()
    assert (looker.memory, looker.cpu) == (4096, 2.0)


def test_the_id_may_come_late_and_so_may_the_group(tmp_path: Path) -> None:
    looker = Gauge(str(tmp_path / "id"), str(tmp_path / "root"))
    for _ in range(2 * TRIES):  # there is no id yet
        looker.look()
    (tmp_path / "id").write_text(ID)
    for _ in range(TRIES - 1):
        looker.look()
    write(tmp_path / f"root/system.slice/docker-{ID}.scope/cpu.stat", "usage_usec 5000000\n")
    looker.look()
    assert (looker.memory, looker.cpu) == (None, 5.0)


def test_where_the_last_group_was_the_next_is_expected(tmp_path: Path, walks: list[str]) -> None:
    base = tmp_path / "root/a/b/docker"
    write(base / ID / "cpu.stat", "usage_usec 1000000\n")
    write(base / ID / "memory.peak", "1\n")
    measured(tmp_path, ID).look()
    walks.clear()
    looker = measured(tmp_path, NEXT)
    for _ in range(FRESH):
        looker.look()
    write(base / NEXT / "cpu.stat", "usage_usec 3000000\n")
    write(base / NEXT / "memory.peak", "2\n")
    looker.look()
    assert (looker.memory, looker.cpu, walks) == (2, 3.0, [])


def test_a_group_elsewhere_than_the_last_is_found_too(tmp_path: Path) -> None:
    write(tmp_path / "root/docker" / ID / "cpu.stat", "usage_usec 1000000\n")
    measured(tmp_path, ID).look()
    write(tmp_path / f"root/libpod_parent/libpod-conmon-{NEXT}/cpu.stat", "usage_usec 9000000\n")
    write(tmp_path / f"root/libpod_parent/libpod-{NEXT}/cpu.stat", "usage_usec 3000000\n")
    looker = measured(tmp_path, NEXT)
    for _ in range(FRESH + 1):
        looker.look()
    assert looker.cpu == 3.0


def test_a_container_that_has_no_group_is_not_looked_for_for_ever(tmp_path: Path, walks: list[str]) -> None:
    (tmp_path / "root").mkdir()
    looker = measured(tmp_path, ID)
    for _ in range(2 * TRIES):
        looker.look()
    assert len(walks) <= 2 * TRIES
    before = len(walks)
    looker.look()
    assert (looker.memory, looker.cpu, len(walks)) == (None, None, before)


def test_the_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauge, "WIDEST", 50)
    for number in range(60):
        (tmp_path / "root" / str(number)).mkdir(parents=True)
    write(tmp_path / "root/x" / ID / "cpu.stat", "usage_usec 3000000\n")
    looker = measured(tmp_path, ID)
    looker.look()
    assert looker.cpu is None


def test_the_id_is_taken_away_at_the_end(tmp_path: Path) -> None:
    looker = measured(tmp_path, ID)
    looker.remove()
    looker.remove()
    assert not os.path.lexists(tmp_path / ID)
