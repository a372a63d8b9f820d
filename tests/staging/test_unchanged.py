"""Changes of inputs are seen, each once."""

from __future__ import annotations

import os
from pathlib import Path

from hyflow.staging.unchanged import Noted, told


def noted(*paths: Path) -> tuple[Noted, list[str]]:
    made = Noted()
    for path in paths:
        made.note(str(path))
    return made, [str(path) for path in paths]


def test_what_stays_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    made, paths = noted(tmp_path / "a", tmp_path)
    (tmp_path / "a").read_text()
    assert made.changes([*paths, "/never/noted"]) == []


def test_each_change_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    made, paths = noted(file)
    file.write_text("abc")
    [change] = made.changes(paths)
    assert (change.before, change.after, change.directory) == (1, 3, False)
    assert made.changes(paths) == []
    assert told([change]).startswith(f"its input {file} (1 bytes before, 3 now) was changed while it ran\n  ")
    assert ", and 1 more\n" in told([change, change])


def test_times_and_other_files_of_the_same_name_count(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    made, paths = noted(file)
    os.utime(file, (1, 1))
    assert str(made.changes(paths)[0]) == str(file)
    (tmp_path / "b").write_text("b")
    os.utime(tmp_path / "b", (1, 1))
    (tmp_path / "b").replace(file)
    assert len(made.changes(paths)) == 1
    file.unlink()
    assert str(made.changes(paths)[0]) == f"{file} (which is gone)"


def test_a_directory_changes_with_its_entries(tmp_path: Path) -> None:
    os.utime(tmp_path, (1, 1))
    made, paths = noted(tmp_path)
    (tmp_path / "new").touch()
    [change] = made.changes(paths)
    assert change.directory and str(change) == str(tmp_path)


def test_what_the_kernel_makes_up_is_no_file() -> None:
    made, paths = noted(Path("/proc/uptime"))
    assert made.changes(paths) == []
