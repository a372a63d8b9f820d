"""One generated case on both sides, hyflow and cwltool, and what of it must be the same.

The same documents, job file and input files serve both. What differs by right is brought into one form: where the directories of a job
lie, addresses in outputs, and names that each makes up for itself.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import reference
import wholerun

_WHOLE = re.compile(r"(?<=\d)\.0+(?!\d)")
"""What cwltool writes after a whole number where the job file says it (docs/differences.md)."""
_TRUTH = {"True": "true", "False": "false"}
"""What cwltool writes for truth values in lists that scripts make (docs/differences.md)."""
_ADDRESS = re.compile(r'"location": "[^"]*", ')
"""Where a file is, in a text that takes in the whole of it: cwltool names even those that are only written in the job file, and leaves
spaces in the names of others."""

PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True, slots=True)
class Case:
    """A document with a job for it. `files`: texts of input files by path (a path that ends in / is a directory); `plan` as in probe.py.

    PROBE in a baseCommand stands for the command of the probe; `others` are documents beside the first, by name.
    """

    process: Mapping[str, Any]
    job: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be compared of one side: the exit status, the outputs, what each command saw. `said` only explains."""

    status: int
    outputs: Any
    records: list[Any]
    said: str = field(compare=False)


def both(case: Case, folder: Path) -> tuple[Seen, Seen]:
    """The case with hyflow and with cwltool."""
    lay(case, folder)
    single = case.process["class"] == "CommandLineTool"
    expected = _seen(reference.run(folder / wholerun.MAIN, folder / "job.json", folder / "reference"), folder, single)
    process, others = with_probe(case.process, folder), {name: with_probe(other, folder) for name, other in case.others.items()}
    actual = _seen(wholerun.run(folder, process, case.job, **others), folder, single)
    return actual, expected


def lay(case: Case, folder: Path) -> None:
    for path, text in case.files.items():
        if path.endswith("/"):
            (folder / path).mkdir(parents=True, exist_ok=True)
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    shutil.copy(PROBE, folder / "probe.py")
    (folder / "probe.json").write_text(json.dumps(case.plan), encoding="ascii")
    (folder / "records").mkdir()
    for name, document in {"main": case.process, **case.others}.items():
        (folder / f"{name}.cwl").write_text(json.dumps(with_probe(document, folder), ensure_ascii=False), encoding="utf-8")
    (folder / "job.json").write_text(json.dumps(case.job, ensure_ascii=False), encoding="utf-8")


def with_probe(value: Any, folder: Path) -> Any:
    match value:
        case {"baseCommand": ["PROBE", *words]}:
            command = [sys.executable, "-I", "-S", str(folder / "probe.py"), *words]
            return {**{key: with_probe(item, folder) for key, item in value.items()}, "baseCommand": command}
        case dict():
            return {key: with_probe(item, folder) for key, item in value.items()}
        case list():
            return [with_probe(item, folder) for item in value]
    return value


def _seen(ran: wholerun.Ran, folder: Path, single: bool) -> Seen:
    records = [_record(json.loads(path.read_text(encoding="ascii")), folder) for path in (folder / "records").iterdir()]
    for path in (folder / "records").iterdir():
        path.unlink()
    records.sort(key=lambda record: json.dumps(record, sort_keys=True))
    if ran.status:
        return Seen(ran.status, None, records if single else [], ran.said)  # which of several jobs came before the failure is open
    outputs = {name: value_of(value) for name, value in ran.outputs.items() if value is not None}  # null is as good as nothing
    return Seen(ran.status, outputs, records, ran.said)


# -- what commands saw ----------------------------------------------------------------------------------------------


def _record(seen: dict[str, Any], folder: Path) -> Any:
    """A record with the directories of the job called by what they are."""
    cwd, env = seen["cwd"], dict(seen["env"])
    tmp, home = env.pop("TMPDIR"), env.pop("HOME")
    inputs = re.compile(rf"{re.escape(str(folder))}/reference/tmp/[^/]+/stg[0-9a-f-]+|{re.escape(str(Path(cwd).parent))}/in/[0-9]+")
    for known in ("PATH", "PWD", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"):
        env.pop(known, None)

    def named(value: Any) -> Any:
        match value:
            case str():
                text = _ADDRESS.sub("", _WHOLE.sub("", inputs.sub("<in>", value.replace(cwd, "<out>").replace(tmp, "<tmp>"))))
                return _TRUTH.get(text, text)
            case dict():
                return {named(key): named(item) for key, item in value.items()}
            case list():
                return [named(item) for item in value]
        return value

    made = named({**seen, "env": env, "home": home, "cwd": ""})
    made["given"].pop("<in>", None)
    return made


# -- outputs --------------------------------------------------------------------------------------------------------


def value_of(value: Any) -> Any:
    """An output with its files by what they hold."""
    match value:
        case {"class": "File" | "Directory"}:
            return _data(value)
        case dict():
            return {name: value_of(item) for name, item in value.items()}
        case list():
            return [value_of(item) for item in value]
    return value


def _data(data: Mapping[str, Any]) -> Any:
    made = {name: item for name, item in data.items() if name not in ("location", "path", "dirname", "nameroot", "nameext")}
    path = wholerun.path_of(data)
    made["here"] = path.exists() and (path.name == data["basename"])
    made["holds"] = _held(path)
    if not made.get("secondaryFiles"):
        made.pop("secondaryFiles", None)
    else:
        made["secondaryFiles"] = sorted(map(_data, data["secondaryFiles"]), key=lambda item: str(item["basename"]))
        made["beside"] = all(wholerun.path_of(item).parent == path.parent for item in data["secondaryFiles"])
    made.pop("listing", None)
    return made


def _held(path: Path) -> Any:
    if path.is_dir():
        return {inner.name: _held(inner) for inner in sorted(path.iterdir())}
    return path.read_bytes().decode("utf-8", "surrogateescape")
