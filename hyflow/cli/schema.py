"""`hyflow schema`: the JSON Schemas of what hyflow reads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hyflow.errors import UsageError

HELP = "print the JSON Schemas of what hyflow reads"


def _deployment() -> dict[str, Any]:
    from hyflow.deployment import plugins
    from hyflow.deployment.schema import deployment_schema

    return deployment_schema(plugins.load(plugins.names()))


SCHEMAS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "deployment": ("the deployment file, with the site types that are installed", _deployment),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow schema`."""
    parser.add_argument("name", nargs="?", metavar="NAME", choices=list(SCHEMAS), help=f"{', '.join(SCHEMAS)} (default: list them)")
    parser.add_argument("--write", metavar="DIR", help="write NAME.json there, or every schema, instead of printing")


def main(args: argparse.Namespace) -> int:
    """Lists, prints or writes."""
    if args.write is not None:
        _write(Path(args.write), [args.name] if args.name else [*SCHEMAS])
    elif args.name is None:
        print("\n".join(f"{name:<12}{doc}" for name, (doc, _) in SCHEMAS.items()))
    else:
        print(text_of(args.name), end="")
    return 0


def text_of(name: str) -> str:
    """The schema as a file holds it."""
    return json.dumps(SCHEMAS[name][1](), indent=2) + "\n"


def _write(folder: Path, names: list[str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / f"{name}.json").write_text(text_of(name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(error.filename or folder)) from error
