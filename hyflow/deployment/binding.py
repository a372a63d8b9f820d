"""Which binding holds for a step. Pure: knows step paths and names of sites.

A pattern covers the steps that it names and everything below them; `*` stands for any characters within one part of a path.
The most specific pattern wins: more parts, then fewer with wildcards, then the later one in the file. It says where the step runs; of
resources and options it says those that it names, and leaves the others to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyflow.errors import DeploymentError, HyflowError, Where
from hyflow.nearest import suggestion


@dataclass(frozen=True, slots=True)
class Target:
    """A site, and with `location` one location of it alone."""

    site: str
    location: str | None = None

    def __str__(self) -> str:
        return self.site if self.location is None else f"{self.site}/{self.location}"


@dataclass(frozen=True, slots=True)
class Override:
    """Asked in place of what the tool asks: cores, memory in bytes, GPUs, time in seconds; None leaves the tool's own."""

    cores: float | None = None
    memory: int | None = None
    gpus: int | None = None
    time: int | None = None


NO_OVERRIDE = Override()


@dataclass(frozen=True, slots=True)
class Binding:
    """The steps that `step` covers run at one of `targets`, the first being preferred. `options`: what their jobs are to have in the words
    of the sites' batch systems, as plain values."""

    step: str
    targets: tuple[Target, ...]
    resources: Override = NO_OVERRIDE
    where: Where | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def covers(pattern: str, step: str) -> bool:
    """Whether the pattern names the step, or something that the step lies in."""
    wanted, parts = _parts(pattern), _parts(step)
    return len(wanted) <= len(parts) and all(_matches(*pair) for pair in zip(wanted, parts, strict=False))


def covering(bindings: Sequence[Binding], step: str) -> list[Binding]:
    """The bindings that cover the step, the most specific first."""
    found = [(_rank(one.step), number) for number, one in enumerate(bindings) if covers(one.step, step)]
    return [bindings[number] for _, number in sorted(found, reverse=True)]


def targets_for(bindings: Sequence[Binding], sites: Collection[str], step: str) -> tuple[Target, ...]:
    """Where the step may run, by the most specific binding; what none covers runs at the only site. Empty where there are several."""
    found = covering(bindings, step)
    if found:
        return found[0].targets
    return (Target(*sites),) if len(sites) == 1 else ()


def override_for(bindings: Sequence[Binding], step: str) -> Override:
    """What is asked for the step: each amount as the most specific of the bindings that set it has it."""
    asked = [one.resources for one in covering(bindings, step)]
    chosen = {name: next((value for one in asked if (value := getattr(one, name)) is not None), None) for name in Override.__slots__}
    return Override(**chosen)


def options_for(bindings: Sequence[Binding], step: str) -> dict[str, Any]:
    """What the step's jobs are to have: each option as the most specific of the bindings that set it has it."""
    return {name: value for one in reversed(covering(bindings, step)) for name, value in one.options.items()}


def step_problems(
    bindings: Sequence[Binding], sites: Collection[str], steps: Iterable[str], file: str | None = None, placeless: Collection[str] = ()
) -> list[HyflowError]:
    """What is wrong with the bindings for a workflow of these steps: those that cover none, and the steps that none covers.

    A step that holds others needs no binding of its own, and neither does one of `placeless`, which runs no command.
    """
    paths = sorted(steps)
    inner = {step.rpartition("/")[0] for step in paths}
    known = [step for step in paths if step not in inner]
    problems: list[HyflowError] = [
        DeploymentError(f"the workflow has no step {one.step}", where=one.where, hint=suggestion(one.step, paths, called="its steps"))
        for one in bindings
        if not any(covers(one.step, step) for step in known)
    ]
    if uncovered := [step for step in known if step not in placeless and not targets_for(bindings, sites, step)]:
        problems.append(_uncovered(uncovered, sites, file))
    return problems


def location_problems(bindings: Sequence[Binding], locations: Mapping[str, Collection[str]]) -> list[HyflowError]:
    """The bindings that name a location which their site does not have. `locations`: the names of those of each site that is known."""
    return [
        DeploymentError(f"the site {target.site} has no location {target.location!r}", where=one.where,
                        hint=_locations_hint(target, locations[target.site]))
        for one in bindings for target in one.targets
        if target.location is not None and target.site in locations and target.location not in locations[target.site]
    ]  # fmt: skip


def _locations_hint(target: Target, there: Collection[str]) -> str:
    named = [name for name in there if name]
    return suggestion(target.location, named, called="its locations") if named else f"it is one place: name {target.site} alone"


def _uncovered(steps: Sequence[str], sites: Collection[str], file: str | None) -> HyflowError:
    names = f"{'steps' if len(steps) > 1 else 'step'} {', '.join(steps[:20])}{', ...' if len(steps) > 20 else ''}"
    return DeploymentError(
        f"no binding covers the {names}, and there are several sites ({', '.join(sites)})",
        where=file,
        hint="add a binding, such as {step: /, site: ...} for all that no other covers",
    )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _matches(pattern: str, part: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == part
    *middle, last = rest
    at, end = len(first), len(part) - len(last)
    if at > end or not (part.startswith(first) and part.endswith(last)):
        return False
    for piece in middle:
        found = part.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _rank(pattern: str) -> tuple[int, int]:
    parts = _parts(pattern)
    return len(parts), -sum("*" in part for part in parts)
