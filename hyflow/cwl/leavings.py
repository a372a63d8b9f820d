"""What a command left, in the words of messages about what it did not leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hyflow.model.tasks import Manifest

_SHOWN = 5
"""Names that a message shows."""

_MOST = 2000
"""Names among which a nearly right one is looked for."""


def shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def left(manifest: Manifest, wanted: Iterable[str]) -> str:
    """The names in the output directory, those first that are nearly the `wanted` ones, wherever they lie."""
    tops = sorted({entry.partition("/")[0] for entry in manifest.entries})
    near = _near(manifest, wanted)
    there = [*near, *(name for name in tops if name not in near)]
    return f"the command left {shown(there)}" if there else "the command left no files"


def _near(manifest: Manifest, wanted: Iterable[str]) -> list[str]:
    import difflib

    known = list(manifest.entries)[:_MOST]
    return list(dict.fromkeys(name for pattern in wanted for name in difflib.get_close_matches(pattern, known, 3, 0.7)))
