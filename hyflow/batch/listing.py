"""Lists of jobs as commands take them: as ranges where these are understood, and in pieces, as nothing that is typed may be long. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

PIECE = 16 << 10
"""Characters of one piece. The kernel takes 128 KiB as one argument; queues have limits of their own, which nobody tells."""


def runs(indices: Collection[int]) -> Iterator[tuple[int, int]]:
    """Whole numbers as runs of following ones, each by its first and last, in ascending order."""
    start = last = None
    for index in sorted(indices):
        if start is None or last is None or index != last + 1:
            if start is not None and last is not None:
                yield start, last
            start = index
        last = index
    if start is not None and last is not None:
        yield start, last


def ranges(indices: Collection[int]) -> list[str]:
    """The same as words, as in "3" or "5-9"."""
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in runs(indices)]


def pieces(words: Iterable[str]) -> Iterator[list[str]]:
    """The words in their order, as many together as come to PIECE characters with one between each two; at least one."""
    some: list[str] = []
    size = 0
    for word in words:
        if some and size + len(word) > PIECE:
            yield some
            some, size = [], 0
        some.append(word)
        size += len(word) + 1
    if some:
        yield some


def by_id(elements: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    """Elements, each given by its batch's id and its index, as the indices of each id."""
    found: dict[str, set[int]] = {}
    for id, index in elements:
        found.setdefault(id, set()).add(index)
    return found
