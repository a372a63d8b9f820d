"""Looking plug-ins up, and what their settings may be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hyflow.deployment import plugins, read
from hyflow.deployment.schema import deployment_schema
from hyflow.deployment.settings import object_schema
from hyflow.errors import DeploymentError


def test_the_connectors_of_this_project_are_found() -> None:
    assert {"local", "shell"} <= set(plugins.names())
    assert plugins.load(["shell"])["shell"].name == "shell"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(deployment_schema(plugins.load(plugins.names())))


def test_a_broken_plugin_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hyflow.connectors]\nbroken = hyflow_broken_here:plugin\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "d.yml").write_text("version: 1\nsites: {a: {type: broken}}\n")
    with pytest.raises(DeploymentError, match=r"type broken \(hyflow_broken_here:plugin\) cannot be imported: ModuleNotFoundError"):
        read(tmp_path / "d.yml")


@dataclass(frozen=True, slots=True)
class Odd:
    value: Any


@dataclass(frozen=True, slots=True)
class Either:
    value: int | str


@pytest.mark.parametrize("settings", [Odd, Either])
def test_a_type_that_settings_cannot_have_is_the_plugins_mistake(settings: type[Any]) -> None:
    with pytest.raises(TypeError):
        object_schema(settings)
