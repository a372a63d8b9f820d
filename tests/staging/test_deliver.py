"""Results where the user wants them: linked or copied, never over an input, never outside, never half."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unprivileged import unprivileged

from hyflow.errors import HyflowError, SiteError
from hyflow.model.places import HERE, Location, Replica
from hyflow.staging.catalog import Catalog
from hyflow.staging.deliver import Delivery
from hyflow.staging.destination import unwritable
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover
from hyflow.testing import HOSTILE

THIS = Location("", "", HERE, "/nowhere", {HERE: "/"})


class Desk:
    """A run with its own directory, a user's directory, and an output directory."""

    def __init__(self, top: Path) -> None:
        self.own, self.home, self.outdir = top / "own", top / "home", top / "outdir"
        self.own.mkdir()
        self.home.mkdir()

    def made(self, name: str, data: bytes = b"made", **more: Any) -> dict[str, Any]:
        return item(write(self.own / name, data), **more)

    def given(self, name: str, data: bytes = b"given", **more: Any) -> dict[str, Any]:
        return item(write(self.home / name, data), **more)

    def deliver(self, outputs: Any, inputs: Any = None, outdir: Path | None = None) -> Any:
        mover = Mover({HERE: HereFiles()}, {HERE: str(self.own / "data")}, Catalog())

        async def work() -> Any:
            async with asyncio.timeout(20):
                return await Delivery(outdir or self.outdir, self.own, mover, inputs).deliver(outputs, THIS)

        return asyncio.run(work())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def item(path: Path, **more: Any) -> dict[str, Any]:
    kind = "Directory" if path.is_dir() else "File"
    return {"class": kind, "location": Replica(HERE, str(path).lstrip("/")).uri, "basename": path.name, **more}


def tree(path: Path) -> dict[str, bytes | None]:
    return {str(child.relative_to(path)): None if child.is_dir() else child.read_bytes() for child in path.rglob("*")}


def test_a_file_gets_a_further_name_and_is_described(desk: Desk) -> None:
    assert desk.deliver({"a": desk.made("1/out/x"), "n": None, "list": [1, "two"]}) == {
        "a": {"class": "File", "location": f"file://{desk.outdir}/x", "path": f"{desk.outdir}/x", "basename": "x", "size": 4,
              "checksum": "sha1$" + hashlib.sha1(b"made", usedforsecurity=False).hexdigest()},
        "n": None, "list": [1, "two"],
    }  # fmt: skip
    assert tree(desk.outdir) == {"x": b"made"}
    assert (desk.own / "1/out/x").samefile(desk.outdir / "x")


def test_a_file_that_can_only_be_read_stays_so() -> None:
    with tempfile.TemporaryDirectory() as top, unprivileged(Path(top)):
        desk = Desk(Path(top))
        x = desk.made("1/out/x")
        (desk.own / "1/out/x").chmod(0o444)
        for _ in range(2):
            desk.deliver(x)
        assert (desk.outdir / "x").stat().st_mode & 0o777 == 0o444


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory of another file system, to which nothing can be linked."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir=shared) as path:
        yield Path(path)


def test_on_another_file_system_there_are_copies(desk: Desk, elsewhere: Path) -> None:
    desk.made("out/d/y")
    for _ in range(2):
        desk.deliver([desk.made("1/x"), item(desk.own / "out" / "d")], outdir=elsewhere)
        assert tree(elsewhere) == {"x": b"made", "d": None, "d/y": b"made"}
    assert tree(desk.own / "out") == {"d": None, "d/y": b"made"}


def test_what_only_leads_to_a_result_is_not_the_result(desk: Desk) -> None:
    """What it leads to is removed with the run; and what leads from the run to a file of the user's is no file of the run."""
    desk.outdir.mkdir()
    x = desk.made("1/x")
    (desk.outdir / "x").symlink_to(desk.own / "1/x")
    desk.given("d/z")
    (desk.own / "d").symlink_to(desk.home / "d")
    (desk.own / "y").symlink_to(desk.own / "1/x")
    desk.deliver([x, item(desk.own / "d" / "z"), item(desk.own / "y")])
    assert tree(desk.outdir) == {"x": b"made", "y": b"made", "z": b"given"}
    assert not [name for name in ("x", "y", "z") if (desk.outdir / name).is_symlink()]
    assert not (desk.outdir / "z").samefile(desk.home / "d/z")


def test_hostile_names_arrive(desk: Desk) -> None:
    outputs = desk.deliver([desk.made(f"{number}/{name}", os.fsencode(name)) for number, name in enumerate(HOSTILE)])
    assert tree(desk.outdir) == {name: os.fsencode(name) for name in HOSTILE}
    assert [out["basename"] for out in outputs] == list(HOSTILE)
    assert all(Path(out["path"]).exists() for out in outputs)


def test_a_name_that_is_taken_gets_a_number(desk: Desk) -> None:
    outputs = desk.deliver([desk.made(f"{number}/x.tar.gz", b"%d" % number) for number in range(3)])
    assert [out["basename"] for out in outputs] == ["x.tar.gz", "x.tar_2.gz", "x.tar_3.gz"]
    assert tree(desk.outdir) == {"x.tar.gz": b"0", "x.tar_2.gz": b"1", "x.tar_3.gz": b"2"}


