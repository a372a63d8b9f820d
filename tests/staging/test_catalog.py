"""Who has what, what must move, and names for copies."""

import os
import posixpath
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.model.places import HERE, Location, Replica
from hyflow.staging.catalog import Catalog
from hyflow.staging.plan import Plan, file_name, nearest, plan

BOX = Location("box", "", HERE, "/work", {HERE: "/"})
FAR = Location("far", "", "far", "/work", {"far": "/mnt", "scratch": "/scratch"})


def test_data_lies_where_it_was_born() -> None:
    catalog = Catalog()
    assert catalog.at("file:///a/b%20c", HERE) == Replica(HERE, "a/b c")
    assert catalog.at("site://far/a", "far") == Replica("far", "a")
    assert catalog.at("site://far/a", HERE) is None
    assert list(catalog.replicas("http://x/y")) == []


def test_copies_are_beside_the_original() -> None:
    catalog = Catalog()
    catalog.add("site://far/a", Replica(HERE, "copy"))
    assert list(catalog.replicas("site://far/a")) == [Replica("far", "a"), Replica(HERE, "copy")]
    assert catalog.at("site://far/a", HERE) == nearest("site://far/a", catalog) == Replica(HERE, "copy")
    assert nearest("site://other/a", catalog) == Replica("other", "a")
    assert nearest("http://x/y", catalog) is None


def test_a_plan_tells_what_is_there_and_where_the_rest_comes_from() -> None:
    catalog = Catalog()
    catalog.add("file:///c", Replica("scratch", "c/0"))
    uris = ["site://far/a", "file:///b", "file:///c", "http://w/d", "file:///b"]
    assert plan(uris, FAR, catalog) == Plan(
        {"site://far/a": "/mnt/a", "file:///c": "/scratch/c/0"}, {"file:///b": Replica(HERE, "b"), "http://w/d": None}
    )
    assert plan(uris, BOX, catalog).present == {"file:///b": "/b", "file:///c": "/c"}


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://h/a/b.txt?x=/y", "b.txt"), ("http://h/", "data"), ("http://h/a%2fb", "a_b"), ("http://h/..", "data"),
        ("http://h/%00", "_"), ("site://far/d/", "d"), ("file:///caf%E9", "caf\udce9"),
    ],
)  # fmt: skip
def test_file_names(uri: str, name: str) -> None:
    assert file_name(uri) == name


@given(st.text())
def test_any_address_gives_a_possible_file_name(text: str) -> None:
    name = file_name("http://host/" + quote(text, errors="surrogatepass", safe="/%"))
    assert name not in ("", ".", "..")
    assert not {"/", "\0"} & {*name}
    assert len(os.fsencode(name)) <= 255
    assert posixpath.basename(name) == name
