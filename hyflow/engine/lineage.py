"""Which results are needed so that some steps of a run can run again, and what runs again too because those are gone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hyflow.engine.replay import downstream
from hyflow.model.workflow import Link, Program, Source, Step, Workflow

Port: TypeAlias = tuple[str, str]
"""The path of a step that is no workflow, and the name of one of its outputs."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """A workflow in its place: below `prefix`, as the `step` of the scope `outer` (None: the whole program's)."""

    workflow: Workflow
    prefix: str = ""
    step: Step | None = None
    outer: _Scope | None = None


def needed(program: Program, steps: Collection[str]) -> frozenset[Port]:
    """The outputs that these steps take, or that are outputs of the run; through workflows to the steps in them."""
    top = _Scope(program.workflows[program.root])
    links = [(top, link) for link in top.workflow.outputs]
    links += [
        (scope, link)
        for scope in _scopes(program, top)
        for step in scope.workflow.steps.values() if f"{scope.prefix}/{step.name}" in steps
        for link in step.inputs
    ]  # fmt: skip
    return frozenset(port for scope, link in links for port in _origins(program, scope, link))


def lost(program: Program, anew: Collection[str], going_on: Collection[str], gone: Callable[[Port], bool]) -> tuple[str, ...]:
    """The steps that must run again too, as results of them are gone that are needed when these run `anew`, and those go on from where
    they are; in the order in which that is found. All that follows from one runs again with it."""
    fresh, found = set(anew), list[str]()
    while lacking := sorted({port[0] for port in needed(program, fresh | {*going_on}) if port[0] not in fresh and gone(port)}):
        found += lacking
        fresh.update(*(downstream(program, path) for path in lacking))
    return tuple(found)


def _scopes(program: Program, scope: _Scope) -> Iterator[_Scope]:
    yield scope
    for step in scope.workflow.steps.values():
        if step.kind == "workflow":
            yield from _scopes(program, _inside(program, scope, step))


def _inside(program: Program, scope: _Scope, step: Step) -> _Scope:
    return _Scope(program.workflows[step.process], f"{scope.prefix}/{step.name}", step, scope)


def _origins(program: Program, scope: _Scope, link: Link) -> Iterator[Port]:
    for source in link.sources:
        yield from _origin(program, scope, source)


def _origin(program: Program, scope: _Scope, source: Source) -> Iterator[Port]:
    """Where a value comes from that a link of this scope names; an input of the run comes from nowhere."""
    if source.step is None:
        if scope.step is not None and scope.outer is not None:
            for link in scope.step.inputs:
                if link.port == source.port:
                    yield from _origins(program, scope.outer, link)
        return
    step = scope.workflow.steps[source.step]
    if step.kind != "workflow":
        yield f"{scope.prefix}/{step.name}", source.port
        return
    inner = _inside(program, scope, step)
    for link in inner.workflow.outputs:
        if link.port == source.port:
            yield from _origins(program, inner, link)
