"""Databases that nobody must have: private, shared by processes, put aside when they are damaged or of another version."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hyflow import kept
from hyflow.kept import Form, Kept, open_kept

FORM = Form(0x1234, 2, "CREATE TABLE t (a);\nCREATE INDEX i ON t (a)\n")


def opened(path: Path, form: Form = FORM) -> sqlite3.Connection:
    found = open_kept(path, form)
    assert found.warning == ""
    assert found.db is not None
    return found.db


def renewed(path: Path, form: Form = FORM) -> str:
    """The warning about a file that is renamed, and not used."""
    before = path.read_bytes()
    found = open_kept(path, form)
    assert found.db is not None
    assert found.db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    found.db.close()
    aside = [other for other in path.parent.iterdir() if other.name.startswith(f"{path.name}.aside-") and "wal" not in other.name]
    assert [other.read_bytes() for other in aside if not other.name.endswith("-shm")] == [before]
    return found.warning


def test_a_new_one_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    opened(path).close()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_is_in_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "own" / "file"
    for count in range(3):
        db = opened(path)
        assert db.execute("SELECT count(*) FROM t").fetchone() == (count,)
        db.execute("INSERT INTO t VALUES (1)")
        db.close()
    assert db is not None


@pytest.mark.parametrize(("form", "what"), [
    (Form(0x1234, 3, FORM.schema), "has format 3, and this hyflow knows 2"), (Form(0x1235, 2, FORM.schema), "is of another kind"),
    (Form(0x1234, 1, FORM.schema), "has format 1, and this hyflow knows 2"),
])
def test_another_version_or_kind_is_put_aside(tmp_path: Path, form: Form, what: str) -> None:
    path = tmp_path / "own" / "file"
    opened(path, form).close()
    assert renewed(path).startswith(f"{path} {what}: it was renamed to file.aside-")
    opened(path).close()


def test_one_that_somebody_else_has_begun_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "own" / "file"
    path.parent.mkdir(mode=0o700)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (a)")
    db.close()
    assert "is of another kind" in renewed(path)


@pytest.mark.parametrize("damage", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_one_is_put_aside(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "own" / "file"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(damage)
    assert f"{path} is damaged" in renewed(path)


def test_one_without_bytes_is_new(tmp_path: Path) -> None:
    path = tmp_path / "own" / "file"
    path.parent.mkdir(mode=0o700)
    path.touch()
    opened(path).close()


def test_what_cannot_be_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = open_kept(tmp_path / "file" / "x", FORM)
    assert (found.db, "cannot be used" in found.warning) == (None, True)


def test_a_directory_that_others_may_change_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    path = tmp_path / "open" / "file"
    assert open_kept(path, FORM) == Kept(None, f"{path} cannot be used (its directory can be changed by other users)")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "own" / "file"
    path.parent.mkdir(mode=0o700)
    path.symlink_to("elsewhere")
    assert open_kept(path, FORM) == Kept(None, f"{path} cannot be used (it is no file of your own)")
    assert not (path.parent / "elsewhere").exists()


def test_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "is_network", lambda path: True)
    db = opened(tmp_path / "own" / "file")
    assert db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    db.close()


def test_processes_that_begin_it_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "own" / "file"
    code = ("import sys; from pathlib import Path; from hyflow.kept import Form, open_kept; "
            "kept = open_kept(Path(sys.argv[1]), Form(0x1234, 2, sys.argv[2])); "
            "kept.db.execute('INSERT INTO t VALUES (1)'); print(kept.warning)")
    running = [subprocess.Popen([sys.executable, "-c", code, path, FORM.schema], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in running] == ["\n"] * 4
    db = opened(path)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (4,)
    db.close()
