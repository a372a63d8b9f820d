"""What a user gives for a run, a job file and flags: taken together, and every mistake in it told with the place where it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hyflow.cwl.advice import example, flag_example
from hyflow.cwl.inputs import JobDocument
from hyflow.cwl.marks import Marks, Path, marks
from hyflow.cwl.mistakes import Mistake
from hyflow.cwl.types import Type, at_path, describe
from hyflow.errors import HyflowError, InputError, Where
from hyflow.model.values import Inputs, Value, is_data
from hyflow.nearest import nearest, visible

_ALIKE = 0.8
"""How alike a name must be to one that is left unset to be taken for a misspelling of it (0 to 1)."""

_DIGITS = re.compile(r"\d+")


class Wanted(Protocol):
    """An input of the process: `required` when it must be given."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Given:
    """A job file (empty where there is none) and the flags, which win."""

    job: JobDocument
    flags: Inputs = field(default_factory=dict)

    @property
    def inputs(self) -> Inputs:
        """All that can be used, the unknown too; what has a mistake of its own is left out."""
        wrong = {str(error.path[0]) for error in self.job.wrong if error.path}
        return {name: value for name, value in self.job.inputs.items() if name not in wrong or name in self.flags} | self.flags

    def judged(self, wanted: Sequence[Wanted]) -> tuple[list[Mistake], list[str]]:
        """The mistakes that are seen without looking at any file, and warnings.

        A name that the process does not have is passed over with a warning, for job files are shared between workflows. It is a mistake
        when it is nearly that of an input that is left unset, and when an input is missing that must be given.
        """
        mistakes = [Mistake(error.what, error.path, hint=error.hint) for error in self.job.wrong
                    if error.path and str(error.path[0]) not in self.flags]
        given = self.job.inputs.keys() | self.flags.keys()
        unset = [port.name for port in wanted if port.name not in given]
        missing = [port.name for port in wanted if port.required and port.name not in given]
        names = [port.name for port in wanted]
        unknown = [name for name in self.job.inputs if name not in names and name != "cwlVersion"]  # which a job may say, and means nothing
        found = {name: _meant(name, unset) for name in unknown}
        places = self._marks([(name,) for name in unknown])
        warnings = []
        for name in unknown:
            near = found[name] or nearest(name, unset)
            if found[name] or missing:
                mistakes.append(Mistake(f"there is no input called {visible(name)}", (name,), hint=_instead(near, unset), key=True))
            else:
                where = _place(places, (name,), key=True)
                meant = f" (did you mean {near}?)" if near else ""
                warnings.append(f"{where}: there is no input called {visible(name)}, it is passed over{meant}")
        return mistakes, warnings

    def told(self, error: HyflowError) -> HyflowError:
        """The same mistakes, each with where it was written, in the order of the job file; what is missing comes last, together."""
        found = error.problems or (error,)
        mistakes = [each for each in found if isinstance(each, Mistake)]
        if not mistakes:
            return error
        meant = {_meant(str(each.path[0]), [str(other.path[0]) for other in mistakes if other.missing]) for each in mistakes if each.key}
        wrong = {str(each.path[0]) for each in self.job.wrong if each.path}
        missing = [each for each in mistakes if each.missing and str(each.path[0]) not in meant | wrong]
        present = [each for each in mistakes if not each.missing]
        told = [*self._placed(present), *(each for each in found if not isinstance(each, Mistake))]
        if missing:
            told.append(self._missing([(str(each.path[0]), each.missing) for each in missing if each.missing]))
        return told[0] if len(told) == 1 else InputError(told) if told else error

    def where(self, uri: str) -> Where | str | None:
        """Where the data at an address was given; None when it was not."""
        path = next(iter(_paths_of(self.inputs, uri, ())), None)
        if path is None:
            return None
        if path[0] in self.flags:
            return f"--{path[0]}"
        return _place(self._marks([(*path, word) for word in ("path", "location")]), path, named=True)

    def _placed(self, mistakes: Sequence[Mistake]) -> list[HyflowError]:
        paths: list[Path] = []
        for each in mistakes:
            paths += [each.path, (*each.path, "path"), (*each.path, "location")]
        places = self._marks(paths)
        made: list[tuple[tuple[int, str, int, int], HyflowError]] = []
        for each in mistakes:
            hint = None if each.hint is None else visible(each.hint)
            if each.path[0] in self.flags:
                at = at_path(each.path[1:])
                what, where, order = f"at {at}: {each.what}" if at else each.what, f"--{each.path[0]}", (1, "", 0, 0)
                made.append((order, InputError(visible(what), where=where, hint=hint)))
            else:
                place = _place(places, each.path, named=each.named, key=each.key)
                order = (0, place.file, place.line, place.column) if place is not None else (0, "", 0, 0)
                made.append((order, InputError(visible(each.told()), where=place, hint=hint)))
        return [error for _, error in sorted(made, key=lambda pair: pair[0])]

    def _missing(self, missing: Sequence[tuple[str, Type]]) -> InputError:
        """What is missing, all of it, and how one of them is given."""
        listed = [f"{name} ({describe(type_)})" for name, type_ in missing]
        all_but_last = ", ".join(listed[:-1])
        are = f"the inputs {all_but_last} and {listed[-1]} are missing" if all_but_last else f"the input {listed[0]} is missing"
        name, type_ = missing[0]
        text = self.job.texts.get(())
        flag = f"-- {flag_example(name, type_)}"
        if text is None:
            return InputError(are, hint=f"say them in a job file, as in `{name}: {example(type_)}`, or on the command line, as in {flag}")
        return InputError(are, where=text.file, hint=f"write {name}: {example(type_)} into it, or end the command line with {flag}")

    def _marks(self, paths: Iterable[Path]) -> dict[Path, tuple[Marks, Path]]:
        """By path: the places known in the text that it lies in, and the path inside that text."""
        inside: dict[Path, list[Path]] = {}
        for path in paths:
            outer = max((known for known in self.job.texts if path[: len(known)] == known), key=len, default=None)
            if outer is not None:
                inside.setdefault(outer, []).append(path)
        made = {outer: marks(self.job.texts[outer], [path[len(outer):] for path in found]) for outer, found in inside.items()}
        return {path: (made[outer], path[len(outer):]) for outer, found in inside.items() for path in found}


def _place(places: Mapping[Path, tuple[Marks, Path]], path: Path, *, named: bool = False, key: bool = False) -> Where | None:
    for word in ("path", "location") if named else ():
        known = places.get((*path, word))
        if known is not None and known[1] in known[0].values:
            return known[0].value(known[1])
    known = places.get(path)
    if known is None:
        return None
    return known[0].key(known[1]) if key else known[0].value(known[1])


def _paths_of(value: Value, uri: str, path: Path) -> Iterable[Path]:
    if isinstance(value, dict):
        if is_data(value) and value.get("location") == uri:
            yield path
        for name, item in value.items():
            yield from _paths_of(item, uri, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths_of(item, uri, (*path, index))


def _meant(name: str, unset: Sequence[str]) -> str | None:
    """The input that is left unset and that the name is very likely a misspelling of: names that differ in their numbers are not."""
    alike = [each for each in unset if _DIGITS.findall(each) == _DIGITS.findall(name)]
    plain = {re.sub(r"[-_. ]", "", each).lower(): each for each in alike}
    return plain.get(re.sub(r"[-_. ]", "", name).lower()) or nearest(name, alike, _ALIKE)


def _instead(near: str | None, names: Sequence[str]) -> str:
    if near is not None:
        return f"did you mean {near}?"
    return f"its inputs that are not given are {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
