"""What pure code may ask to be told: facts about data, wherever it lies.

`cwl.demand`, `cwl.bind` and `cwl.collect` do no I/O. What they lack they return as `Ask(facts)`; the driver
finds the answers and calls again with a mapping that holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

CONTENTS_LIMIT = 64 * 1024
"""CWL's limit on `contents`, in bytes (CommandLineTool specification, loadContents)."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What lies at the address? Answer: `Found`, or None when there is nothing."""

    uri: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The first CONTENTS_LIMIT + 1 bytes. Answer: bytes."""

    uri: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a directory holds; `deep`: the whole tree. Answer: tuple of (path relative to the directory, Found), sorted."""

    uri: str
    deep: bool


@dataclass(frozen=True, slots=True)
class Checksum:
    """Answer: the SHA-1 of the file, in hex."""

    uri: str


@dataclass(frozen=True, slots=True)
class Absence:
    """Why is there no file ("f") or directory ("d") at the address? Answer: what is wrong, and what to do or None, in words for people."""

    uri: str
    kind: str


@dataclass(frozen=True, slots=True)
class Localize:
    """Bring the data to the place of the attempt. Answer: its absolute path there (the driver adds it to `Place.sources`)."""

    uri: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file ("f", with its size in bytes) or a directory ("d")."""

    kind: str
    size: int = 0


Fact: TypeAlias = Stat | Contents | Listing | Checksum | Absence | Localize
Facts: TypeAlias = Mapping[Fact, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """These facts are missing."""

    facts: frozenset[Fact]
