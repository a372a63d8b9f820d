"""A whole run in this process: a document given as plain data, through the real engine, sites and delivery."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyflow import deployment
from hyflow.cwl.given import Given
from hyflow.cwl.inputs import read_job
from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes
from hyflow.errors import HyflowError, InputError
from hyflow.report.lines import Lines
from hyflow.run import Order, execute

MAIN = "main.cwl"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: `outputs` when it succeeded (`status` 0), and all that was `said`."""

    status: int
    outputs: dict[str, Any]
    said: str


def run(folder: Path, process: Mapping[str, Any], job: Mapping[str, Any] | None = None, deploy: str | None = None,
        **others: Mapping[str, Any]) -> Ran:
    """Run `process` with `job` in `folder`. `others` are documents that it names: NAME.cwl beside it. The results go to folder/results."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in {"main": process, **others}.items():
        (folder / f"{name}.cwl").write_text(json.dumps(document), encoding="ascii")
    (folder / "job.json").write_text(json.dumps(job or {}), encoding="ascii")
    if deploy is not None:
        (folder / "deploy.yml").write_text(deploy, encoding="utf-8")
    said = io.StringIO()
    try:
        result = asyncio.run(_execute(folder, deploy is not None, Lines(said)))
    except HyflowError as error:
        return Ran(error.exit_status, {}, f"{said.getvalue()}{error}")
    return Ran(result.status, result.outputs or {}, said.getvalue())


async def _execute(folder: Path, deployed: bool, lines: Lines) -> Any:
    document = read_job(str(folder / "job.json"))
    program = load(str(folder / MAIN), cache=None, overrides=document.requirements)
    sites = deployment.read(str(folder / "deploy.yml")) if deployed else deployment.default()
    given, processes = Given(document), Processes(program)
    mistakes, warnings = given.judged(processes.input_types())
    if mistakes:
        raise given.told(InputError(mistakes))
    for warning in warnings:
        lines.warn(warning)
    order = Order(program, document.inputs, sites, folder / "home", folder / "results", None, ())
    try:
        return await execute(order, lines)
    except InputError as error:
        raise given.told(error) from error


def path_of(data: Mapping[str, Any]) -> Path:
    """Where a delivered file or directory lies."""
    from hyflow.model.places import replica_of

    replica = replica_of(data["location"])
    assert replica is not None
    return Path("/" + replica.path)


def text_of(data: Mapping[str, Any]) -> str:
    """What a delivered file holds."""
    return path_of(data).read_text(encoding="utf-8")
