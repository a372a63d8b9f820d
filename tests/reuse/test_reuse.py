"""What makes two jobs the same: every danger of a wrong reuse changes the key; what is no difference does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow.reuse import Bare, Contained, Identity, Nature, canonical, differences, identity, wanted

FILE = "file:///d/a.txt"
OTHER = "file:///e/b.txt"
FOLDER = "file:///d/dir"
DIGESTS = {FILE: "1" * 64, OTHER: "2" * 64, FOLDER: "3" * 64, "file:///d/a.txt.idx": "4" * 64, "file:///d/a.txt.sub": "5" * 64}
IMAGE = Contained("sha256:1")
HERE = Bare({"site": "local", "prologue": None}, [], "/usr/bin", "abc")


def file(location: str = FILE, **more: Any) -> dict[str, Any]:
    return {"class": "File", "location": location, "basename": "a.txt", "size": 5, **more}


def folder(location: str = FOLDER, **more: Any) -> dict[str, Any]:
    return {"class": "Directory", "location": location, "basename": "dir", **more}


def made(value: Any = None, document: Any = None, digests: Mapping[str, str] = DIGESTS, within: Contained | Bare = IMAGE,
         runtime: Any = None, defaults: Mapping[str, Any] | None = None, looks: frozenset[str] = frozenset()) -> Identity:
    nature = Nature(document or {"baseCommand": "c"}, defaults or {}, looks)
    inputs = {"x": value}
    assert set(wanted(nature, inputs)) <= digests.keys()
    needed = {uri: digests[uri] for uri in wanted(nature, inputs)}  # nothing else is looked at
    return identity(nature, inputs, needed, within, runtime)


def test_a_key_is_what_it_was() -> None:
    """A key of another version of hyflow finds its results again: whoever changes this raises FORMAT."""
    assert made(file()).key == "1e6aac1ce4ce63aad12e6ca08f7eac477bb90d67350b3c8d0d1c7d092cb92242"
    assert list(made(file(), within=HERE, runtime={"cores": 1}).parts) == [
        "tool", "input x", "site", "modules", "path", "executable", "runtime"]


@pytest.mark.parametrize(("one", "other", "words"), [
    ({"value": file()}, {"value": file(), "digests": {**DIGESTS, FILE: "9" * 64}}, "the input x"),
    ({"value": file(checksum="sha1$1")}, {"value": file(checksum="sha1$1"), "digests": {**DIGESTS, FILE: "9" * 64}}, "the input x"),
    ({"value": file(basename="other")}, {"value": file()}, "the input x"),
    ({"value": file(format="f")}, {"value": file()}, "the input x"),
    ({"value": file(contents="text")}, {"value": file(contents="tex")}, "the input x"),
    ({"value": 1}, {"value": 2}, "the input x"),
    ({"value": 1}, {"value": 1.0}, "the input x"),
    ({"value": 1}, {"value": True}, "the input x"),
    ({"value": ["ab"]}, {"value": ["a", "b"]}, "the input x"),
    ({"document": {"baseCommand": "c"}}, {"document": {"baseCommand": "d"}}, "the tool"),
    ({"within": IMAGE}, {"within": Contained("sha256:2")}, "the container image"),
    ({"within": IMAGE}, {"within": Contained("sha256:1", ("-v", "/a:/a"))}, "the options of its container"),
    ({"within": HERE}, {"within": Bare("far", [], "/usr/bin", "abc")}, "the site"),
    ({"within": HERE}, {"within": Bare(HERE.site, ["m/1"], "/usr/bin", "abc")}, "the environment modules"),
    ({"within": HERE}, {"within": Bare(HERE.site, [], "/bin", "abc")}, "the PATH"),
    ({"within": HERE}, {"within": Bare(HERE.site, [], "/usr/bin", "abd")}, "the executable"),
    ({"within": HERE}, {"within": Bare(HERE.site, [], "/usr/bin", "abc", {"partition": "gpu"})}, "the options of its binding"),
    ({"within": Bare(HERE.site, [], "/usr/bin", "abc", {"x": 1})}, {"within": Bare(HERE.site, [], "/usr/bin", "abc", {"x": 2})},
     "the options of its binding"),
    ({"runtime": {"cores": 1}}, {"runtime": {"cores": 2}}, "the resources that it reads"),
])
def test_what_is_a_difference(one: dict[str, Any], other: dict[str, Any], words: str) -> None:
    assert made(**one).key != made(**other).key
    assert differences(made(**one), made(**other)) == (words,)


def test_a_container_and_none_differ_in_that_alone() -> None:
    assert differences(made(file(), within=IMAGE), made(1, within=HERE)) == ("whether it runs in a container", "the input x")


def test_inputs_that_one_has_and_the_other_has_not() -> None:
    nature = Nature({"baseCommand": "c"})
    one, other = (identity(nature, inputs, {}, IMAGE) for inputs in ({"a": 1, "b": 1}, {"a": 1, "c": 1}))
    assert differences(one, other) == ("the input b", "the input c")
    assert differences(one, one) == ()


def test_where_a_file_lies_is_no_difference() -> None:
    """Nor is a checksum that somebody wrote down: it proves nothing."""
    same = {**DIGESTS, OTHER: DIGESTS[FILE]}
    moved = {**file(OTHER), "checksum": "sha1$forged", "path": "/p", "dirname": "/", "nameroot": "a", "nameext": ".txt"}
    assert made(file()) == made(moved, digests=same)


@pytest.mark.parametrize("word", ["location", "checksum"])
def test_what_an_expression_looks_at_counts(word: str) -> None:
    same = {**DIGESTS, OTHER: DIGESTS[FILE]}
    one, other = file(FILE, checksum="sha1$1"), file(OTHER, checksum="sha1$2")
    assert made(one, digests=same) == made(other, digests=same)
    assert made(one, digests=same, looks=frozenset({word})) != made(other, digests=same, looks=frozenset({word}))


def test_data_in_records_lists_and_fields() -> None:
    changed = {**DIGESTS, FILE: "9" * 64}
    for value in ([file()], {"a": {"b": [file()]}}, file(OTHER, odd={"deep": file()}), folder(secondaryFiles=[file()])):
        assert made(value).key != made(value, digests=changed).key


def test_secondary_files() -> None:
    index = file(FILE + ".idx", basename="a.txt.idx", secondaryFiles=[file(FILE + ".sub", basename="a.txt.sub")])
    value = file(secondaryFiles=[index, folder()])
    keys = {made(value, digests={**DIGESTS, uri: "9" * 64}).key for uri in wanted(Nature({}), {"x": value})}
    assert len({*keys, made(value).key}) == 5
    assert made(file(secondaryFiles=[folder(), index])).key != made(value).key
    assert made(file(secondaryFiles=[])).key != made(file()).key


def test_a_directory_is_its_tree() -> None:
    listing = [file(FOLDER + "/a%20b", basename="a b"), folder(FOLDER + "/c", listing=[file(FOLDER + "/c/d", basename="d")])]
    value = folder(listing=listing)
    assert wanted(Nature({}), {"x": value}) == (FOLDER,)
    assert made(value).key != made(value, digests={**DIGESTS, FOLDER: "9" * 64}).key
    moved = json.loads(json.dumps(value).replace(FOLDER, "file:///z"))
    assert made(moved, digests={"file:///z": DIGESTS[FOLDER]}) == made(value)
    assert made(folder(listing=listing[:1])).key != made(value).key != made(folder()).key


@pytest.mark.parametrize("location", [FILE, FOLDER + "/../a.txt", FOLDER + "/%2e%2e/a.txt", FOLDER + "x/a", FOLDER])
def test_what_only_seems_to_lie_in_a_directory_counts_by_itself(location: str) -> None:
    value = folder(listing=[file(location)])
    assert set(wanted(Nature({}), {"x": value})) == {FOLDER, location}
    before, after = ({**DIGESTS, location: digest} for digest in ("7" * 64, "8" * 64))
    assert made(value, digests=before).key != made(value, digests=after).key


def test_literals() -> None:
    text = {"class": "File", "basename": "n", "contents": "text"}
    assert made(text).key != made({**text, "contents": "other"}).key
    literal = {"class": "Directory", "basename": "n", "listing": [file()]}
    assert made(literal).key != made(literal, digests={**DIGESTS, FILE: "9" * 64}).key
    assert made(literal).key != made({**literal, "listing": []}).key


def test_files_that_the_tool_names() -> None:
    document = {"requirements": {"InitialWorkDirRequirement": {"listing": [{"entry": file()}]}}}
    assert wanted(Nature(document), {}) == (FILE,)
    assert differences(made(document=document), made(document=document, digests={**DIGESTS, FILE: "9" * 64})) == ("the tool",)


def test_a_default_counts_where_nothing_else_is_given() -> None:
    nature = Nature({"baseCommand": "c"}, {"x": file()})
    assert wanted(nature, {"x": 1}) == ()
    assert wanted(nature, {"x": None}) == wanted(nature, {}) == (FILE,)
    assert made(None, defaults={"x": file()}) == made(file())
    assert made(1, defaults={"x": file()}) == made(1, defaults={"x": 2})


def test_without_a_digest_there_is_no_identity() -> None:
    with pytest.raises(KeyError, match=r"a\.txt"):
        identity(Nature({}), {"x": file()}, {}, IMAGE)


def test_what_is_no_address_counts() -> None:
    odd = {"class": "File", "location": {"x": 1}, "basename": "a"}
    assert len({made(odd).key, made({**odd, "location": {"x": 2}}).key, made({**odd, "location": None}).key}) == 3


def test_names_that_are_no_text() -> None:
    names = ["a\udcff", "a\udcfe", "\ud83d\ude00", "\U0001f600", "a\0b", "\\udcff"]
    assert len({made(file(basename=name)).key for name in names}) == len(names)


texts = st.text("ab\"\\u:,0é\0\ud83d\ude00\udcff\U0001f600", max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
    | st.sampled_from(["\ud83d\ude00", "\U0001f600", "File", '"', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same to JSON: 1, 1.0 and True are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return repr(one) == repr(other)


@settings(deadline=None)
@given(values, values)
def test_two_values_have_one_text_only_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == alike(one, other)


@settings(deadline=None)
@given(values)
def test_the_order_of_keys_does_not_matter(value: Any) -> None:
    def turned(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: turned(item[key]) for key in reversed(item)}
        return [turned(inner) for inner in item] if isinstance(item, list) else item

    assert canonical(turned(value)) == canonical(value)


@settings(deadline=None)
@given(values, values)
def test_two_inputs_have_one_key_only_if_they_are_the_same(one: Any, other: Any) -> None:
    nature = Nature({"baseCommand": "c"})
    same = identity(nature, {"x": one}, {}, IMAGE).key == identity(nature, {"x": other}, {}, IMAGE).key
    assert same == alike(one, other)


addresses = st.sampled_from([f"file:///{name}" for name in ("a", "b", "d", "d/", "d/x", "d/x/y", "d/../a", "d/%2e%2e/a", "dd", "")])
plain_fields = st.dictionaries(st.sampled_from(["basename", "size", "format", "contents", "checksum", "path", "odd"]),
                               st.integers(0, 2) | st.sampled_from(["", "x"]), max_size=3)
data: st.SearchStrategy[Any] = st.deferred(lambda: st.builds(
    lambda kind, location, fields, parts: {"class": kind, **({} if location is None else {"location": location}), **fields, **parts},
    st.sampled_from(["File", "Directory"]), st.none() | addresses, plain_fields,
    st.dictionaries(st.sampled_from(["secondaryFiles", "listing", "odd"]), st.lists(data | st.just(1), max_size=2), max_size=2)))
anything = data | st.lists(data, max_size=2) | st.dictionaries(
    st.sampled_from(["class", "location", "x"]), data | st.just("File"), max_size=2)


class Watched(dict[str, str]):
    """Digests that know which of them were looked at."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        super().__init__(digests)
        self.looked: set[str] = set()

    def __getitem__(self, uri: str) -> str:
        self.looked.add(uri)
        return super().__getitem__(uri)


@settings(deadline=None)
@given(anything, anything)
def test_what_is_wanted_is_what_counts(value: Any, document: Any) -> None:
    nature = Nature({"in": document})
    uris = wanted(nature, {"x": value})
    digests = Watched({uri: uri for uri in uris})
    key = identity(nature, {"x": value}, digests, IMAGE).key
    assert digests.looked == set(uris)
    for uri in uris:
        assert identity(nature, {"x": value}, {**digests, uri: "another"}, IMAGE).key != key
