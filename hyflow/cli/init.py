"""`hyflow init`: a commented deployment file to start from."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyflow.errors import UsageError

if TYPE_CHECKING:
    from hyflow.connector import Plugin
    from hyflow.deployment.settings import Setting

HELP = "write a deployment file to start from"

HEAD = """\
# A deployment file says which machines may run which steps:  hyflow run workflow.cwl deploy.yml job.yml
# hyflow check finds every mistake in it; hyflow check --connect tries the sites, too.

version: 1

sites:
"""

TAIL = """
# Which steps run where. A binding covers the step that it names and all below it; the most specific one holds.
bind:
  - {step: /, site: here}
  # - {step: /align, site: shell-site, resources: {cores: 4, memory: 16GiB}}  # asked in place of what the tool asks
  # - {step: /train/*, site: [here, shell-site]}                              # a list: hyflow may choose

# Jobs that failed are tried again: by default where the trouble may go away by itself, and not for lack of memory or time.
# retry:
#   memory: {tries: 3, scale: 2}          # three attempts in all, each with twice the memory
#   infrastructure: {tries: 5, wait: 10s}

# Named changes to all of this, chosen with --profile. Lists replace lists.
# profiles:
#   dev:
#     bind: [{step: /, site: here}]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow init`."""
    parser.add_argument("file", metavar="FILE", nargs="?", default="deploy.yml", help="where to write it (default: deploy.yml)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def main(args: argparse.Namespace) -> int:
    """Writes the file; one that is there, and not empty, is kept unless --force is given."""
    from hyflow.deployment import plugins

    text = starter(plugins.load(plugins.names()))
    path = Path(args.file)
    try:
        _check_place(path)
        if not args.force and path.exists() and path.stat().st_size:
            raise UsageError("this file is there already", where=args.file, hint="name another, or write over it with --force")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=args.file, hint="name another place") from error
    print(f"wrote {args.file}; try: hyflow check {shlex.quote(args.file)}", file=sys.stderr)
    return 0


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise UsageError("this is a directory", where=str(path), hint=f"name a file in it: {path / 'deploy.yml'}")
    if not path.parent.is_dir():
        what = "is no directory" if path.parent.exists() else "is not there"
        raise UsageError(f"the directory {path.parent} {what}", where=str(path), hint="make it first, or name another place")


def starter(plugins: dict[str, Plugin]) -> str:
    """The file's text: this machine as the one site, and every installed type with all its settings, commented."""
    parts = ["  here:\n    type: local\n"]
    if "local" in plugins:
        parts += [_settings(plugins["local"].settings, "    # "), _common("    # ")]
    for name, plugin in sorted(plugins.items()):
        if name != "local":
            parts += [f"\n{_comment(plugin.doc, '  # # ')}  # {name}-site:\n  #   type: {name}\n"]
            parts += [_settings(plugin.settings, "  #   "), _common("  #   ")]
            parts += [_via(plugins, "  #   ")] if getattr(plugin, "via", False) else []
    return HEAD + "".join(parts) + TAIL


def _settings(settings: type[Any], prefix: str) -> str:
    from hyflow.deployment.settings import settings_of

    return "".join(_setting(one, prefix) for one in settings_of(settings))


def _setting(setting: Setting, prefix: str) -> str:
    """One with what it says by default; a group of settings, with each of its own."""
    told = _comment(_told(setting), prefix + "# ") + f"{prefix}{setting.name}:"
    if dataclasses.is_dataclass(setting.default):
        return f"{told}\n{_settings(type(setting.default), prefix + '  ')}"
    return f"{told} {_value(setting)}\n"


def _common(prefix: str) -> str:
    """What every site may say, whatever its type."""
    from hyflow.deployment.schema import COMMON
    from hyflow.model.containers import ContainerSettings

    told = {name: _comment(schema["description"], prefix + "# ") + f"{prefix}{name}:\n" for name, schema in COMMON.items()}
    return told["container"] + _settings(ContainerSettings, prefix + "  ") + told["modules"] + f"{prefix}  samtools: samtools/1.19\n"


def _via(plugins: dict[str, Plugin], prefix: str) -> str:
    """Each kind of way that there is, with what it must be told."""
    from hyflow.deployment.schema import via_schema, ways
    from hyflow.deployment.settings import settings_of

    text = ""
    for name, way in sorted(ways(plugins).items()):
        required = "".join(f", {one.name}: {_value(one)}" for one in settings_of(way.reach_settings) if one.required)
        text += f"{prefix}via: {{type: {name}{required}}}\n"
    return _comment(via_schema(plugins)["description"], prefix + "# ") + text if text else ""


def _told(setting: Setting) -> str:
    need = "required" if setting.required else "optional"
    return f"{setting.doc} ({setting.kind}, {need})" if setting.doc else f"{setting.kind}, {need}"


def _value(setting: Setting) -> str:
    from hyflow.deployment.document import parse

    value = setting.example if setting.required or setting.default is None else setting.default
    return value if isinstance(value, str) and parse(value, "").plain() == value else json.dumps(value)


def _comment(text: str, prefix: str) -> str:
    return "".join(f"{line}\n" for line in textwrap.wrap(text, 110, initial_indent=prefix, subsequent_indent=prefix))
