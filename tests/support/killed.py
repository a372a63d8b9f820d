"""Delivers a run's results in a process that kills itself at its n-th change of the disk, for every n; then delivers them again.

A program of its own, as it forks: `python killed.py TOP apart|within` (`within`: the output directory is an input). Prints
a JSON text: what an undisturbed delivery gave, and what was given after each kill.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hyflow.model.places import HERE, Location, Replica
from hyflow.staging.catalog import Catalog
from hyflow.staging.deliver import Delivery
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover

THIS = Location("", "", HERE, "/nowhere", {HERE: "/"})
CALLS = ((os, "link"), (os, "rename"), (os, "replace"), (os, "mkdir"), (os, "unlink"), (os, "chmod"), (os, "truncate"))


def made(path: Path, data: str = "made") -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data)
    return item("File", path)


def item(kind: str, path: Path, **more: Any) -> dict[str, Any]:
    return {"class": kind, "location": Replica(HERE, str(path).lstrip("/")).uri, "basename": path.name, **more}


def scene(top: Path, within: bool) -> tuple[Any, Any]:
    """A run's own files, what its user has, and what lies in the output directory already: (outputs, inputs)."""
    own, home, outdir = top / "own", top / "home", top / "out"
    given = made(home / "given", "given")
    for old in ("x", "tree/old", "tree/deep/y"):
        made(outdir / old, "old")
    (outdir / "linked").symlink_to(home)
    for name in ("y", "deep/y", "deep/er/z"):
        made(own / "3" / "tree" / name, name)
    (own / "3" / "tree" / "link").symlink_to(home / "given")
    (own / "3" / "tree" / "empty").mkdir()
    literal = {"class": "File", "basename": "text", "contents": "words"}
    twice = made(own / "4" / "twice")
    (made(own / "1" / "x", "1"), (own / "1" / "x").chmod(0o444))
    outputs = [
        item("File", own / "1" / "x"), made(own / "2" / "x", "2") | {"secondaryFiles": [made(own / "2" / "x.i", "i"), literal]},
        item("Directory", own / "3" / "tree"), literal, given, twice, twice | {"basename": "again"},
        {"class": "Directory", "basename": "linked", "listing": [literal, twice, made(own / "5" / "inner")]},
    ]  # fmt: skip
    if not within:
        return outputs, given
    return [*outputs[:3], item("Directory", outdir), *outputs[3:]], [given, item("Directory", outdir)]


def deliver(top: Path, outputs: Any, inputs: Any) -> Any:
    mover = Mover({HERE: HereFiles()}, {HERE: str(top / "own" / "data")}, Catalog())
    return asyncio.run(Delivery(top / "out", top / "own", mover, inputs).deliver(outputs, THIS))


def dies_at(count: int) -> None:
    """This process kills itself instead of the change of the disk that comes after so many others; of what is written, the beginning
    is there by then."""
    left = iter(range(count, -1, -1))

    def at(module: Any, name: str, file: int | None = None) -> None:
        really = getattr(module, name)

        def call(*args: Any, **more: Any) -> Any:
            if next(left) == 0:
                if file is not None:
                    Path(args[file]).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return really(*args, **more)

        setattr(module, name, call)

    for module, name in CALLS:
        at(module, name)
    at(Path, "write_bytes", 0)
    at(shutil, "copy2", 1)


def child(work: Callable[[], object]) -> bool:
    """Whether a process that does the work lives to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # a forked process must not go on as its parent
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"the delivery ended with {code}")
    return code == 0


def result(top: Path, outputs: Any, inputs: Any) -> Any:
    """The output object and the tree, with paths relative to `top`, of a delivery that is not disturbed."""

    def work() -> None:
        (top / "object").write_text(json.dumps(deliver(top, outputs, inputs)).replace(str(top), ""))

    child(work)
    found = {
        str(path.relative_to(top)): [oct(path.lstat().st_mode), None if path.is_dir() else path.read_text()]
        for part in ("out", "home") for path in sorted((top / part).rglob("*"))
    }  # fmt: skip
    return [json.loads((top / "object").read_text()), found]


def main(top: Path, within: bool) -> None:
    outputs, inputs = scene(top / "whole", within)
    whole = result(top / "whole", outputs, inputs)
    again, count, ended = [result(top / "whole", outputs, inputs)], 0, False
    while not ended:
        place = top / str(count)
        outputs, inputs = scene(place, within)

        def work(at: int = count, place: Path = place, outputs: Any = outputs, inputs: Any = inputs) -> None:
            dies_at(at)
            deliver(place, outputs, inputs)

        ended = child(work)
        again.append(result(place, outputs, inputs))
        count += 1
    print(json.dumps([whole, again]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "within")
