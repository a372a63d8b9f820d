"""Strategies: documents, job files and deployment files that are wrong somewhere, made from the corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import corpus
import yaml
from hypothesis import strategies as st
from mutations import garbled, mutated, written


@st.composite
def wrong_documents(draw: Any) -> bytes:
    """A CWL document, changed as a tree or as a text."""
    return draw(_wrong(draw(st.sampled_from(corpus.documents())), corpus.documents()))


@st.composite
def wrong_jobs(draw: Any) -> bytes:
    """A job file, changed as a tree or as a text."""
    return draw(_wrong(draw(st.sampled_from(corpus.jobs())), corpus.jobs()))


@st.composite
def wrong_deployments(draw: Any) -> bytes:
    """A deployment file, changed as a tree or as a text."""
    text = draw(st.sampled_from(corpus.deployments()))
    if draw(st.booleans()):
        return draw(garbled(text.encode()))
    return written(draw(mutated(yaml.safe_load(text), [yaml.safe_load(each) for each in corpus.deployments()])))


@st.composite
def _wrong(draw: Any, path: Path, all_: tuple[Path, ...]) -> bytes:
    if draw(st.booleans()):
        return draw(garbled(path.read_bytes()))
    return written(draw(mutated(corpus.tree_of(path), [corpus.tree_of(draw(st.sampled_from(all_)))])))
