"""Spares cwltool work that it does again and again: the tool that many steps run is read, validated and updated once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cwltool import workflow
from cwltool.context import LoadingContext
from cwltool.process import Process


@contextmanager
def each_tool_once() -> Iterator[None]:
    """Inside, steps that run the same document under the same inherited requirements share one process."""
    names: Any = vars(workflow)
    read, known = names["load_tool"], dict[tuple[str, str, str], Process]()

    def load(tool: Any, context: LoadingContext) -> Process:
        if not isinstance(tool, str):
            fresh: Process = read(tool, context)
            return fresh
        key = (tool, repr(context.requirements), repr(context.hints))
        if key not in known:
            known[key] = read(tool, context)
        return known[key]

    names["load_tool"] = load
    try:
        yield
    finally:
        names["load_tool"] = read
