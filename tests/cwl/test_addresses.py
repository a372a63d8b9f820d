"""Names and addresses: whatever a file may be called passes through unharmed."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.cwl.addresses import basename_of, file_uri, name_of, path_uri, renamed, sibling, split_name
from hyflow.model.places import replica_of

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..")).map(os.fsdecode)


@given(NAMES, NAMES)
def test_any_name_passes_through_addresses(folder: str, name: str) -> None:
    uri = path_uri(file_uri(f"/{folder}"), name)
    assert uri == file_uri(f"/{folder}/{name}")
    assert uri.isascii() and not set(uri) & set(" \n\"'#?")
    replica = replica_of(uri)
    assert replica is not None and replica.path == f"{folder}/{name}"
    assert name_of(uri) == basename_of({"class": "File", "location": uri}) == name
    assert sibling(uri, "x y") == file_uri(f"/{folder}/x y")


@given(NAMES)
def test_root_and_extension_make_the_name(name: str) -> None:
    root, extension = split_name(name)
    assert root + extension == name
    assert split_name(name) == os.path.splitext(name)


@pytest.mark.parametrize(("name", "pattern", "expected"), [
    ("a.bam", ".bai", "a.bam.bai"), ("a.bam", "^.bai", "a.bai"), ("a.tar.gz", "^^.idx", "a.idx"), ("a", "^^.idx", "a.idx"),
    ("a.b", "", "a.b"), (".hidden", "^.x", ".hidden.x"), ("a.b", "^", "a"),
])
def test_names_of_secondary_files(name: str, pattern: str, expected: str) -> None:
    assert renamed(name, pattern) == expected


def test_a_directory_may_end_with_a_slash() -> None:
    assert name_of("file:///d/e/") == "e"
    assert path_uri("file:///d/e/", "x") == "file:///d/e/x"
    assert path_uri("site://hpc/d", ".") == "site://hpc/d"
    assert PurePosixPath(name_of("http://example.org/a/b.txt?query#part")).name == "b.txt"
