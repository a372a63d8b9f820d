"""Which binding holds for a step. Pure: knows step paths and names of sites.

A pattern covers the steps that it names and everything below them; `*` stands for any characters within one part of a path.
The most specific pattern wins: more parts, then fewer with wildcards, then the later one in the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hyflow.deployment.suggestions import suggestion
from hyflow.errors import DeploymentError, HyflowError, Where


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
    """The steps that `step` covers run at one of `targets`, the first being preferred."""

    step: str
    targets: tuple[Target, ...]
    resources: Override = NO_OVERRIDE
    where: Where | None = None


def covers(pattern: str, step: str) -> bool:
    """Whether the pattern names the step, or something that the step lies in."""
    wanted, parts = _parts(pattern), _parts(step)
    return len(wanted) <= len(parts) and all(_matches(*pair) for pair in zip(wanted, parts, strict=False))


def binding_for(bindings: Sequence[Binding], sites: Collection[str], step: str) -> Binding:
    """The binding that holds for the step. With one site, that site runs what no binding covers.

    Raises DeploymentError when no binding covers the step and there are several sites.
    """
    found = [(_rank(one.step), number, one) for number, one in enumerate(bindings) if covers(one.step, step)]
    if found:
        return max(found, key=lambda entry: entry[:2])[2]
    if len(sites) == 1:
        return Binding("/", (Target(*sites),))
    raise DeploymentError(
        f"no binding covers the step {step}, and there are several sites ({', '.join(sites)})",
        hint="bind it, or add {step: /, site: ...} for all that no other binding covers",
    )


def step_problems(bindings: Sequence[Binding], sites: Collection[str], steps: Iterable[str]) -> list[HyflowError]:
    """What is wrong with the bindings for a workflow of these steps: those that cover none, and the steps that none covers.

    A step that holds others needs no binding of its own.
    """
    paths = sorted(steps)
    inner = {step.rpartition("/")[0] for step in paths}
    known = [step for step in paths if step not in inner]
    problems: list[HyflowError] = [
        DeploymentError(f"the workflow has no step {one.step}", where=one.where, hint=suggestion(one.step, paths, kind="its steps"))
        for one in bindings
        if not any(covers(one.step, step) for step in known)
    ]
    for step in known:
        try:
            binding_for(bindings, sites, step)
        except DeploymentError as error:
            problems.append(error)
    return problems


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _matches(pattern: str, part: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), part, re.DOTALL) is not None


def _rank(pattern: str) -> tuple[int, int]:
    parts = _parts(pattern)
    return len(parts), -sum("*" in part for part in parts)
