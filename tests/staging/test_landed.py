"""Copies are known again to whoever takes up the run: those that are still there, and no others."""

from __future__ import annotations

from pathlib import Path

from hyflow.model.places import HERE, Replica
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.landed import Landed

WEB = "https://example.org/data"


def copy(path: Path) -> Replica:
    return Replica(HERE, str(path).lstrip("/"))


async def test_what_is_still_there_is_known_again(tmp_path: Path) -> None:
    there, gone, odd = tmp_path / "there", tmp_path / "gone", tmp_path / "two words\n\udcff"
    there.write_text("x")
    odd.write_text("x")
    landed = Landed(tmp_path / "landed")
    landed.note({f"{WEB}/1": copy(there), f"{WEB}/2": copy(gone)})
    landed.note({f"{WEB}/3": copy(odd), f"{WEB}/4": Replica("far", "x")})
    catalog = Catalog()
    await Landed(tmp_path / "landed").restore(catalog, {HERE: HereFiles()})
    assert {uri: catalog.at(uri, HERE) for uri in (f"{WEB}/{n}" for n in (1, 2, 3))} == {
        f"{WEB}/1": copy(there), f"{WEB}/2": None, f"{WEB}/3": copy(odd),
    }  # fmt: skip
    assert not list(catalog.replicas(f"{WEB}/4"))


async def test_a_line_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    landed, catalog = Landed(tmp_path / "landed"), Catalog()
    landed.note({WEB: copy(tmp_path / "x")})
    with (tmp_path / "landed").open("ab") as file:
        file.write(b'["https://example.org/half",{"filesys')
    await landed.restore(catalog, {HERE: HereFiles()})
    assert catalog.at(WEB, HERE) == copy(tmp_path / "x")


async def test_nothing_has_landed(tmp_path: Path) -> None:
    catalog = Catalog()
    await Landed(tmp_path / "landed").restore(catalog, {HERE: HereFiles()})
    assert not list(catalog.replicas(WEB))
    Landed(tmp_path / "no" / "such").note({WEB: copy(tmp_path)})
