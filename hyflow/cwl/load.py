"""From the name of a CWL document to a `Program`, through the cache where the document has not changed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hyflow.cwl import cache as kept
from hyflow.cwl.addresses import beside, shown
from hyflow.errors import UsageError, WorkflowError
from hyflow.model.workflow import Program

_PLACED = re.compile(r"^(\S.*?)(:\d+:\d+: )")
_SCHEMES = ("file:", "http:", "https:")


def load(document: str, *, cache: Path | None, overrides: Sequence[Mapping[str, Any]] = ()) -> Program:
    """The program of a CWL document: a path or an address, with #FRAGMENT for one process of several.

    `cache` is a directory for compiled programs (made 0700, None: no cache), `overrides` are requirements that the job file
    puts upon the process (`cwl:requirements`). Raises WorkflowError with every error of the document, and
    UnsupportedRequirement where it asks for what cannot be given.
    """
    uri = address(document)
    found = None if cache is None else kept.lookup(cache, uri, overrides)
    if found is not None:
        return _relative(found)
    from hyflow.cwl import compile, documents  # cwltool takes half a second to import: only when it is needed

    process, texts = documents.open_process(uri, overrides, cache)
    program = compile.program(process, uri, texts)
    if overrides and program.processes["start:/"]["version"] == "v1.0":
        raise WorkflowError("a job file cannot set requirements (cwl:requirements) of a CWL v1.0 document", where=document,
                            hint="they came with v1.1")
    if cache is not None:
        kept.store(cache, uri, overrides, texts, program)
    return _relative(program)


def _relative(program: Program) -> Program:
    """The program with the places of its warnings as they are called from here."""
    if not program.warnings:
        return program
    told = tuple(_PLACED.sub(lambda found: shown(found[1]) + found[2], warning) for warning in program.warnings)
    return replace(program, warnings=told)


def address(document: str) -> str:
    """The address of a document that is named by a path or an address. Raises UsageError when there is no such file."""
    if document.startswith(_SCHEMES):
        return document
    path, fragment = document, ""
    if not os.path.lexists(path) and "#" in document:
        path, _, fragment = document.rpartition("#")
    if not os.path.lexists(path):
        raise UsageError("there is no such document", where=document, hint=beside(Path(path)))
    uri = "file://" + quote(os.fsencode(os.path.abspath(path)))
    return f"{uri}#{fragment}" if fragment else uri
