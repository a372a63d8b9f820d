"""The command of generated tools: writes down what it was given, and leaves what its plan says.

    python3 -I -S probe.py ARGUMENT...

The plan, probe.json beside this file, is an object: `files` (texts by path), `folders`, `links` (targets by path), `stdin` (read it?),
`echo` (write the arguments to this file), `stdout`, `stderr`, `code`. What was seen goes to a new file in `records` beside this file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main() -> int:
    """Look, write down, act; the exit status is the plan's."""
    with open(f"{HERE}/probe.json", encoding="utf-8") as file:
        plan = json.load(file)
    seen = {
        "argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "tree": tree("."),
        "stdin": sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if plan.get("stdin") else None,
        "given": {word: beside(word) for word in sys.argv[1:] if word.startswith("/") and os.path.exists(word)},
    }
    handle, _ = tempfile.mkstemp(suffix=".json", dir=f"{HERE}/records")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(seen, file)
    act(plan)
    return int(plan.get("code", 0))


def act(plan: dict) -> None:  # type: ignore[type-arg]  # whatever JSON holds
    """Leave what the plan says."""
    for path in plan.get("folders", ()):
        os.makedirs(path, exist_ok=True)
    for path, text in plan.get("files", {}).items():
        with open(path, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    for path, target in plan.get("links", {}).items():
        os.symlink(target, path)
    if plan.get("echo"):
        with open(plan["echo"], "wb") as file:
            file.write("\n".join(map(os.path.basename, sys.argv[1:])).encode("utf-8", "surrogateescape"))
    for stream, text in ((sys.stdout, plan.get("stdout", "")), (sys.stderr, plan.get("stderr", ""))):
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))


def tree(path: str) -> object:
    """A file as [text, may it be written], a directory as an object by name."""
    if os.path.isdir(path):
        return {name: tree(os.path.join(path, name)) for name in sorted(os.listdir(path))}
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        return str(error.errno)


def beside(path: str) -> object:
    """What is at a path, and what lies beside it."""
    return [tree(path), sorted(os.listdir(os.path.dirname(path)))]


if __name__ == "__main__":
    sys.exit(main())
