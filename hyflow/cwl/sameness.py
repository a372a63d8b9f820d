"""What of a tool bears on its results, and whether they may stand in for those of another run: as plain data and in words.

Does not know how two jobs are compared, nor where earlier results are kept.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyflow.cwl import interpolation
from hyflow.cwl.tool import Tool
from hyflow.errors import WorkflowError
from hyflow.model.values import Value

_SILENT = frozenset({"doc", "label", "places", "where"})
"""What is there for people."""
_ELSEWHERE = frozenset({
    "MultipleInputFeatureRequirement", "ResourceRequirement", "ScatterFeatureRequirement", "StepInputExpressionRequirement",
    "SubworkflowFeatureRequirement", "ToolTimeLimit", "WorkReuse",
})
"""Requirements that say where and whether a job runs and what surrounds it. What expressions see of resources counts by itself."""
_NO_AMOUNTS = frozenset({"runtime.outdir", "runtime.tmpdir", "runtime.exitCode"})
"""Of `runtime` what is another in every attempt, or comes of it."""
_LOOKS = re.compile(r"\b(location|checksum)\b")
_SHELLS = frozenset({"sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "pdksh", "zsh", "csh", "tcsh", "fish"})
_BOXES = frozenset({"busybox", "toybox"})
_STARTERS = frozenset({
    "chroot", "chrt", "command", "doas", "env", "exec", "find", "flock", "ionice", "ltrace", "make", "mpiexec", "mpirun", "nice", "nohup",
    "nsenter", "numactl", "parallel", "perf", "script", "setarch", "setpriv", "setsid", "srun", "ssh", "stdbuf", "strace", "su", "sudo",
    "taskset", "time", "timeout", "unshare", "valgrind", "watch", "xargs", "xvfb-run",
})
"""Programs that start another one, which their own arguments name."""


@dataclass(frozen=True, slots=True)
class Essence:
    """A tool without what cannot change a result.

    `document`: plain data. `defaults` of its inputs, by name: what is given takes their place. `sizes`: whether its expressions
    look at the amounts in `runtime` (cores, ram ...). `looks`: which of "location" and "checksum" they look at in files.
    """

    document: Mapping[str, Any]
    defaults: Mapping[str, Value]
    sizes: bool
    looks: frozenset[str]


def essence(tool: Tool) -> Essence:
    """What jobs of the tool are told apart by."""
    parts = {word: part for word, part in tool.document.items() if word not in _SILENT}
    requirements = {name: part for name, part in parts["requirements"].items() if name not in _ELSEWHERE}
    document = {**parts, "requirements": requirements, "inputs": [_silent(item, "default") for item in parts["inputs"]],
                "outputs": [_silent(item) for item in parts["outputs"]]}
    defaults = {item["name"]: item["default"] for item in parts["inputs"] if "default" in item}
    texts = [text for text in _strings(document) if interpolation.may_hold_expression(text)]
    return Essence(document, defaults, _reads_sizes(tool, texts), _looks([*texts, *document["library"]]))


def forbids(tool: Tool, contained: bool, argv: Sequence[str]) -> str:
    """Why no result of another run may stand in for a job whose command this is, in words; "" where one may. `contained`: the command
    runs in a container, whose image holds every program that it starts."""
    if tool.inplace:
        return "it may change its inputs where they lie (InplaceUpdateRequirement)"
    if contained:
        return ""
    if tool.shell or _is_shell_command(argv):
        return "it runs a shell command outside of a container: which programs that starts is not known"
    name = _program(argv)
    if name in _STARTERS:
        return f"it runs {name} outside of a container: which programs that starts is not known"
    return ""


def _silent(item: Mapping[str, Any], *more: str) -> dict[str, Any]:
    return {word: part for word, part in item.items() if word not in _SILENT and word not in more}


def _strings(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _reads_sizes(tool: Tool, texts: Iterable[str]) -> bool:
    """Whether an expression may look at an amount; in doubt one does."""
    try:
        read = {word for text in texts for word in tool.expressions.compile(text).reads}
    except WorkflowError:
        return True
    return "*" in read or any(word.partition(".")[0] == "runtime" for word in read - _NO_AMOUNTS)


def _looks(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _LOOKS.findall(text))


# -- commands ---------------------------------------------------------------------------------------------------------


def _program(argv: Sequence[str]) -> str:
    """The name of the program that a command starts; that of the part of it, for one that is many in one file."""
    names = [posixpath.basename(word) for word in argv[:2]]
    return names[1] if len(names) > 1 and names[0] in _BOXES else names[0] if names else ""


def _is_shell_command(argv: Sequence[str]) -> bool:
    """Whether a shell is given its commands as an argument, or on its standard input."""
    if _program(argv) not in _SHELLS:
        return False
    words = list(argv[2:] if posixpath.basename(argv[0]) in _BOXES else argv[1:])
    options = [word for word in words if word[:1] in ("-", "+")]
    return any(_takes_command(word) for word in options) or len(options) == len(words)


def _takes_command(option: str) -> bool:
    return option == "--command" or option.startswith("--command=") or (option[:2] not in ("--", "-") and bool(re.search("[cCs]", option)))
