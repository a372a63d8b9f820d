"""The compiled graph: immutable, plain enough to be written as JSON and read again.

What a tool does lies in `Program.processes` as plain data that only `cwl` understands; the graph names it by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from hyflow.model.values import Value

Merge: TypeAlias = Literal["merge_nested", "merge_flattened"]
Pick: TypeAlias = Literal["first_non_null", "the_only_non_null", "all_non_null"]
Scatter: TypeAlias = Literal["dotproduct", "nested_crossproduct", "flat_crossproduct"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: the output `port` of `step`, or with step None the workflow's own input `port`."""

    step: str | None
    port: str


@dataclass(frozen=True, slots=True)
class Link:
    """What flows into `port`.

    `listed`: there are several sources, or one with an explicit linkMerge: their values are merged (a single source, even when
    it was written as a list of one, is otherwise passed on as it is). Then `pick` picks, where the value is a list.
    `default` (when `has_default`) stands in for a null or missing value.
    """

    port: str
    sources: tuple[Source, ...] = ()
    listed: bool = False
    merge: Merge = "merge_nested"
    pick: Pick | None = None
    has_default: bool = False
    default: Value = None


@dataclass(frozen=True, slots=True)
class Step:
    """A node. `kind`: what `process` is: a command (runs at a site), an expression (evaluated here) or a workflow.

    `computed`: inputs pass through expressions (`when`, `valueFrom`) or `loadContents` before the step fires.
    """

    name: str
    process: str
    kind: Literal["command", "expression", "workflow"]
    inputs: tuple[Link, ...]
    outputs: tuple[str, ...]
    scatter: tuple[str, ...] = ()
    method: Scatter = "dotproduct"
    computed: bool = False


@dataclass(frozen=True, slots=True)
class Workflow:
    """`steps` by name; `outputs` say what flows out; an input that is not given takes its value from `defaults`."""

    id: str
    inputs: tuple[str, ...]
    outputs: tuple[Link, ...]
    steps: Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class Program:
    """A whole compiled document: the workflow to run, every workflow below it, every other process as plain data.

    A tool that is run on its own is a workflow of one step. `source` is the document's address, `warnings` what
    its author should hear (hints that are not known).
    """

    source: str
    root: str
    workflows: Mapping[str, Workflow]
    processes: Mapping[str, Any]
    warnings: tuple[str, ...] = field(default=())
