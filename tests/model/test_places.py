"""Addresses and paths: what lies where."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hyflow.model.places import HERE, Location, Replica, replica_of

PATHS = st.lists(
    st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name), min_size=1, max_size=4
).map(lambda parts: b"/".join(parts).decode("utf-8", "surrogateescape"))


@given(PATHS, st.sampled_from([HERE, "box", "a.b-c_d"]))
def test_an_address_names_its_replica_whatever_the_path(path: str, filesystem: str) -> None:
    replica = Replica(filesystem, path)
    assert replica.uri.isascii()
    assert replica_of(replica.uri) == replica


def test_addresses_read_as_people_write_them() -> None:
    assert Replica(HERE, "a b/c").uri == "file:///a%20b/c"
    assert Replica("hpc", "project/x").uri == "site://hpc/project/x"
    assert replica_of("file:///a%20b/c#d?e") == Replica(HERE, "a b/c#d?e")
    assert replica_of("https://example.org/x") is None
    assert replica_of("http://[abc/x") is None


def test_a_path_belongs_to_the_deepest_mount_that_holds_it() -> None:
    place = Location("hpc", "cpu", "scratch", "/scratch/ada", {"root": "/", "scratch": "/scratch"})
    assert place.replica("/scratch/ada/x") == Replica("scratch", "ada/x")
    assert place.replica("/home/x") == Replica("root", "home/x")
    assert place.path(Replica("scratch", "ada/x")) == "/scratch/ada/x"
    assert place.path(Replica("elsewhere", "x")) is None
    assert [str(place), str(Location("box", "", "f", "/w", {}))] == ["hpc/cpu", "box"]
