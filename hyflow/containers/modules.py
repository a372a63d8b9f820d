"""Environment modules: which of a site's modules give the software that a tool asks for, and a task that loads them before its command.

Pure. Knows neither Lmod nor Environment Modules: the script asks the `module` command that the machine has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hyflow.model.software import Package
from hyflow.model.tasks import Task

_SCRIPT = re.sub(r"^ *#.*\n", "", Path(__file__).with_name("modules.sh").read_text(), flags=re.MULTILINE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
SHELLS_OWN = re.compile(
    "BASH.*|DIRSTACK|ENV|EPOCH.*|E?UID|FUNCNAME|GROUPS|HISTCMD|IFS|LINENO|OLDPWD|OPT(ARG|ERR|IND)|POSIXLY_CORRECT|PPID|PS[124]|PWD|"
    "S?RANDOM|SECONDS|SHELLOPTS|SHLVL"
)
"""Variables that one shell or another does not take from its environment, or not pass on, as they are."""


def chosen(packages: Sequence[Package], modules: Mapping[str, str]) -> dict[str, str]:
    """The modules to load, in the order of the packages, each with the names of the software that it is for.

    `modules`: the site's, by the name of the software or by one of its specs. A package that has none is left out.
    """
    found: dict[str, list[str]] = {}
    for package in packages:
        if module := _module(package, modules):
            found.setdefault(module, []).append(package.name)
    return {module: ", ".join(dict.fromkeys(names)) for module, names in found.items()}


def doubts(packages: Sequence[Package], modules: Mapping[str, str]) -> list[str]:
    """In words, the packages of which the site's module, by its name, is of another version than those that are asked for."""
    pairs = [(package, module) for package in packages if package.versions and (module := _module(package, modules))]
    return [f"{package}, where the site gives the module {module}" for package, module in pairs if not _fits(package, module)]


def _module(package: Package, modules: Mapping[str, str]) -> str | None:
    """By the package's name, by its name in other letters, by its specs: the first that there is."""
    folded = {name.casefold(): module for name, module in reversed(list(modules.items()))}
    named = [modules.get(package.name), folded.get(package.name.casefold()), *map(modules.get, package.specs)]
    return next(filter(None, named), None)


def _fits(package: Package, module: str) -> bool:
    """Whether a name such as samtools/1.19-GCC-12.3.0 may be one of the package's versions; one without a version may be any."""
    _, slash, version = module.rpartition("/")
    return not slash or any(re.match(rf"v?{re.escape(asked)}(?![0-9])", version, re.IGNORECASE) for asked in package.versions)


def loaded(task: Task, modules: Mapping[str, str]) -> Task:
    """The task with the modules, as `chosen` gives them, loaded before its command; the task itself where there are none.

    What the task sets in its environment comes last: a module may extend it (PATH), but not replace it. Where a module cannot be loaded,
    the command is not started: standard error ends with a line that says which module it is, and the exit status is 127.
    """
    if not modules:
        return task
    plain = {name: value for name, value in task.environment.items() if _NAME.fullmatch(name) and not SHELLS_OWN.fullmatch(name)}
    aside = {name: value for name, value in task.environment.items() if name not in plain}
    pairs = [word for module, software in modules.items() for word in (module, _visible(software))]
    argv = (*_shield(task, aside), *task.argv)
    environment = {**plain, **{f"_hyflow_{number}": value for number, value in enumerate(aside.values(), 1)}}
    script = ("/bin/sh", "-c", _SCRIPT, "hyflow", " ".join(plain), str(len(modules)), str(len(aside)))
    return replace(task, argv=(*script, *pairs, *aside, *argv), environment=environment)


def _shield(task: Task, aside: Mapping[str, str]) -> tuple[str, ...]:
    """`env`, which sets what is aside, would take a command with "=" in its name for one more variable."""
    return ("/bin/sh", "-c", 'exec "$@"', "hyflow") if aside and "=" in task.argv[0] else ()


def _visible(text: str) -> str:
    """The text on one line."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
