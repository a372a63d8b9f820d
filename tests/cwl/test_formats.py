"""Formats: matching against ontologies, as cwltool does it."""

from __future__ import annotations

from typing import Any

import pytest
from cwl_utils.file_formats import formatSubclassOf
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import OWL, RDFS, BNode, Graph, URIRef

from hyflow.cwl.formats import extract, formats_match

NAMES = [f"http://edamontology.org/format_{n}" for n in range(6)]


def graph_of(narrower: list[tuple[int, int]], same: list[tuple[int, int]]) -> Graph:
    graph = Graph()
    for one, other in narrower:
        graph.add((URIRef(NAMES[one]), RDFS.subClassOf, URIRef(NAMES[other])))
    for one, other in same:
        graph.add((URIRef(NAMES[one]), OWL.equivalentClass, URIRef(NAMES[other])))
    return graph


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(PAIRS, PAIRS)
def test_matching_is_cwltools(narrower: list[tuple[int, int]], same: list[tuple[int, int]]) -> None:
    graph = graph_of(narrower, same)
    plain = extract(graph)
    for actual in NAMES[:3]:
        for wanted in NAMES:
            assert formats_match(actual, wanted, plain) == formatSubclassOf(actual, wanted, graph, set())


def test_what_is_kept_is_plain_and_sorted() -> None:
    graph = graph_of([(1, 0)], [(2, 1)])
    graph.add((URIRef(NAMES[3]), RDFS.subClassOf, BNode()))
    pairs: Any = extract(graph)
    assert pairs == [[NAMES[1], NAMES[0]], [NAMES[1], NAMES[2]], [NAMES[2], NAMES[1]]]
    assert {type(name) for pair in pairs for name in pair} == {str}


@pytest.mark.parametrize(("actual", "allowed", "answer"), [
    ("a", "a", True), ("a", ["b", "a"], True), ("a", [], False), ("a", ["b"], False), ("b", "a", True),
    ("c", ["x", "a"], True), ("a", "c", False),
])
def test_matching(actual: str, allowed: str | list[str], answer: bool) -> None:
    assert formats_match(actual, allowed, [["b", "a"], ["c", "b"]]) is answer


def test_without_an_ontology_only_the_same_format_matches() -> None:
    assert formats_match("a", ["a"])
    assert not formats_match("a", ["b"], [])
