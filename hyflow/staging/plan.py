"""What must move before a job can run at a location. Pure."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from hyflow.model.places import HERE, Location, Replica
from hyflow.staging.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Move:
    """Copy `source` (a replica, or the address of something on the web) so that it lies at `destination`."""

    uri: str
    source: Replica | str
    destination: Replica


@dataclass(frozen=True, slots=True)
class Plan:
    """`present`: where each piece of data lies as the location sees it, or will lie once `moves` are done (absolute paths)."""

    present: dict[str, str]
    moves: tuple[Move, ...]


def plan(uris: Iterable[str], to: Location, catalog: Catalog, data: str) -> Plan:
    """How each of `uris` gets to be seen at the location; what must be copied lands below `data`, a directory there."""
    present: dict[str, str] = {}
    moves: list[Move] = []
    for uri in dict.fromkeys(uris):
        here = next((path for name in to.mounts if (copy := catalog.at(uri, name)) and (path := to.path(copy))), None)
        if here is None:
            here = landing(data, uri)
            destination = to.replica(here)
            if destination is None:
                raise ValueError(f"{data} lies on no file system of {to}")
            moves.append(Move(uri, _nearest(uri, catalog), destination))
        present[uri] = here
    return Plan(present, tuple(moves))


def landing(data: str, uri: str) -> str:
    """Where a copy of `uri` lies below the directory `data`."""
    return posixpath.join(data, hashlib.sha256(uri.encode()).hexdigest()[:24], _name(uri))


def _nearest(uri: str, catalog: Catalog) -> Replica | str:
    """The copy to read from: one on this machine where there is one."""
    copies = sorted(catalog.replicas(uri), key=lambda copy: copy.filesystem != HERE)
    return copies[0] if copies else uri


def _name(uri: str) -> str:
    """A file name for the copy; jobs see the name that CWL gives, not this one."""
    return unquote_to_bytes(posixpath.basename(urlsplit(uri).path)).decode("utf-8", "surrogateescape").replace("/", "_") or "data"
