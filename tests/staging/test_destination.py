"""The output directory before anything is put there, and file systems that take two names for one."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unprivileged import unprivileged

from hyflow.errors import SiteError, UsageError
from hyflow.model.places import HERE, Location
from hyflow.staging import destination
from hyflow.staging.catalog import Catalog
from hyflow.staging.deliver import Delivery
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover


def test_what_is_made_for_the_question_goes_again(tmp_path: Path) -> None:
    destination.check(tmp_path / "a" / "b", [tmp_path / "own"])
    assert list(tmp_path.iterdir()) == []


def test_what_hyflow_keeps_is_no_place_for_results(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to("own")
    for outdir in ("own", "own/x", "link/x"):
        with pytest.raises(UsageError, match="keeps what is its own"):
            destination.check(tmp_path / outdir, [tmp_path / "own"])
    destination.check(tmp_path / "owner", [tmp_path / "own"])


def test_a_directory_that_may_not_be_written_to() -> None:
    with tempfile.TemporaryDirectory() as name, unprivileged(Path(name)):
        Path(name).chmod(0o500)
        assert destination.unwritable(Path(name, "x")) == f"{name} cannot be written to: Permission denied"


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.ENAMETOOLONG, "too long"),
    (errno.EINVAL, "does not take such a name"), (errno.EACCES, "Permission denied"),
])
def test_reasons_in_words(number: int, words: str) -> None:
    assert words in destination.reason(OSError(number, os.strerror(number)))


def test_names_that_differ_in_case_alone() -> None:
    assert destination.clash(["a/B", "a/b", "c"]) == ("a/B", "a/b")
    assert destination.clash(["stra\N{LATIN SMALL LETTER SHARP S}e", "STRASSE"]) is not None
    assert destination.clash(["\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}"]) is not None
    assert destination.clash(["a", "b", "a"]) is None


def test_the_file_system_is_asked(tmp_path: Path) -> None:
    (tmp_path / "Probe").touch()
    assert destination.folds(tmp_path) == (tmp_path / "pROBE").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["Probe"]


@pytest.fixture(params=["pretended", "mounted"])
def folding(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory whose file system takes A and a for one name; where none can be had, one that is said to be so."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if request.param == "pretended":
        monkeypatch.setattr(destination, "folds", lambda directory: True)
        yield disk
        return
    image = tmp_path / "image"
    image.write_bytes(b"\0" * (1 << 20))
    try:
        subprocess.run(["mkfs.vfat", str(image)], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system that folds case can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def deliver(top: Path, outdir: Path, *names: str) -> Any:
    import asyncio

    outputs = [{"class": "Directory" if (top / name).is_dir() else "File", "location": (top / name).as_uri(), "basename": Path(name).name}
               for name in names]  # fmt: skip
    mover = Mover({HERE: HereFiles()}, {HERE: str(top / "data")}, Catalog())
    return asyncio.run(Delivery(outdir, top / "own", mover).deliver(outputs, Location("", "", HERE, "/nowhere", {HERE: "/"})))


def test_two_outputs_that_differ_in_case_alone(tmp_path: Path, folding: Path) -> None:
    for name in ("own/1/A.txt", "own/2/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    placed = deliver(tmp_path, folding, "own/1/A.txt", "own/2/a.txt")
    assert [item["basename"] for item in placed] == ["A.txt", "a_2.txt"]
    assert [Path(item["path"]).read_text() for item in placed] == ["own/1/A.txt", "own/2/a.txt"]


def test_a_directory_that_holds_names_that_differ_in_case_alone(tmp_path: Path, folding: Path) -> None:
    for name in ("given/d/A.txt", "given/d/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with pytest.raises(SiteError, match=r"its file system takes '[aA].txt' and '[aA].txt' for one name"):
        deliver(tmp_path, folding, "given/d")


def test_a_file_system_that_tells_case_apart_keeps_both(tmp_path: Path) -> None:
    if destination.folds(tmp_path):
        pytest.skip("this file system does not")
    for name in ("own/1/A.txt", "own/2/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert [item["basename"] for item in deliver(tmp_path, tmp_path / "out", "own/1/A.txt", "own/2/a.txt")] == ["A.txt", "a.txt"]
