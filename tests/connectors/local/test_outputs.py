"""Manifests of directories that somebody means ill with."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow_local.supervisor.deletion import remove
from hyflow_local.supervisor.outputs import Collection, TooMuch, tail

NAMES = st.binary(min_size=1, max_size=30).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"0").replace(b"/", b"1"))).filter(
    lambda name: name not in (".", ".."))


def collect(out: Path | str, *patterns: str, quick: bool = False) -> dict[str, dict[str, object]]:
    globs = [{"pattern": pattern, "checksum": True, "contents": False} for pattern in patterns]
    entries: dict[str, dict[str, object]] = Collection(os.path.realpath(out), quick=quick).manifest(globs)["entries"]
    return entries


@given(st.dictionaries(NAMES, st.binary(max_size=100), max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_name_and_content(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as out:
        for name, data in files.items():
            Path(out, name).write_bytes(data)
        assert {path: entry["sha256"] for path, entry in collect(out, ".").items()} == {
            name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_what_the_command_made_unreadable_is_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    (tmp_path / "d" / "f").chmod(0)
    (tmp_path / "d").chmod(0)
    assert collect(tmp_path, "d")["d/f"]["sha256"] == hashlib.sha256(b"x").hexdigest()


def test_sockets_and_devices_are_told_and_not_read(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tmp_path, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/s" if os.path.exists("/proc/self/fd") else str(tmp_path / "s"))
        os.close(here)
    (tmp_path / "null").symlink_to("/dev/null")
    assert {path: entry["kind"] for path, entry in collect(tmp_path, "*").items()} == {"s": "o", "null": "o"}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / str(number)).symlink_to(tmp_path / ("b" if name == "a" else "a"))
    assert {path.count("/") for path in collect(tmp_path, "*")} == {0, 1, 2}


def test_quick_gives_up_on_much_and_on_large(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 30)
    assert collect(tmp_path, quick=True)["large"]["size"] == 1 << 30
    with pytest.raises(TooMuch):
        collect(tmp_path, "large", quick=True)
    (tmp_path / "large").unlink()
    for number in range(250):
        (tmp_path / str(number)).touch()
    with pytest.raises(TooMuch):
        collect(tmp_path, quick=True)
    assert len(collect(tmp_path)) == 250


def test_a_tail_is_taken_of_plain_files_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 5000 + "é\udcff".encode(errors="surrogateescape"))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("log")
    assert tail(str(tmp_path / "log")).endswith("xé\N{REPLACEMENT CHARACTER}")
    assert len(tail(str(tmp_path / "log"))) == 4095
    assert tail(str(tmp_path / "fifo")) == tail(str(tmp_path / "link")) == tail(str(tmp_path / "none")) == ""


def test_removing_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "d" / "link").symlink_to(precious)
    (tree / "link").symlink_to(precious)
    (tree / "d").chmod(0o500)
    remove(str(tree / "link"))
    remove(str(tree))
    assert not tree.exists()
    assert (precious / "file").exists()
