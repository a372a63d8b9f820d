"""STEP[INDEX], as typed: which jobs a person means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hyflow.errors import UsageError
from hyflow.model.jobs import Tag
from hyflow.report.terminal import one_line

_INDEXED = re.compile(r"(.*?)\[(\d+(?:,\d+)*)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Selection:
    """A step by its path, and one of its jobs, or all of them (None)."""

    step: str
    tag: Tag | None


def select(text: str, steps: Sequence[str]) -> Selection:
    """`/align[3]`, `align[3,1]` or `align`; a step below others may be named by its last part when only one ends so.

    Raises UsageError, with the nearest, when there is no such step among `steps` (paths).
    """
    if (step := _resolve(text, steps)) is not None:
        return Selection(step, None)
    if (match := _INDEXED.fullmatch(text)) and (step := _resolve(match[1], steps)) is not None:
        return Selection(step, tuple(int(part) for part in match[2].split(",")))
    raise _unknown(match[1] if match else text, steps)


def _unknown(name: str, steps: Sequence[str]) -> UsageError:
    if several := _ending(name, steps):
        hint = f"say which: {', '.join(map(one_line, several))}"
        return UsageError(f"{one_line(name)!r} may mean several steps", hint=hint)
    near = difflib.get_close_matches("/" + name.lstrip("/"), steps, n=3) or steps[:8]
    hint = f"there are: {', '.join(map(one_line, near))}" if near else "nothing has run yet"
    return UsageError(f"no job of a step {one_line(name)!r} is known in this run", hint=hint)


def _resolve(name: str, steps: Sequence[str]) -> str | None:
    path = "/" + name.lstrip("/")
    if path in steps:
        return path
    ending = _ending(name, steps)
    return ending[0] if len(ending) == 1 else None


def _ending(name: str, steps: Sequence[str]) -> list[str]:
    return [step for step in steps if name and step.endswith("/" + name.lstrip("/"))]
