"""Whether a file's `format` is one that a parameter takes (CWL v1.2, CommandLineTool, section 5.1.1, `format`).

Ontologies come from `$schemas`; what counts of them is kept as plain pairs, so that a compiled document needs no RDF library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Ontology: TypeAlias = Sequence[Sequence[str]]
"""Pairs [format, broader format]; formats that are equivalent stand in both orders."""

_SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_EQUIVALENT = "http://www.w3.org/2002/07/owl#equivalentClass"


def extract(graph: Any) -> list[list[str]]:
    """The ontology of an rdflib graph, sorted. Classes without a name of their own say nothing of formats."""
    from rdflib import URIRef

    pairs = set()
    for narrow, broad in graph.subject_objects(URIRef(_SUBCLASS)):
        pairs.add((narrow, broad))
    for one, other in graph.subject_objects(URIRef(_EQUIVALENT)):
        pairs |= {(one, other), (other, one)}
    return sorted([str(narrow), str(broad)] for narrow, broad in pairs if isinstance(narrow, URIRef) and isinstance(broad, URIRef))


def formats_match(actual: str, allowed: str | Sequence[str], ontology: Ontology = ()) -> bool:
    """Whether `actual` is one of `allowed`, or narrower than or equivalent to one of them. All are absolute addresses."""
    wanted = {allowed} if isinstance(allowed, str) else set(allowed)
    if actual in wanted:
        return True
    broader: dict[str, list[str]] = {}
    for narrow, broad in ontology:
        broader.setdefault(narrow, []).append(broad)
    seen, open_ = {actual}, [actual]
    while open_:
        new = [broad for broad in broader.get(open_.pop(), ()) if broad not in seen]
        if not wanted.isdisjoint(new):
            return True
        seen.update(new)
        open_.extend(new)
    return False
