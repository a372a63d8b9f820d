"""What the runner measured -> Manifest. Names may hold any bytes; nothing here trusts a separator that a name could contain.

The runner writes parts (see `runner.sh`): `tree` (lstat of all), `linked` and `deep` (stat with links followed), `good` and `real`
(links that lead somewhere, and where), `patterns` (flags for checksum and contents, then the pattern), `matches`, `sha1`, `sha256`,
`contents` (names) and `c0`, `c1` ..., `json`. A line of stat is `HEXMODE SIZE PATH///`: no path holds three slashes. A path in a list
of checksums begins with `.//` or `//`, and no path holds two slashes anywhere else.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping

from hyflow.model.tasks import Entry, EntryKind, Manifest
from hyflow.shell.globs import matcher, plain

Kinds = dict[str, tuple[EntryKind, int]]
_stat_line = re.compile(rb"([0-9a-fA-F]{1,8}) (\d{1,18}) (.*?)///\n", re.DOTALL)
_sum_start = re.compile(rb"^(\\?)((?:[0-9a-f]{40}|[0-9a-f]{64})) [ *](?=\.?//)", re.MULTILINE)
_escape = re.compile(rb"\\([\\nr])")


class Damaged(ValueError):
    """What came back is not what the runner writes."""


def parse_manifest(parts: Mapping[str, bytes]) -> Manifest:
    """The manifest that the parts describe. Raises Damaged."""
    tree = dict(stat_lines(parts.get("tree", b"")))
    kinds = {path: found for path, found in tree.items() if found is not None}
    linked = {path: found or (EntryKind.OTHER, 0) for path, found in stat_lines(parts.get("linked", b""))}
    for path in tree.keys() - kinds.keys():
        kinds[path] = linked.get(path, (EntryKind.DANGLING, 0))
    for path, found in stat_lines(parts.get("deep", b"")):
        kinds.setdefault(path, found or (EntryKind.OTHER, 0))
    kinds.pop(".", None)
    reals = real_paths(parts)
    sha1, sha256 = (checksums(parts.get(name, b"")) for name in ("sha1", "sha256"))
    contents = {plain(path): parts.get(f"c{n}", b"") for n, path in enumerate(names(parts.get("contents", b"")))}
    patterns = names(parts.get("patterns", b""))
    if any(len(pattern) < 2 for pattern in patterns):
        raise Damaged("the list of patterns is not whole")
    matched = matches(parts.get("matches", b""), [pattern[2:] for pattern in patterns])
    # The shell was given wider patterns; their other matches were not asked for.
    opened = {path for pattern, paths in zip(patterns, matched, strict=True) if pattern[1] == "1" for path in paths}
    contents = {path: data for path, data in contents.items() if path in opened}
    entries = {
        path: Entry(path, kind, size, real_of(path, reals), sha1.get(path), sha256.get(path), contents.get(path))
        for path, (kind, size) in kinds.items()
    }
    return Manifest(entries, matched, parts.get("json"))


def stat_lines(data: bytes) -> Iterator[tuple[str, tuple[EntryKind, int] | None]]:
    """Path, and kind and size (None for a symbolic link), for every line of stat."""
    end = 0
    for line in _stat_line.finditer(data):
        if line.start() != end:
            break
        end = line.end()
        yield plain(os.fsdecode(line[3])), kind_of(int(line[1], 16), int(line[2]))
    if end != len(data):
        raise Damaged(f"cannot be read as file status: {data[end:end + 80]!r}")


def kind_of(mode: int, size: int) -> tuple[EntryKind, int] | None:
    """What a file's mode says; None for a symbolic link."""
    match stat.S_IFMT(mode):
        case stat.S_IFREG:
            return EntryKind.FILE, size
        case stat.S_IFDIR:
            return EntryKind.DIRECTORY, 0
        case stat.S_IFLNK:
            return None
        case _:
            return EntryKind.OTHER, 0


def names(data: bytes) -> list[str]:
    """The names in a list that ends each with a NUL."""
    return [os.fsdecode(name) for name in data.split(b"\0")[:-1]]


def matches(data: bytes, patterns: list[str]) -> tuple[tuple[str, ...], ...]:
    """For each pattern what it matches, from lists that may hold more: names, and an empty name at the end of each list."""
    lists: list[set[str]] = [set()]
    for name in names(data):
        if name:
            lists[-1].add(plain(name))
        else:
            lists.append(set())
    if len(lists) != len(patterns) + 1 or lists[-1]:
        raise Damaged("the lists of matches are not whole")
    tests = [matcher(pattern) for pattern in patterns]
    return tuple(tuple(sorted(filter(test, found), key=os.fsencode)) for test, found in zip(tests, lists, strict=False))


def checksums(data: bytes) -> dict[str, str]:
    """Path -> checksum in hex, from the output of sha1sum, sha256sum or shasum (GNU escapes names, busybox does not)."""
    starts = list(_sum_start.finditer(data))
    found: dict[str, str] = {}
    for start, following in zip(starts, [*starts[1:], None], strict=False):
        path = data[start.end():following.start() if following else len(data)].removesuffix(b"\n")
        if start[1]:
            path = _escape.sub(lambda escape: {b"n": b"\n", b"r": b"\r"}.get(escape[1], b"\\"), path)
        found[plain(os.fsdecode(path))] = start[2].decode()
    return found


def real_paths(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Where the links that lead somewhere lead in the end."""
    links, targets = names(parts.get("good", b"")), names(parts.get("real", b""))
    if len(links) != len(targets):
        raise Damaged("some links could not be resolved")
    return {plain(link): target for link, target in zip(links, targets, strict=True)}


def real_of(path: str, reals: Mapping[str, str]) -> str | None:
    """The real path of what is a link or lies beyond one, None for a plain entry."""
    rest = ""
    above = path
    while above:
        if above in reals:
            return posixpath.join(reals[above], rest) if rest else reals[above]
        above, name = posixpath.split(above)
        rest = posixpath.join(name, rest) if rest else name
    return None
