"""The schemas of CWL as cwltool has read them, on disk: to read one from its sources takes half a second.

Pickles, like the compiled modules of Python: in a directory that only its owner can change, or not at all. Whatever cannot be
used is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import secrets
import stat
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cwltool import process
from cwltool.update import INTERNAL_VERSION
from schema_salad.ref_resolver import Loader

from hyflow import __version__

_VERSION = re.compile(r"""cwlVersion["']?\s*:\s*["']?(v1\.[0-2])\b""")
_GLANCE = 1 << 20
_PARTS = {"ctx", "graph", "cache", "names", "types"}
_TYPES = {
    # cwltool takes them from v1.0 for documents of every version, and reads it for that; those of the others allow the same.
    "SCHEMA_ANY": "https://w3id.org/cwl/salad#Any",
    "SCHEMA_FILE": "https://w3id.org/cwl/cwl#File",
    "SCHEMA_DIR": "https://w3id.org/cwl/cwl#Directory",
}


def needed(uri: str) -> tuple[str, ...]:
    """The versions that cwltool is going to ask for when it reads a document: its own, and for the tools of steps the one to which
    cwltool updates everything. None where that cannot be told beforehand; cwltool then reads what it needs itself."""
    if not uri.startswith("file:"):
        return ()
    try:
        with open(unquote(urlsplit(uri).path), encoding="utf-8") as file:
            text = file.read(_GLANCE)
    except (OSError, UnicodeError):
        return ()
    found = _VERSION.search(text)
    if found is None:
        return ()
    return (found[1], INTERNAL_VERSION) if "Workflow" in text else (found[1],)


def prepare(cache: Path | None, *versions: str) -> None:
    """Have ready in this process what cwltool needs to know of these versions, from `cache` where that is possible."""
    for version in versions:
        if version not in process.SCHEMA_CACHE or process.SCHEMA_ANY is None:
            _prepare(cache, version)


def _prepare(cache: Path | None, version: str) -> None:
    path = None if cache is None else cache / _name(version)
    found = None if path is None else read(path)
    if found is not None:
        _put(version, found)
        return
    process.get_schema(version)
    content = _taken(version)
    _put(version, content)
    if path is not None:
        _write(path, content)


def _taken(version: str) -> dict[str, Any]:
    """What cwltool uses of a schema: the context, graph and texts of its loader, the names, the schemas of the three types."""
    loader, names = process.SCHEMA_CACHE[version][:2]
    index = process.SCHEMA_CACHE[version][3].idx
    types = {name: index[address] for name, address in _TYPES.items()}
    return {"ctx": loader.ctx, "graph": loader.graph, "cache": loader.cache, "names": names, "types": types}


def _put(version: str, found: dict[str, Any]) -> None:
    loader = Loader(found["ctx"], schemagraph=found["graph"], cache=found["cache"])
    process.SCHEMA_CACHE[version] = (loader, found["names"], {}, Loader({}))
    for name, schema in found["types"].items():
        setattr(process, name, schema)


def _name(version: str) -> str:
    makers = [sys.version, __version__, *map(installed, ("cwltool", "schema-salad", "rdflib", "ruamel.yaml")), str(process.custom_schemas)]
    return f"{version}-{hashlib.sha256(repr(makers).encode()).hexdigest()}.pickle"


def read(path: Path) -> dict[str, Any] | None:
    """What was kept; None where it cannot be used, or others than its owner could have written it."""
    try:
        for one in (path.parent, path):
            found = one.stat()
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
                return None
        content = pickle.loads(path.read_bytes())  # noqa: S301  # nobody else can have written it
        return content if isinstance(content, dict) and content.keys() == _PARTS else None
    except Exception:
        return None


def _write(path: Path, content: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError, pickle.PicklingError, AttributeError, TypeError):
        data = pickle.dumps(content, protocol=5)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