def test_an_input_that_passes_through_is_copied(desk: Desk) -> None:
    x = desk.given("x")
    (desk.home / "x").chmod(0o4444)
    desk.deliver({"a": x}, {"in": x})
    assert (desk.home / "x").read_bytes() == (desk.outdir / "x").read_bytes() == b"given"
    assert (desk.outdir / "x").stat().st_mode & 0o7777 == 0o644


def test_the_same_data_twice(desk: Desk) -> None:
    x = desk.made("x")
    outputs = desk.deliver({"a": x, "b": [x, {**x, "basename": "y"}], "c": {"class": "Directory", "basename": "d", "listing": [x]}})
    assert outputs["a"] == outputs["b"][0]
    assert tree(desk.outdir) == {"x": b"made", "y": b"made", "d": None, "d/x": b"made"}


@pytest.mark.parametrize("first", ["file", "directory"])
def test_a_directory_and_a_file_in_it(desk: Desk, first: str) -> None:
    file = desk.made("out/d/x")
    directory = item(desk.own / "out" / "d")
    outputs = desk.deliver([file, directory] if first == "file" else [directory, file])
    assert tree(desk.outdir) == {"x": b"made", "d": None, "d/x": b"made"}
    assert {out["class"] for out in outputs} == {"File", "Directory"}


def test_a_directory_arrives_whole_whatever_it_lists(desk: Desk) -> None:
    inner = desk.made("out/d/e/x")
    directory = item(desk.own / "out" / "d", listing=[item(desk.own / "out" / "d" / "e", listing=[inner])])
    out = desk.deliver(directory)
    assert tree(desk.outdir) == {"d": None, "d/e": None, "d/e/x": b"made"}
    assert out["listing"][0]["listing"][0]["location"] == f"file://{desk.outdir}/d/e/x"
    assert (desk.own / "out" / "d" / "e" / "x").samefile(desk.outdir / "d" / "e" / "x")


def test_directories_keep_their_rights_but_can_be_filled(desk: Desk) -> None:
    desk.made("d/e/x")
    (desk.own / "d").chmod(0o750)
    (desk.own / "d/e").chmod(0o500)
    desk.deliver(item(desk.own / "d"))
    assert [(desk.outdir / name).stat().st_mode & 0o777 for name in ("d", "d/e")] == [0o750, 0o700]


def test_links_in_a_directory_become_what_they_lead_to(desk: Desk) -> None:
    desk.given("x")
    desk.made("out/d/y")
    (desk.own / "out" / "d" / "x").symlink_to(desk.home / "x")
    (desk.own / "out" / "d" / "loop").symlink_to(".")
    (desk.own / "out" / "d" / "itself").symlink_to("itself")
    os.mkfifo(desk.own / "out" / "d" / "fifo")
    (desk.own / "out" / "d" / "dangling").symlink_to("nowhere")
    desk.deliver(item(desk.own / "out" / "d"))
    assert tree(desk.outdir) == {"d": None, "d/x": b"given", "d/y": b"made", "d/loop": None}
    assert not (desk.outdir / "d" / "x").is_symlink()
    assert (desk.home / "x").exists()


def test_secondary_files_lie_beside(desk: Desk) -> None:
    out = desk.deliver(desk.made("1/x", secondaryFiles=[desk.made("1/x.i"), {"class": "Directory", "basename": "x.d", "listing": []}]))
    assert [other["basename"] for other in out["secondaryFiles"]] == ["x.i", "x.d"]
    assert tree(desk.outdir) == {"x": b"made", "x.i": b"made", "x.d": None}


def test_literals(desk: Desk) -> None:
    literal = {"class": "File", "basename": "t", "contents": "caf\udce9\n"}
    out = desk.deliver([literal, literal, {"class": "Directory", "basename": "d", "listing": [literal, desk.made("m")]}])
    assert tree(desk.outdir) == {"t": b"caf\xe9\n", "t_2": b"caf\xe9\n", "d": None, "d/t": b"caf\xe9\n", "d/m": b"made"}
    assert out[0]["size"] == 5 and "contents" not in out[0]


def test_what_is_there_is_replaced_but_not_through_links(desk: Desk) -> None:
    secret = write(desk.home / "secret", b"secret")
    desk.outdir.mkdir()
    (desk.outdir / "old").write_bytes(b"a much longer file than the new one")
    for name in ("moved", "copied", "literal"):
        (desk.outdir / name).symlink_to(secret)
    (desk.outdir / "dir").symlink_to(desk.home)
    literal = {"class": "File", "basename": "literal", "contents": "new"}
    desk.deliver([
        desk.made("old"), desk.made("moved"), desk.given("other/copied"), literal,
        {"class": "Directory", "basename": "dir", "listing": [{**literal, "basename": "secret"}]},
    ])  # fmt: skip
    assert tree(desk.outdir) == {
        "old": b"made", "moved": b"made", "copied": b"given", "literal": b"new", "dir": None, "dir/secret": b"new",
    }  # fmt: skip
    assert secret.read_bytes() == b"secret"
    assert not [path for path in desk.outdir.rglob("*") if path.is_symlink()]


