"""Reads CWL documents with cwltool: resolves, validates and updates them, and notes every document that was read.

The only module that talks to cwltool. It is imported when a document is not in the cache, as cwltool takes its time.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

from cwltool.context import LoadingContext
from cwltool.errors import WorkflowException
from cwltool.load_tool import load_tool
from cwltool.process import Process, custom_schemas, supportedProcessRequirements, use_custom_schema
from cwltool.update import INTERNAL_VERSION, ORIGINAL_CWLVERSION
from cwltool.workflow import default_make_tool
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from schema_salad.exceptions import SchemaSaladException

from hyflow.cwl import schemas
from hyflow.cwl.addresses import shown
from hyflow.cwl.complaints import workflow_error
from hyflow.cwl.embedded import each_tool_once
from hyflow.cwl.fetching import Fetched, Fetcher
from hyflow.cwl.survey import mistakes
from hyflow.errors import UnsupportedRequirement, WorkflowError

_NOT_UNDERSTOOD = "the document cannot be understood: somewhere in it stands something else than CWL has there"
_CWLTOOL = "http://commonwl.org/cwltool"


def open_process(uri: str, overrides: Sequence[Mapping[str, Any]], cache: Path | None = None) -> tuple[Process, dict[str, str]]:
    """The process at `uri` with everything that it refers to, and the text of each document read, by address.

    `overrides` are requirements put upon the process from outside, `cache` is a directory for what cwltool knows. Raises WorkflowError,
    UnsupportedRequirement.
    """
    fetched = Fetched(remote=not uri.startswith("file:"))
    context = _context(uri, overrides, fetched)
    _accept_extensions()
    schemas.prepare(cache, *schemas.needed(uri))
    try:
        with _silence(), each_tool_once():
            return load_tool(uri, context), fetched.texts
    except RecursionError as error:
        raise _told(uri, fetched) or WorkflowError("the document is nested too deeply", where=shown(uri)) from error
    except (SchemaSaladException, WorkflowException, YAMLError, ValueError, UnicodeError, WorkflowError) as error:
        raise _told(uri, fetched) or workflow_error(error, uri) from error
    except Exception as error:  # how cwltool fails on what it did not foresee
        raise _told(uri, fetched) or workflow_error(ValueError(_NOT_UNDERSTOOD), uri) from error


def _told(uri: str, fetched: Fetched) -> WorkflowError | None:
    """All mistakes that can be seen in the documents as they were written; None when there are none."""
    found = mistakes(uri, fetched.text)
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    return UnsupportedRequirement(found) if all(isinstance(each, UnsupportedRequirement) for each in found) else WorkflowError(found)


def _accept_extensions() -> None:
    """Let documents say under `requirements` what was an extension of cwltool in v1.0 and came with v1.1, and what still is one; and
    the one requirement of the standard that cwltool takes as a hint alone."""
    if "SoftwareRequirement" not in supportedProcessRequirements:
        supportedProcessRequirements.append("SoftwareRequirement")
    if "v1.0" in custom_schemas:
        return
    use_custom_schema("v1.0", _CWLTOOL, files("cwltool").joinpath("extensions.yml").read_text(encoding="utf-8"))
    for version in ("v1.1", "v1.2"):
        use_custom_schema(version, _CWLTOOL, Path(__file__).with_name("extensions.yml").read_text(encoding="utf-8"))


def _context(uri: str, overrides: Sequence[Mapping[str, Any]], fetched: Fetched) -> LoadingContext:
    """How cwltool is to load: strictly, without checking JavaScript by a linter, without a cache of its own."""
    context = LoadingContext({
        "construct_tool_object": _maker(),
        "disable_js_validation": True,
        "doc_cache": False,
        "fetcher_constructor": lambda cache, session: Fetcher(cache, session, fetched),
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
            raise WorkflowException(f"a process runs itself: {' runs '.join(map(shown, [*inside[inside.index(name):], name]))}")
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
