"""Which of the files on a command line is the CWL document, which the job and which the deployment; and what to say when one is not
what is needed. What can be read only once (a pipe) is not looked into, and neither is what lies on another machine.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyflow.errors import HyflowError, UsageError

if TYPE_CHECKING:
    from hyflow.deployment.kinds import Kind, Look

_NAMES = {"workflow": "a CWL document", "deployment": "a deployment file", "job": "a job file", "unclear": "none of hyflow's files"}
_REMOTE = ("file:", "http:", "https:")
_CWL = ("cwlVersion", "class", "$graph", "inputs", "outputs", "steps", "baseCommand", "requirements", "hints", "expression")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one command line by what they are. Without a `document`, the job says which one is meant (`cwl:tool`)."""

    document: str | None
    job: str | None
    deploy: str | None


def told_apart(files: Sequence[str], job: str | None = None, deploy: str | None = None) -> Files:
    """Which is which, by content. `job` and `deploy` were named as such. Raises UsageError when that cannot be told."""
    _check_twice([file for file in (*files, job, deploy) if file is not None])
    check_optional(job, "job", "--job")
    check_optional(deploy, "deployment", "--deploy")
    kinds = {file: _kind(file, first=number == 0) for number, file in enumerate(files)}
    document = _document(files, kinds)
    for file in files:
        if file == document:
            continue
        if kinds[file] == "deployment" or (kinds[file] == "unclear" and _is_deployment(file)):
            deploy = _only(file, deploy, "deployment file", "they have sites", "--deploy")
        else:
            job = _only(file, job, "job file", "they have neither cwlVersion nor sites", "--job")
    if document is None and (job is None or "cwl:tool" not in _look(job).keys):
        first = files[0]
        raise UsageError(f"this is {_what(_look(first))}, and there is no CWL document to run", where=first,
                         hint=_instead("workflow", kinds[first], first))  # fmt: skip
    return Files(document, job, deploy)


def check_document(file: str | None, called: str) -> None:
    """Raise UsageError when `file`, which `called` is to take as a CWL document, is not there or something else."""
    if file is None or _is_remote(file):
        return
    _check_there(file)
    if not _is_named_cwl(file) and os.path.isfile(file) and not _may_be_cwl(found := _look(file)) and "cwl:tool" not in found.keys:
        raise _other(file, found, "workflow", called)


def check_optional(file: str | None, wanted: Kind, called: str) -> None:
    """Raise UsageError when a file that was named as a job or a deployment is not there, or clearly something else."""
    if file is None or (_is_remote(file) and wanted == "job"):
        return
    _check_there(file)
    if _is_pipe(file):
        return
    found = _look(file)
    if found.kind not in (wanted, "unclear") and not (wanted == "deployment" and found.kind == "job" and _may_be_deployment(found)):
        raise _other(file, found, wanted, called)


def _document(files: Sequence[str], kinds: dict[str, Kind]) -> str | None:
    """The one CWL document; where none clearly is, the first file if it may be one with a mistake in it."""
    first = files[0]
    found = [file for file in files if kinds[file] == "workflow"]
    if len(found) > 1 and first in found and os.path.isfile(first) and (kind := _look(first).kind) != "workflow":
        kinds[first] = kind  # its name alone said so
        found.remove(first)
    if len(found) > 1:
        raise UsageError(f"{found[0]} and {found[1]} are both CWL documents: one is run at a time", hint="leave one of them out")
    if found:
        return found[0]
    return first if _may_be_cwl(look := _look(first)) and "cwl:tool" not in look.keys else None


def _kind(file: str, *, first: bool) -> Kind:
    """As cheaply as may be: the first file is the document if its name says so."""
    if _is_remote(file):
        return "workflow" if first or file.partition("#")[0].endswith(".cwl") else "job"
    _check_there(file)
    if first and (_is_named_cwl(file) or not os.path.isfile(file)):
        return "workflow"
    return "job" if _is_pipe(file) else _look(file).kind


def _look(file: str) -> Look:
    from hyflow.deployment.kinds import look

    return look(file)


def _is_remote(file: str) -> bool:
    return file.startswith(_REMOTE)


def _is_named_cwl(file: str) -> bool:
    return file.endswith(".cwl")


def _is_pipe(file: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(file).st_mode)
    except OSError:
        return False


def _check_there(file: str) -> None:
    """A document may be named with #ID after its path."""
    from hyflow.deployment.kinds import unreadable

    try:
        if stat.S_ISDIR(os.stat(file).st_mode):
            raise unreadable(file, IsADirectoryError())
    except OSError as error:
        if "#" not in file or not os.path.exists(file.rpartition("#")[0]):
            raise unreadable(file, error) from error


def _check_twice(files: Sequence[str]) -> None:
    there = [file for file in files if os.path.isfile(file)]
    for number, file in enumerate(there):
        if other := next((one for one in there[:number] if os.path.samefile(one, file)), None):
            raise UsageError("this file is named twice" + (f", also as {other}" if other != file else ""), where=file,
                             hint="name it once")  # fmt: skip


def _may_be_cwl(found: Look) -> bool:
    """Whether it is worth reading as a CWL document: what is wrong with it is then told in detail."""
    if found.kind == "job":
        return bool(found.keys & set(_CWL)) or any(re.match("cwl(?!:)", key, re.IGNORECASE) for key in found.keys)
    return found.kind != "deployment"


def _may_be_deployment(found: Look) -> bool:
    from hyflow.deployment.kinds import PARTS
    from hyflow.nearest import nearest

    return not found.keys or any(nearest(key, PARTS) for key in found.keys)


def _other(file: str, found: Look, wanted: Kind, called: str) -> HyflowError:
    return UsageError(f"this is {_what(found)}, and {called} takes {_NAMES[wanted]}", where=file, hint=_instead(wanted, found.kind, file))


def _what(found: Look) -> str:
    return f"{_NAMES[found.kind]} ({found.sign})" if found.keys or found.kind != "job" else "an empty file"


def _instead(wanted: Kind, kind: Kind, file: str) -> str:
    """Which command takes such a file."""
    name = shlex.quote(file)
    match kind, wanted:
        case "workflow", _:
            return f"hyflow validate {name} checks it, hyflow run {name} runs it"
        case "deployment", "workflow":
            return f"hyflow check {name} checks it, hyflow run WORKFLOW {name} uses it"
        case "deployment", _:
            return f"hyflow check {name} checks it; --deploy {name} uses it"
        case "job", "workflow":
            return f"name the workflow, too: hyflow run WORKFLOW {name}"
    return f"hyflow validate WORKFLOW {name} checks a job file against its workflow"


def _only(file: str, other: str | None, what: str, why: str, option: str) -> str:
    if other is not None:
        raise UsageError(f"{other} and {file} both look like the {what}: {why}",
                         hint=f"leave one of them out; {option} FILE says which is which")  # fmt: skip
    return file


def _is_deployment(file: str) -> bool:
    """Let the person at the terminal say it; where there is none, the command line must."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        what = "its content does not tell whether this is a job or a deployment file"
        raise UsageError(what, where=file, hint="say --job FILE or --deploy FILE")
    while True:
        print(f"Is {file} the [j]ob file or the [d]eployment file? ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip().lower()
        if not answer:
            raise UsageError("neither was chosen", where=file)
        if "deployment".startswith(answer) or "job".startswith(answer):
            return "deployment".startswith(answer)