def test_directories_merge_with_what_is_there(desk: Desk) -> None:
    write(desk.outdir / "d" / "old", b"old")
    write(desk.outdir / "d" / "x", b"old")
    desk.made("out/d/x")
    desk.deliver(item(desk.own / "out" / "d"))
    assert tree(desk.outdir) == {"d": None, "d/old": b"old", "d/x": b"made"}


@pytest.mark.parametrize("make", ["made", "given"])
def test_a_directory_in_a_file_s_place_is_said(desk: Desk, make: str) -> None:
    (desk.outdir / "x").mkdir(parents=True)
    with pytest.raises(SiteError, match="outdir/x: Is a directory"):
        desk.deliver(getattr(desk, make)("1/x"))
    assert tree(desk.outdir) == {"x": None}


def test_a_file_in_a_directory_s_place_is_said(desk: Desk) -> None:
    write(desk.outdir / "d", b"")
    desk.made("out/d/x")
    with pytest.raises(SiteError, match="outdir/d: "):
        desk.deliver(item(desk.own / "out" / "d"))


# -- inputs are safe -----------------------------------------------------------------------------------------------------------------


def test_an_input_is_not_written_over(desk: Desk) -> None:
    x = desk.given("x")
    out = desk.deliver(desk.made("x"), {"in": x}, outdir=desk.home)
    assert tree(desk.home) == {"x": b"given", "x_2": b"made"}
    assert out["basename"] == "x_2"


def test_an_input_that_passes_through_in_place_stays(desk: Desk) -> None:
    x = desk.given("x")
    out = desk.deliver({"a": x, "b": desk.made("x")}, {"in": x}, outdir=desk.home)
    assert (out["a"]["path"], out["b"]["path"]) == (f"{desk.home}/x", f"{desk.home}/x_2")
    assert tree(desk.home) == {"x": b"given", "x_2": b"made"}


def test_the_output_directory_is_an_input(desk: Desk) -> None:
    desk.given("x")
    home = item(desk.home)
    for _ in range(2):
        desk.deliver({"dir": home, "file": desk.made("y")}, {"in": home}, outdir=desk.home)
    assert tree(desk.home)["x"] == b"given"
    assert max(len(Path(name).parts) for name in tree(desk.home)) <= 3


def test_the_output_directory_lies_in_an_input(desk: Desk) -> None:
    desk.given("x")
    home = item(desk.home)
    for _ in range(2):
        desk.deliver({"dir": home, "file": desk.made("y")}, {"in": home}, outdir=desk.home / "results")
    assert (desk.home / "results" / "home" / "x").read_bytes() == b"given"
    assert tree(desk.home)["x"] == b"given"


def test_an_input_lies_where_a_directory_should_go(desk: Desk) -> None:
    x = desk.given("d/x")
    desk.made("out/d/x")
    out = desk.deliver(item(desk.own / "out" / "d"), {"in": [{"r": x}]}, outdir=desk.home)
    assert out["basename"] == "d_2"
    assert tree(desk.home) == {"d": None, "d/x": b"given", "d_2": None, "d_2/x": b"made"}


def test_the_run_s_directory_may_be_reached_through_a_link(desk: Desk, tmp_path: Path) -> None:
    x = desk.made("x")
    (tmp_path / "link").symlink_to(desk.own)
    desk.own = tmp_path / "link"
    desk.deliver(x)
    assert tree(desk.outdir) == {"x": b"made"}
    assert (desk.own / "x").samefile(desk.outdir / "x")


# -- what cannot be ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a/b", "..", ".", "/etc/evil", "a\0b", "\ud800"])
def test_names_that_are_none_are_refused(desk: Desk, name: str) -> None:
    for output in (desk.made("x", basename=name), {"class": "File", "basename": name, "contents": ""}):
        with pytest.raises(HyflowError, match="cannot be a file name"):
            desk.deliver(output)
    assert tree(desk.outdir) == {}


def test_contents_that_are_no_text_are_refused(desk: Desk) -> None:
    with pytest.raises(HyflowError, match="no text"):
        desk.deliver({"class": "File", "basename": "x", "contents": "\ud800"})


def test_a_name_that_is_too_long_is_said(desk: Desk) -> None:
    with pytest.raises(SiteError, match="name is too long"):
        desk.deliver({"class": "File", "basename": "x" * 300, "contents": ""})


def test_what_is_missing_is_said(desk: Desk) -> None:
    x = desk.made("x")
    (desk.own / "x").unlink()
    with pytest.raises(SiteError, match="own/x"):
        desk.deliver(x)


def test_unwritable(tmp_path: Path) -> None:
    file = write(tmp_path / "file", b"")
    assert unwritable(tmp_path / "a" / "b") is None
    assert unwritable(file) == unwritable(file / "x" / "y") == f"{file} is not a directory"
