"""Which copies a run has made, for whoever takes it up again: what has arrived need not travel once more, and what was fetched from the web
stays what it was. One JSON object a line, only ever appended to; a line that a crash cut short is passed over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hyflow import plain
from hyflow.errors import SiteError
from hyflow.model.facts import Fact, Stat
from hyflow.model.places import Replica
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import Files


class Landed:
    """The copies of one run, in the file at `path`. A disk that is full costs copying again, nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, copies: Mapping[str, Replica]) -> None:
        """These copies are whole now, by the address of their data."""
        lines = b"".join(plain.dumps((uri, replica)) + b"\n" for uri, replica in copies.items())
        with contextlib.suppress(OSError), self._path.open("ab") as file:
            file.write(lines)

    async def restore(self, catalog: Catalog, files: Mapping[str, Files]) -> None:
        """Tell the catalog of those that are still there, where that can be seen: one round trip a file system."""
        by_place: dict[str, dict[str, Replica]] = {}
        for uri, replica in self._read().items():
            by_place.setdefault(replica.filesystem, {})[uri] = replica
        for name, copies in by_place.items():
            if name not in files:
                continue
            questions: dict[Fact, str] = {Stat(replica.uri): f"/{replica.path}" for replica in copies.values()}
            with contextlib.suppress(SiteError):
                found = await files[name].answer(questions)
                for uri, replica in copies.items():
                    if found[Stat(replica.uri)] is not None:
                        catalog.add(uri, replica)

    def _read(self) -> dict[str, Replica]:
        copies: dict[str, Replica] = {}
        try:
            lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return {}
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError, ValueError):
                uri, replica = plain.loads(line, tuple[str, Replica])
                copies[uri] = replica
        return copies
