"""Which sites of a run get an engine, and what is said where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from standin import Standin

from hyflow import deployment
from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes
from hyflow.engine.archives import Archives
from hyflow.engine.contained import Containers
from hyflow.engine.outfit import outfit
from hyflow.errors import DeploymentError, SiteError, UnsupportedRequirement, WorkflowError

TOOL = "{class: CommandLineTool, baseCommand: c, inputs: [], outputs: [], REQUIREMENT}"
FLOW = """
cwlVersion: v1.2
class: Workflow
inputs: []
outputs: []
steps:
  plain: {run: {class: CommandLineTool, baseCommand: c, inputs: [], outputs: []}, in: [], out: []}
  boxed: {run: TOOL, in: [], out: []}
"""
MUST, WOULD = "requirements: {DockerRequirement: {dockerPull: busybox}}", "hints: {DockerRequirement: {dockerPull: busybox}}"
LOCAL = "{version: 1, sites: {here: {type: local, container: CONTAINER}}}"
TWO = "{version: 1, sites: {here: {type: local, container: CONTAINER}, box: {type: local, container: OTHER}}, bind: BIND}"
NO_ENGINE = "{runtime: docker, command: [no-such-engine]}"


@dataclass
class Heard:
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class House:
    """A directory with a workflow, a deployment file and a stand-in for docker."""

    top: Path
    docker: Standin
    heard: Heard = field(default_factory=Heard)

    @asynccontextmanager
    async def made(self, requirement: str, sites: str, flow: str = FLOW) -> AsyncIterator[dict[str, Containers]]:
        (self.top / "flow.cwl").write_text(flow.replace("TOOL", TOOL).replace("REQUIREMENT", requirement))
        (self.top / "deploy.yml").write_text(sites)
        processes = Processes(load(str(self.top / "flow.cwl"), cache=None))
        chosen = deployment.read(str(self.top / "deploy.yml"))
        try:
            async with self.docker.site() as connector, asyncio.TaskGroup() as group:
                connectors = dict.fromkeys(chosen.sites, connector)
                archives = Archives(self.top / "archives")
                found = await outfit(chosen, processes, connectors, "run1", self._localized, archives, self.heard, group)
                yield found
                for containers in found.values():
                    containers.close()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    @property
    def works(self) -> str:
        return f"{{runtime: docker, command: [{self.docker.command}]}}"

    @staticmethod
    async def _localized(uri: str, site: str) -> str:
        return uri


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, Standin(tmp_path / "engine"))


async def test_who_asks_gets_an_engine_which_begins_to_bring_the_image(house: House) -> None:
    for requirement in (MUST, WOULD):
        async with house.made(requirement, LOCAL.replace("CONTAINER", house.works)) as found:
            assert list(found) == ["here"]
            await house.docker.until_called("pull")
            while len(house.heard.notes) < 2:  # noqa: ASYNC110  # the second comes when the image has come
                await asyncio.sleep(0.01)
        assert house.heard.notes[0] == "here: pulling busybox"
    assert (house.docker.calls("pull"), house.heard.warnings) == (["pull busybox"], [])


async def test_where_nobody_asks_nothing_is_looked_for(house: House) -> None:
    async with house.made("hints: []", LOCAL.replace("CONTAINER", NO_ENGINE)) as found:
        assert found == {}
    assert house.heard == Heard()


@pytest.mark.parametrize(("bind", "sites"), [
    ("[{step: /, site: here}, {step: /boxed, site: box}]", ["box"]),
    ("[{step: /, site: box}, {step: /boxed, site: here}]", ["here"]),
    ("[{step: /, site: [here, box]}]", ["box", "here"]),
])
async def test_only_sites_where_someone_asks(house: House, bind: str, sites: list[str]) -> None:
    text = TWO.replace("CONTAINER", house.works).replace("OTHER", house.works).replace("BIND", bind)
    async with house.made(MUST, text) as found:
        assert sorted(found) == sites


async def test_who_must_have_one_and_cannot(house: House) -> None:
    with pytest.raises(UnsupportedRequirement) as caught:
        async with house.made(MUST, LOCAL.replace("CONTAINER", NO_ENGINE)):
            raise AssertionError("there is no engine")
    assert caught.value.exit_status == 33
    assert caught.value.what == ("/boxed must run in a container (DockerRequirement: busybox), and no container engine works at here "
                                 "(docker: no-such-engine is not installed)")
    assert "--container none" in str(caught.value)


async def test_who_would_have_one_and_cannot(house: House) -> None:
    async with house.made(WOULD, LOCAL.replace("CONTAINER", "{command: [no-such-engine]}")) as found:
        assert found == {}
    [warning] = house.heard.warnings
    assert warning.startswith("/boxed would rather run in a container and runs without one: no container engine works at here (docker: ")


async def test_an_engine_that_the_user_names_must_work(house: House) -> None:
    with pytest.raises(SiteError, match=r"no container engine works at here \(docker: no-such-engine is not installed\)"):
        async with house.made(WOULD, LOCAL.replace("CONTAINER", NO_ENGINE)):
            raise AssertionError("there is no engine")


async def test_without_containers_by_wish(house: House) -> None:
    async with house.made(WOULD, LOCAL.replace("CONTAINER", "{runtime: none}")) as found:
        assert (found, house.heard.warnings) == ({}, [])
    async with house.made(MUST, LOCAL.replace("CONTAINER", "{runtime: none}")) as found:
        assert (found, house.heard.warnings) == ({}, ["/boxed asked for a container and runs without one"])


async def test_auto_tells_what_it_found(house: House) -> None:
    async with house.made(MUST, LOCAL.replace("CONTAINER", f"{{command: [{house.docker.command}]}}")) as found:
        assert found["here"].engine.facts.kind == "docker"
    assert house.heard.notes[0] == "here: containers run with docker 1"


@pytest.mark.parametrize(("requirement", "what"), [
    ("requirements: {DockerRequirement: {dockerPull: --help}}", "no image can be called '--help'"),
    ("requirements: {DockerRequirement: {dockerOutputDirectory: /x}}", "DockerRequirement names no image"),
    ("hints: {DockerRequirement: {dockerPull: x, dockerOutputDirectory: /proc/x}}", "dockerOutputDirectory cannot be '/proc/x'"),
])
async def test_what_cannot_be_asked_is_told_with_its_place(house: House, requirement: str, what: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        async with house.made(requirement, LOCAL.replace("CONTAINER", house.works)):
            raise AssertionError("it was accepted")
    assert what in caught.value.what
    assert str(caught.value).startswith(f"{house.top}/flow.cwl:8:")
    assert not isinstance(caught.value, DeploymentError)


@pytest.mark.parametrize(("asked", "image"), [
    ("dockerFile: FROM x", "made of its dockerFile"), ("dockerLoad: i.tar", "i.tar"), ("dockerImport: f.tar, dockerImageId: f", "f"),
])
async def test_the_image_is_told_however_it_comes(house: House, asked: str, image: str) -> None:
    with pytest.raises(UnsupportedRequirement) as caught:
        async with house.made(f"requirements: {{DockerRequirement: {{{asked}}}}}", LOCAL.replace("CONTAINER", NO_ENGINE)):
            raise AssertionError("there is no engine")
    assert image in caught.value.what.partition(", and ")[0]
