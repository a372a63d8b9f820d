"""Reads CWL documents with cwltool: resolves, validates and updates them, and notes every document that was read.

The only module that talks to cwltool. It is imported when a document is not in the cache, as cwltool takes its time.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import yaml
from cwltool.context import LoadingContext
from cwltool.errors import WorkflowException
from cwltool.load_tool import load_tool
from cwltool.process import Process, custom_schemas, use_custom_schema
from cwltool.update import INTERNAL_VERSION, ORIGINAL_CWLVERSION
from cwltool.workflow import default_make_tool
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from schema_salad.exceptions import SchemaSaladException, ValidationException
from schema_salad.fetcher import DefaultFetcher

from hyflow.cwl import schemas
from hyflow.cwl.complaints import readable, workflow_error
from hyflow.cwl.embedded import each_tool_once
from hyflow.errors import WorkflowError

MOST_NODES = 2_000_000
"""How many nodes a document may have once its aliases are expanded."""


def open_process(uri: str, overrides: Sequence[Mapping[str, Any]], cache: Path | None = None) -> tuple[Process, dict[str, str]]:
    """The process at `uri` with everything that it refers to, and the text of each document read, by address.

    `overrides` are requirements put upon the process from outside, `cache` is a directory for what cwltool knows. Raises WorkflowError,
    UnsupportedRequirement.
    """
    texts: dict[str, str] = {}
    context = _context(uri, overrides, texts)
    _accept_extensions()
    schemas.prepare(cache, *schemas.needed(uri))
    try:
        with _silence(), each_tool_once():
            return load_tool(uri, context), texts
    except RecursionError as error:
        raise WorkflowError("the document is nested too deeply", where=readable(uri)) from error
    except (SchemaSaladException, WorkflowException, YAMLError, ValueError, UnicodeError) as error:
        raise workflow_error(error, uri, texts) from error
    except (LookupError, TypeError, AttributeError, AssertionError, StopIteration) as error:  # how cwltool fails on what it did not foresee
        raise workflow_error(ValueError(f"the document cannot be understood: {error!r}"), uri, texts) from error


def _accept_extensions() -> None:
    """Let documents of v1.0 say under `requirements` what was an extension of cwltool then and came with v1.1."""
    if "v1.0" not in custom_schemas:
        use_custom_schema("v1.0", "http://commonwl.org/cwltool", files("cwltool").joinpath("extensions.yml").read_text(encoding="utf-8"))


def _context(uri: str, overrides: Sequence[Mapping[str, Any]], texts: dict[str, str]) -> LoadingContext:
    """How cwltool is to load: strictly, without checking JavaScript by a linter, without a cache of its own."""
    remote = not uri.startswith("file:")
    context = LoadingContext({
        "construct_tool_object": _maker(),
        "disable_js_validation": True,
        "doc_cache": False,
        "fetcher_constructor": lambda cache, session: _Recorder(cache, session, texts, remote),
    })
    if overrides:
        context.overrides_list = [{"overrideTarget": uri, "requirements": [dict(entry) for entry in overrides]}]
    return context


def _maker() -> Callable[[Any, LoadingContext], Process]:
    """cwltool's own way to make a process of an object, but one that notices a process inside itself."""
    inside: list[str] = []

    written: dict[str, str] = {}

    def make(document: Any, context: LoadingContext) -> Process:
        name = str(document.get("id") or "")
        if name and name in inside:
            raise WorkflowException(f"a process runs itself: {' runs '.join(map(readable, [*inside[inside.index(name):], name]))}")
        inside.append(name)
        try:
            return default_make_tool(document, _with_version(document, context, written))
        finally:
            inside.pop()

    return make


def _with_version(process: Mapping[str, Any], context: LoadingContext, written: dict[str, str]) -> LoadingContext:
    """`context` with the version that the process's document was written in, for all that stands in it.

    cwltool, when it meets a document again, only knows what it updated that to. `written` are the versions by document.
    """
    metadata: Mapping[str, Any] = context.metadata or {}
    document, version = urldefrag(str(process.get("id") or ""))[0], str(metadata.get(ORIGINAL_CWLVERSION))
    if version != INTERNAL_VERSION:
        written.setdefault(document, version)
    elif document in written:
        context = context.copy()
        context.metadata = CommentedMap({**metadata, ORIGINAL_CWLVERSION: written[document]})
    return context


class _Recorder(DefaultFetcher):
    """Reads documents, and remembers what it read. What came from afar may not name files of this machine."""

    def __init__(self, cache: Any, session: Any, texts: dict[str, str], remote: bool) -> None:
        super().__init__(cache, session)
        self._texts, self._remote = texts, remote

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        if self._remote and url.startswith("file:"):
            raise ValidationException(f"a remote document may not name the local file {readable(url)}")
        text = super().fetch_text(url, content_types)
        if not text.strip():
            raise ValidationException(f"{readable(url)} is empty")
        if url not in self._texts:
            _bounded(url, text)
            self._texts[url] = text
        return text


_ALIASES = re.compile(r"(?:^|[\s\[,{:-])\*[^\s,\[\]{}]", re.MULTILINE)


def _bounded(url: str, text: str) -> None:
    """Raise ValidationException where aliases would make a small document huge."""
    if len(_ALIASES.findall(text, 0, 1 << 20)) < 8:
        return
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return
    if root is not None and _expanded(root, {}) > MOST_NODES:
        raise ValidationException(f"{readable(url)}: its aliases expand to more than {MOST_NODES:,} nodes")


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are below, each counted as often as it is referred to."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = MOST_NODES + 1  # a node inside itself has no end
        items = node.value if isinstance(node.value, list) else []
        below = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
        size = known[id(node)] = 1 + sum(_expanded(part, known) for part in below)
    return size


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing of what cwltool and its friends would say reaches the user; their errors are raised."""
    loggers = [logging.getLogger(name) for name in ("cwltool", "salad", "rdflib", "rdflib.term", "cachecontrol", "urllib3")]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
