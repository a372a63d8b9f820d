"""What must move before a job can run at a location. Pure."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from hyflow.model.places import HERE, Location, Replica
from hyflow.staging.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Plan:
    """`present`: where data lies as the location sees it (absolute paths); `missing`: what must be copied there, and from where: a
    replica, or None for an address of the web."""

    present: dict[str, str]
    missing: dict[str, Replica | None]


def plan(uris: Iterable[str], to: Location, catalog: Catalog) -> Plan:
    """What the location sees of `uris` already, and what it does not."""
    present: dict[str, str] = {}
    missing: dict[str, Replica | None] = {}
    for uri in dict.fromkeys(uris):
        seen = next((path for name in to.mounts if (copy := catalog.at(uri, name)) and (path := to.path(copy))), None)
        if seen is None:
            missing[uri] = nearest(uri, catalog)
        else:
            present[uri] = seen
    return Plan(present, missing)


def nearest(uri: str, catalog: Catalog) -> Replica | None:
    """The copy to read from: one on this machine where there is one; None where no file system has it."""
    return min(catalog.replicas(uri), key=lambda copy: copy.filesystem != HERE, default=None)


def file_name(uri: str) -> str:
    """A file name for a copy, of at most 255 bytes; jobs see the name that CWL gives, not this one."""
    try:
        path = urlsplit(uri).path
    except ValueError:
        return "data"  # who fetches it says that it is no address
    name = unquote_to_bytes(posixpath.basename(path.rstrip("/"))).translate(bytes.maketrans(b"/\0", b"__"))
    return os.fsdecode(name[-255:]) if name not in (b"", b".", b"..") else "data"
