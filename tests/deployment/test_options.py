"""What bindings say of jobs in the words of a batch system: what it means, and every mistake about it with its place."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hyflow.binding import options_of
from hyflow.connector import Connector, Plugin, SiteContext
from hyflow.deployment import read
from hyflow.deployment.binding import Binding, Target, options_for
from hyflow.deployment.schema import deployment_schema
from hyflow.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "h"


@dataclass(frozen=True, slots=True)
class Words:
    partition: str | None = field(default=None, metadata={"doc": "Where."})
    nodes: int | None = field(default=None, metadata={"schema": {"minimum": 1}})
    extra: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OtherWords:
    partition: str | None = field(default=None, metadata={"doc": "Where."})
    nodes: str = "1"


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    doc: str = "A machine."
    settings: type[Any] = Settings

    def connect(self, settings: Any, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        raise AssertionError("nobody connects here")


@dataclass(frozen=True, slots=True)
class Batch(Plain):
    task_settings: type[Any] = Words


PLUGINS: Mapping[str, Plugin] = {"plain": Plain("plain"), "batch": Batch("batch"), "other": Batch("other", task_settings=OtherWords)}
HEAD = "version: 1\nsites: {here: {type: plain}, hpc: {type: batch}, old: {type: other}}\nbind:\n"


def complaints(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "d.yml"
    path.write_text(text)
    with pytest.raises(DeploymentError) as caught:
        read(path, plugins=PLUGINS)
    return [str(one).replace(f"{path}:", "").replace("\n  ", "; ") for one in caught.value.problems or [caught.value]]


def test_each_option_is_that_of_the_most_specific_binding_that_sets_it() -> None:
    here = (Target("s"),)
    said = {"/a/b": {"x": 1}, "/": {"x": 2, "y": 3}, "/a": {"z": [4]}}
    bindings = [Binding(step, here, options=options) for step, options in said.items()]
    assert options_for(bindings, "/a/b") == {"x": 1, "y": 3, "z": [4]}
    assert options_for(bindings, "/c") == {"x": 2, "y": 3}
    assert options_for(bindings[:1], "/c") == {}


def test_jobs_get_the_options_that_their_site_knows(tmp_path: Path) -> None:
    path = tmp_path / "d.yml"
    path.write_text(HEAD + "- {step: /, site: hpc, options: {partition: gpu, nodes: 2, extra: [--x]}}\n"
                    "- {step: /a, site: [here, old, hpc]}\n- {step: /b, site: hpc, options: {nodes: 3}}\n")  # fmt: skip
    options = options_of(read(path, plugins=PLUGINS))
    assert options("/a", "hpc") == options("/c", "hpc") == {"partition": "gpu", "nodes": 2, "extra": ["--x"]}
    assert options("/b", "hpc") == {"partition": "gpu", "nodes": 3, "extra": ["--x"]}
    assert options("/a", "old") == {"partition": "gpu", "nodes": 2}
    assert options("/a", "here") == {}


@pytest.mark.parametrize(
    ("binding", "complaint"),
    [
        ("{step: /, site: hpc, options: {partitoin: gpu}}",
         "4:34: the site hpc (type batch) has no option 'partitoin'; did you mean partition?"),
        ("{step: /, site: [hpc, here/x], options: {partition: gpu}}",
         "4:44: the site here (type plain) has no option 'partition'; sites of type plain take none"),
        ("{step: /, site: [hpc, old], options: {extra: []}}",
         "4:41: the site old (type other) has no option 'extra'; known: partition, nodes"),
        ("{step: /, site: hpc, options: {nodes: 0}}", "4:34: bind[0].options.nodes must be at least 1, not 0"),
        ("{step: /, site: hpc, options: {nodes: '2'}}", "4:34: bind[0].options.nodes must be a whole number, not '2'"),
        ("{step: /, site: old, options: {nodes: 2}}", "4:34: bind[0].options.nodes must be text, not 2"),
        ("{step: /, site: hpc, options: gpu}",
         "4:24: bind[0].options must be a mapping, not 'gpu'; What is asked of the site's batch system in its own words, "
         "as in {partition: gpu}; the site's type says which."),
        ("{step: /, site: hpc, options: {}}",
         "4:24: bind[0].options is empty; What is asked of the site's batch system in its own words, "
         "as in {partition: gpu}; the site's type says which."),
    ],
)  # fmt: skip
def test_one_mistake(tmp_path: Path, binding: str, complaint: str) -> None:
    assert complaints(tmp_path, f"{HEAD}- {binding}\n") == [complaint]


def test_each_mistake_is_told_once(tmp_path: Path) -> None:
    text = f"{HEAD}- {{step: /, site: hpc}}\n- {{step: /a, site: [hpc, hpc/x], options: {{nodes: 0, nods: 1, partition: 1}}}}\n"
    assert complaints(tmp_path, text) == [
        "5:44: bind[1].options.nodes must be at least 1, not 0",
        "5:54: the site hpc (type batch) has no option 'nods'; did you mean nodes?",
        "5:63: bind[1].options.partition must be text, not 1; Where.",
    ]


def test_options_for_a_site_that_is_not_there_are_looked_at_as_far_as_that_goes(tmp_path: Path) -> None:
    assert complaints(tmp_path, f"{HEAD}- {{step: /, site: hcp, options: {{nodes: [1], nods: 1}}}}\n") == [
        "4:19: there is no site 'hcp'; did you mean hpc?",
        "4:34: bind[0].options.nodes must be a whole number, not a list",
        "4:46: bind[0].options has no setting 'nods'; did you mean nodes?",
    ]


def test_the_schema_has_the_options_of_all_types() -> None:
    schema = deployment_schema(PLUGINS)
    jsonschema.Draft202012Validator.check_schema(schema)
    options = schema["properties"]["bind"]["items"]["properties"]["options"]["properties"]
    assert list(options) == ["extra", "nodes", "partition"]
    assert options["partition"] == {"type": ["string", "null"], "description": "Where."}
    assert [one["type"] for one in options["nodes"]["anyOf"]] == [["integer", "null"], "string"]
