"""`hyflow check`: what a deployment file says, every mistake in it, and with --connect whether its sites answer and what they tell."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyflow.cli.guard import finished
from hyflow.errors import DeploymentError, HyflowError

if TYPE_CHECKING:
    from hyflow.cli.answers import Answer
    from hyflow.deployment import Binding, Deployment, Site

HELP = "check a deployment file, and with --connect its sites"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow check`."""
    parser.add_argument("deploy", metavar="DEPLOY", help="the deployment file")
    parser.add_argument("--profile", metavar="NAME", help="with this profile (default: without any, then each for itself)")
    parser.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], help="change a value, as in sites.hpc.workdir=/scratch")
    parser.add_argument("--connect", action="store_true", help="connect to every site and show what it offers")
    parser.add_argument("--json", action="store_true", help="an object on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints what was understood. Status 1 when a site does not answer, or tells of a problem."""
    from hyflow.cli.files import check_optional
    from hyflow.deployment import read
    from hyflow.report.terminal import clean

    check_optional(args.deploy, "deployment", "hyflow check")
    deployment = read(args.deploy, args.profile, args.set)
    if args.profile is None:
        _check_profiles(args.deploy, args.set)
    if not args.json:
        print(clean(_text(deployment)), flush=True)
    answers = _answers(deployment, quiet=args.json) if args.connect else None
    if args.json:
        print(json.dumps(_object(deployment, answers), indent=2))
    return int(any(not answer.fine for answer in answers or ()))


def _answers(deployment: Deployment, *, quiet: bool) -> Sequence[Answer]:
    """What the sites say, told as it is known; `quiet`: only what is wrong. Raises DeploymentError when a binding names no location."""
    from hyflow.cli.answers import ask, tell
    from hyflow.interruption import interruptible

    answers = finished(interruptible(lambda _: ask(list(deployment.sites.values()))))
    tell(answers, quiet=quiet)
    deployment.check_locations({answer.site: [place.name for place in answer.locations] for answer in answers if answer.error is None})
    return answers


def _check_profiles(file: str, sets: list[str]) -> None:
    from hyflow.deployment import read
    from hyflow.deployment.reading import load, profiles

    problems: list[HyflowError] = []
    for name in profiles(load(file)):
        try:
            read(file, name, sets)
        except DeploymentError as error:
            problems += [_with_profile(one, name) for one in error.problems or [error]]
    if problems:
        raise DeploymentError(problems)


def _with_profile(problem: HyflowError, name: str) -> HyflowError:
    return DeploymentError(f"{problem.what} (with profile {name})", where=problem.where, hint=problem.hint)


def _text(deployment: Deployment) -> str:
    sites = [_site(site) for site in deployment.sites.values()]
    bindings = [_binding(one) for one in deployment.bind] or [f"  /  ->  {', '.join(deployment.sites)}"]
    return "\n".join(["sites", *sites, "bindings", *bindings])


def _site(site: Site) -> str:
    """The site with the settings that are in force, written as the file would have them."""
    parts = [f"type: {site.plugin.name}", *_given(_in_order(site.settings))]
    parts.append(f"container: {{{', '.join(_given(_in_order(site.container)))}}}")
    if site.modules:
        parts.append(f"modules: {{{', '.join(_given(site.modules))}}}")
    if site.via is not None:
        parts.append(f"via: {{{', '.join([f'type: {site.via.plugin.name}', *_given(_in_order(site.via.settings))])}}}")
    return f"  {site.name}  " + ", ".join(parts)


def _in_order(settings: Any) -> dict[str, object]:
    from hyflow import plain
    from hyflow.deployment.settings import settings_of

    values = plain.loads(plain.dumps(settings))
    return {one.name: values[one.name] for one in settings_of(type(settings))}


def _given(settings: Mapping[str, object]) -> list[str]:
    return [f"{name}: {_value(value)}" for name, value in settings.items() if value not in (None, [], "")]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(_given(value))}}}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _binding(binding: Binding) -> str:
    from hyflow.model.quantities import size_text

    asked = binding.resources
    parts = {
        "cores": None if asked.cores is None else f"{asked.cores:g}",
        "memory": None if asked.memory is None else size_text(asked.memory),
        "gpus": asked.gpus,
        "time": None if asked.time is None else f"{asked.time}s",
    }
    text = ", ".join([*(f"{name}: {value}" for name, value in parts.items() if value is not None), *_given(binding.options)])
    return f"  {binding.step}  ->  {' or '.join(map(str, binding.targets))}" + (f"  ({text})" if text else "")


def _object(deployment: Deployment, answers: Sequence[Answer] | None) -> dict[str, Any]:
    """`connections`: null when nobody was asked."""
    from hyflow import plain
    from hyflow.cli.answers import as_json

    sites = [
        {
            "name": site.name,
            "type": site.plugin.name,
            "settings": plain.loads(plain.dumps(site.settings)),
            "container": plain.loads(plain.dumps(site.container)),
            "modules": dict(site.modules),
            "via": site.via and {"type": site.via.plugin.name, "settings": plain.loads(plain.dumps(site.via.settings))},
        }
        for site in deployment.sites.values()
    ]
    return {
        "sites": sites,
        "bindings": [_binding_object(one) for one in deployment.bind],
        "connections": None if answers is None else [as_json(answer) for answer in answers],
    }


def _binding_object(binding: Binding) -> dict[str, Any]:
    asked = binding.resources
    resources = {"cores": asked.cores, "memory": asked.memory, "gpus": asked.gpus, "time": asked.time}
    return {"step": binding.step, "targets": [str(target) for target in binding.targets], "resources": resources,
            "options": dict(binding.options)}
