"""Who has what: for each piece of data, named by the address that it was born under, the replicas that are known."""

from __future__ import annotations

from collections.abc import Iterable

from hyflow.model.places import Replica, replica_of


class Catalog:
    """Changes as data moves. What was born at an address in a file system lies there."""

    def __init__(self) -> None:
        self._copies: dict[str, dict[str, Replica]] = {}

    def add(self, uri: str, replica: Replica) -> None:
        """A copy of `uri` lies there as well."""
        self._copies.setdefault(uri, {})[replica.filesystem] = replica

    def at(self, uri: str, filesystem: str) -> Replica | None:
        """The copy of `uri` in the file system, or None."""
        birth = replica_of(uri)
        if birth is not None and birth.filesystem == filesystem:
            return birth
        return self._copies.get(uri, {}).get(filesystem)

    def replicas(self, uri: str) -> Iterable[Replica]:
        """Every known copy, the original first."""
        birth = replica_of(uri)
        return [*([birth] if birth else []), *self._copies.get(uri, {}).values()]
