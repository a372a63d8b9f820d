"""No wrong reuse: tools, files and programs as they are, changed in every way that must not go unnoticed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from onetool import Tool

from hyflow.connector import Connector, SiteContext
from hyflow.model.facts import Ask, Fact, Facts
from hyflow.model.places import HERE
from hyflow.model.resources import ONE_CORE, Resources
from hyflow.reuse import Bare, Contained, Identity, Nature, differences, identity, wanted
from hyflow.shell.executables import Command, Executables
from hyflow.staging.catalog import Catalog
from hyflow.staging.digests import Digests
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover
from hyflow.staging.remembered import Remembered
from hyflow_shell import Settings, plugin

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: own
requirements:
  InlineJavascriptRequirement: {}
  EnvVarRequirement: {envDef: {MODE: $(inputs.mode)}}
  InitialWorkDirRequirement: {listing: [{class: File, location: template.txt}]}
inputs:
  reads: {type: File, secondaryFiles: [.idx], inputBinding: {}}
  hidden: File?
  folder: {type: Directory, loadListing: shallow_listing}
  mode: {type: string, default: fast}
  extra: {type: File, default: {class: File, location: extra.txt}}
outputs: {o: {type: File, outputBinding: {glob: o}}}
"""


@dataclass
class World:
    """A tool with its inputs on this machine, a site with a program, and what is remembered of earlier runs."""

    top: Path
    site: Connector
    text: str = TOOL
    image: str = ""
    resources: Resources = ONE_CORE
    tools: dict[str, Tool] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        """Other contents, with the times that the file had."""
        path = self.top / name
        before = path.stat() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        if before:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def file(self, name: str, kind: str = "File") -> dict[str, Any]:
        return {"class": kind, "location": (self.top / name).as_uri(), **self.more.get(name, {})}

    async def identity(self) -> Identity:
        """As a new run would have it."""
        tool = self.tools.get(self.text) or self.tools.setdefault(self.text, Tool(self.top, self.text))
        processes, process = tool.processes, tool.process
        mover = Mover({HERE: HereFiles()}, {}, Catalog())
        given = {"reads": self.file("reads"), "hidden": self.file("hidden"), "folder": self.file("folder", "Directory")}
        started = await settled(lambda facts: processes.start(given, facts), mover)
        needs = await settled(lambda facts: processes.demand(process, started, facts), mover)
        essence = processes.identity(process)
        nature = Nature(essence.document, essence.defaults, essence.looks)
        remembered = Remembered(self.top / "home" / "digests.sqlite")
        digests = await Digests(mover.catalog, {}, remembered).of(wanted(nature, needs.inputs))
        remembered.close()
        sums: Mapping[str, str] = {uri: digest.sha256 for uri, digest in digests.items()}
        return identity(nature, needs.inputs, sums, await self._within(), processes.amounts(self.resources) if essence.sizes else None)

    async def _within(self) -> Contained | Bare:
        if self.image:
            return Contained(self.image)
        found = await Executables(self.site).of(Command("own"))
        return Bare("far", [], found.path, found.sha256)


async def settled(call: Callable[[Facts], Any], mover: Mover) -> Any:
    """The result of a pure function that may ask for facts."""
    facts: dict[Fact, Any] = {}
    while isinstance(answer := call(facts), Ask):
        facts.update(await mover.answer(answer.facts))
    return answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    command = ["env", f"PATH={tmp_path}/bin:{os.environ['PATH']}", "sh", "-c"]
    settings = Settings(command=command, workdir=str(tmp_path / "site"), poll=0.1)
    async with plugin.connect(settings, SiteContext("far", "run", tmp_path / "state")) as site:
        made = World(tmp_path, site)
        for name in ("reads", "reads.idx", "hidden", "folder/a", "folder/.b", "extra.txt", "template.txt"):
            made.write(name, name)
        made.write("bin/own", "#!/bin/sh\n")
        yield made


async def test_nothing_changed(world: World) -> None:
    assert await world.identity() == await world.identity()


@pytest.mark.parametrize(("name", "what"), [
    ("reads", "the input reads"), ("reads.idx", "the input reads"), ("hidden", "the input hidden"), ("folder/a", "the input folder"),
    ("folder/.b", "the input folder"), ("folder/new", "the input folder"), ("extra.txt", "the input extra"),
    ("template.txt", "the tool"), ("bin/own", "the executable"),
])
async def test_other_contents_under_the_same_name_and_times(world: World, name: str, what: str) -> None:
    before = await world.identity()
    world.write(name, ("#!/bin/sh\n" if name == "bin/own" else name).upper().replace("SH", "sh").replace("BIN", "bin") + "x")
    after = await world.identity()
    assert before.key != after.key
    assert differences(after, before) == (what,)


@pytest.mark.parametrize(("old", "new", "what"), [
    ("glob: o", "glob: p", "the tool"), ("MODE: $(inputs.mode)", "MODE: x$(inputs.mode)", "the tool"), ("fast", "slow", "the input mode"),
    ("baseCommand: own", "baseCommand: [own, -v]", "the tool"),
])
async def test_another_tool_under_the_same_name(world: World, old: str, new: str, what: str) -> None:
    before = await world.identity()
    world.text = TOOL.replace(old, new)
    assert differences(await world.identity(), before) == (what,)


async def test_another_image_under_the_same_tag(world: World) -> None:
    world.text = TOOL.replace("requirements:", "requirements:\n  DockerRequirement: {dockerPull: 'a:latest'}")
    world.image = "sha256:1"
    before = await world.identity()
    world.image = "sha256:2"
    assert differences(await world.identity(), before) == ("the container image",)


async def test_other_amounts_count_where_they_are_looked_at(world: World) -> None:
    for text, what in ((TOOL, ()), (TOOL + "arguments: [$(runtime.cores)]\n", ("the resources that it reads",))):
        world.text, world.resources = text, Resources(1.0)
        before = await world.identity()
        world.resources = Resources(2.0)
        assert differences(await world.identity(), before) == what


async def test_a_forged_checksum(world: World) -> None:
    """It makes nothing the same, and where nobody looks at it, nothing different."""
    plain = await world.identity()
    world.more["reads"] = {"checksum": "sha1$" + "0" * 40, "size": 5}
    assert await world.identity() == plain
    world.write("reads", "READS")
    assert differences(await world.identity(), plain) == ("the input reads",)


async def test_a_secondary_file_that_is_listed_lies_elsewhere(world: World) -> None:
    plain = await world.identity()
    world.write("else/reads.idx", "reads.idx")
    world.more["reads"] = {"secondaryFiles": [world.file("else/reads.idx")]}
    assert await world.identity() == plain
    world.write("else/reads.idx", "another")
    assert differences(await world.identity(), plain) == ("the input reads",)
