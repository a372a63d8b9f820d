"""Digests of this machine's files and directories: what makes another one, what has none, what is remembered across runs."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow.staging import remembered, trees
from hyflow.staging.remembered import Remembered
from hyflow.staging.trees import Digest, Unsure, look, read, tree_digest
from hyflow.testing import HOSTILE

LARGE = b"x" * trees.LARGE


def digest(path: Path, memory: Remembered | None = None) -> Digest:
    return read(str(path), look(str(path)), memory)


def aged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later, when what lies there has not changed for a while."""
    later = time.time_ns() + 10 * remembered.YOUNG
    monkeypatch.setattr("time.time_ns", lambda: later)


def tree(path: Path) -> Path:
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "f").write_bytes(b"one")
    (path / "a" / "b" / "g").write_bytes(b"three")
    return path / "a"


def test_a_file_is_its_contents(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"text")
    (tmp_path / "link").symlink_to("f")
    assert digest(tmp_path / "f") == digest(tmp_path / "link") == Digest(hashlib.sha256(b"text").hexdigest(), 4)


def test_a_directory_is_its_tree(tmp_path: Path) -> None:
    top = tree(tmp_path)
    entries = [("b", "d", 0, ""), ("f", "f", 3, hashlib.sha256(b"one").hexdigest()), ("b/g", "f", 5, hashlib.sha256(b"three").hexdigest())]
    assert digest(top) == Digest(tree_digest(entries), 8)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "f").symlink_to(top / "f")
    (tmp_path / "other" / "b").symlink_to(top / "b")
    assert digest(tmp_path / "other") == digest(top)


@pytest.mark.parametrize("change", [
    lambda top: (top / "b" / "g").write_bytes(b"Three"), lambda top: (top / "b" / "g").rename(top / "b" / "h"),
    lambda top: (top / "b" / "g").unlink(), lambda top: (top / "c").mkdir(), lambda top: (top / "b" / "g").rename(top / "g"),
    lambda top: (top / "c").write_bytes(b""),
])
def test_every_change_is_another_tree(tmp_path: Path, change: object) -> None:
    top = tree(tmp_path)
    before = digest(top)
    change(top)  # type: ignore[operator]  # one of the table of changes
    assert digest(top) != before


def test_an_empty_directory_is_no_empty_file(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    assert digest(tmp_path / "d") != digest(tmp_path / "f")


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    top = tree(tmp_path)
    (top / "b" / "up").symlink_to(top / "b")
    one = digest(top)
    (top / "b" / "up").unlink()
    (top / "b" / "up").symlink_to(top)
    assert digest(top) != one


def test_what_has_no_digest(tmp_path: Path) -> None:
    top = tree(tmp_path)
    (top / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo")
    for path in (top, tmp_path / "fifo", tmp_path / "nothing", tmp_path / "a\0b", Path("/dev/null")):
        with pytest.raises(Unsure, match="cannot be told"):
            digest(path)


def test_a_directory_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST", 3)
    with pytest.raises(Unsure, match="more than 3 files"):
        digest(tree(tmp_path).parent)


def test_what_changes_before_it_is_read_has_none(tmp_path: Path) -> None:
    top = tree(tmp_path)
    for path in (top, top / "f"):
        seen = look(str(path))
        (top / "f").write_bytes(b"another")
        with pytest.raises(Unsure, match="changes"):
            read(str(path), seen, None)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"1")
    assert digest(tmp_path) == Digest(tree_digest([(name, "f", 1, hashlib.sha256(b"1").hexdigest())]), 1)


entries = st.dictionaries(
    st.text("ab:;f0/\nÿ\udcff", min_size=1, max_size=3),
    st.tuples(st.sampled_from("fd"), st.integers(0, 9), st.sampled_from(["", "0", ":", ";f1:a0:;"])), max_size=3,
).map(lambda found: sorted((path, *what) for path, what in found.items()))


@settings(deadline=None)
@given(entries, entries)
def test_two_trees_have_one_digest_only_if_they_are_the_same(one: list[trees.Entry], other: list[trees.Entry]) -> None:
    assert (tree_digest(one) == tree_digest(other)) == (one == other)
    assert tree_digest(one) == tree_digest(reversed(one))


# -- remembered -------------------------------------------------------------------------------------------------------


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(LARGE)
    aged(tmp_path, monkeypatch)
    first = digest(tmp_path / "f", Remembered(tmp_path / "home" / "sums"))
    monkeypatch.setattr("os.read", None)
    assert digest(tmp_path / "f", Remembered(tmp_path / "home" / "sums")) == first
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "home" / "sums").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("keep", ["name and times", "inode"])
def test_other_contents_under_the_same_name_and_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str) -> None:
    path, memory = tmp_path / "f", Remembered(tmp_path / "home" / "sums")
    path.write_bytes(LARGE)
    os.utime(path, ns=(10**18, 10**18))
    now = time.time_ns
    aged(tmp_path, monkeypatch)
    before = digest(path, memory)
    monkeypatch.setattr("time.time_ns", now)
    time.sleep(0.02)  # a kernel's clock ticks every 4 to 10 ms
    if keep == "inode":
        path.write_bytes(LARGE[1:] + b"y")
    else:
        (tmp_path / "new").write_bytes(LARGE[1:] + b"y")
        (tmp_path / "new").rename(path)
    os.utime(path, ns=(10**18, 10**18))
    aged(tmp_path, monkeypatch)
    assert digest(path, memory) != before


def test_what_has_just_changed_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, memory = tmp_path / "f", Remembered(tmp_path / "home" / "sums")
    path.write_bytes(LARGE)
    changed = path.stat().st_ctime_ns
    for after, known in ((remembered.YOUNG - 1, False), (-10**18, False), (remembered.YOUNG, True)):  # nor what changes in the future
        monkeypatch.setattr("time.time_ns", lambda now=changed + after: now)
        digest(path, memory)
        assert (memory.get(path.stat()) is not None) is known


def test_small_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, memory = tmp_path / "f", Remembered(tmp_path / "home" / "sums")
    path.write_bytes(b"small")
    aged(tmp_path, monkeypatch)
    digest(path, memory)
    assert memory.get(path.stat()) is None


def test_only_so_many_are_remembered(tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "home" / "sums")
    later = time.time_ns() + 10 * remembered.YOUNG
    for number in range(12):
        (tmp_path / str(number)).touch()
        memory.put((tmp_path / str(number)).stat(), str(number), later)
    memory.close()
    again = Remembered(tmp_path / "home" / "sums", most=10)
    known = [again.get((tmp_path / str(number)).stat()) for number in range(12)]
    assert sum(found is not None for found in known) == 8


def test_a_memory_that_fails_costs_speed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(LARGE)
    aged(tmp_path, monkeypatch)
    expected = Digest(hashlib.sha256(LARGE).hexdigest(), len(LARGE))
    (tmp_path / "file").touch()
    assert digest(tmp_path / "f", Remembered(tmp_path / "file" / "sums")) == expected
    memory = Remembered(tmp_path / "home" / "sums")
    with sqlite3.connect(tmp_path / "home" / "sums") as db:
        db.execute("DROP TABLE files")
    db.close()
    assert [digest(tmp_path / "f", memory) for _ in range(2)] == [expected, expected]
    (tmp_path / "home" / "sums").write_bytes(b"no database" * 1000)
    assert digest(tmp_path / "f", Remembered(tmp_path / "home" / "sums")) == expected
