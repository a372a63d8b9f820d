"""Where images are fetched: at the site, in a job of it, or here and sent over. Scripts stand for engines, to be heard and to fail."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from boxes import engine
from standin import Standin
from toolless import toolless

from hyflow.connector import Connector, Errands
from hyflow.containers.engine import Facts, Kind
from hyflow.engine import clients
from hyflow.engine.archives import Archives
from hyflow.engine.bringing import Bringing
from hyflow.errors import DeploymentError, ImageError, SiteError
from hyflow.model.containers import Image, ImageKind

BUSYBOX, BUILT = Image("busybox"), Image("hyflow-built:1", ImageKind.BUILD, "FROM busybox\n")
CLIENT = """#!/bin/sh
# Stands for a tool: its calls are lines of `calls`, its images files of `images`.
cd "${0%/*}" || exit 9
echo "${0##*/} $*" >>calls
for name; do :; done
at() { case $1 in /*) echo "$1" ;; *) echo "$OLDPWD/$1" ;; esac; }
case $1 in
version | info | --version) . ./works ;;
image) [ -e "images/$name" ] && echo "[{\\"Id\\": \\"sha256:$(cat "images/$name")\\"}]" ;;
pull) . ./pull; case $name in docker://*) echo "$name" >"$OLDPWD/image.sif" ;; *) echo abc >"images/$name" ;; esac ;;
build) case $2 in --disable*) echo "$4" >"$(at "$3")" ;; *) cat >recipe; echo def >"images/$4" ;; esac ;;
tag) cp "images/$2" "images/$3" 2>/dev/null || echo "${2#*:}" >"images/$3" ;;
rmi) rm "images/$name" ;;
save) echo "$4" >"$(at "$3")" ;;
load) name=$(cat "$3"); echo "Loaded image: $name"; echo abc >"images/$name" ;;
esac
"""


class Client:
    """A stand-in for a tool, in a directory of its own."""

    def __init__(self, home: Path, kind: str) -> None:
        self.home, self.path = home, home / kind
        (home / "images/localhost").mkdir(parents=True)
        self.does("works", ":")
        self.does("pull", ":")
        self.path.write_text(CLIENT)
        self.path.chmod(0o755)

    def does(self, what: str, script: str) -> None:
        (self.home / what).write_text(script + "\n")

    def calls(self, verb: str) -> list[str]:
        file = self.home / "calls"
        return [line for line in (file.read_text().splitlines() if file.exists() else []) if line.split()[1] == verb]


class Batch:
    """A site on this machine that has a batch system: its jobs are commands that write down that they ran."""

    def __init__(self, site: Connector, log: Path) -> None:
        self._site, self._log = site, log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._site, name)

    def power(self, kind: type[Any]) -> Any:
        return self if kind is Errands else self._site.power(kind)

    def errand(self, argv: Sequence[str]) -> Sequence[str]:
        return ("sh", "-c", 'echo "$*" >>"$0"; exec "$@"', str(self._log), *argv)

    @property
    def jobs(self) -> list[str]:
        return self._log.read_text().split("\n") if self._log.exists() else []


@dataclass
class House:
    """A site on this machine with its engine, and the tools of this machine, which are other stand-ins."""

    top: Path
    notes: list[str] = field(default_factory=list)
    localized: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tools: dict[str, Client] = {}

    def tool(self, kind: str) -> Client:
        """One that works on this machine, found before any other of its name."""
        self.tools[kind] = Client(self.top / "here" / kind, kind)
        return self.tools[kind]

    @asynccontextmanager
    async def site(self, kind: Kind, *, batch: bool = False, apart: bool = False, **settings: Any) -> AsyncIterator[tuple[Bringing, Any]]:
        client = Client(self.top / "site", kind)
        made = engine(kind, command=[str(client.path)], cache=str(self.top / "cache"), **settings)
        facts = made.facts
        made.facts = Facts(kind, facts.version, facts.rootless, facts.limits, facts.user, facts.host, facts.cache, self.machine)
        keeping = Archives(self.top / "archives")
        async with Standin(self.top / "unused").site() as connector:
            used = Batch(connector, self.top / "jobs") if batch else connector
            yield Bringing("far", used, made, self._localize, keeping, self.notes.append, apart), client
        keeping.close()
        assert not (self.top / "archives").exists()

    machine = os.uname().machine

    async def _localize(self, uri: str) -> str:
        self.localized.append(uri)
        return uri.removeprefix("file://")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """None of this machine's own tools is found."""
    made = House(tmp_path)
    places = [str(tmp_path / "here" / kind) for kind in ("apptainer", "docker", "podman", "skopeo")]
    monkeypatch.setenv("PATH", ":".join([*places, str(toolless(tmp_path / "plain"))]))
    monkeypatch.setattr(clients, "FIRST_WAIT", 0.01)
    return made


# -- at the site, and in a job -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fetch", "jobs"), [("site", 0), ("job", 1)])
async def test_only_what_is_much_work_is_a_job(house: House, fetch: str, jobs: int) -> None:
    async with house.site("apptainer", batch=True, fetch=fetch) as (bringing, client):
        bringing.check()
        ready = await bringing.bring(BUSYBOX)
        assert ready.digest.startswith("sha256:")
        assert len(client.calls("build")) == 1
        ran = [line for line in bringing.connector.jobs if "docker://busybox" in line]  # type: ignore[attr-defined]  # a Batch
        assert len(ran) == jobs
        assert await bringing.bring(BUSYBOX) == ready
        assert len(client.calls("build")) == 1


async def test_a_job_that_fails_is_told_as_the_engine_says_it(house: House) -> None:
    async with house.site("apptainer", batch=True, fetch="job") as (bringing, client):
        client.path.write_text("#!/bin/sh\necho 'FATAL:   manifest unknown' >&2\nexit 255\n")
        with pytest.raises(ImageError, match=r"the image busybox cannot be had at far: apptainer says: FATAL:   manifest unknown"):
            await bringing.bring(BUSYBOX)


async def test_an_engine_that_only_jobs_find_is_asked_in_jobs_alone(house: House) -> None:
    async with house.site("apptainer", batch=True) as (bringing, client):
        bringing.engine.facts = dataclasses.replace(bringing.engine.facts, absent=True)
        bringing.check()
        ready = await bringing.bring(BUSYBOX)
        client.path.unlink()
        assert await bringing.bring(BUSYBOX) == ready
        assert len([line for line in bringing.connector.jobs if "docker://busybox" in line]) == 1  # type: ignore[attr-defined]  # a Batch


async def test_an_engine_that_jobs_do_not_find_either(house: House) -> None:
    async with house.site("apptainer", batch=True) as (bringing, client):
        bringing.engine.facts = dataclasses.replace(bringing.engine.facts, absent=True)
        client.path.unlink()
        with pytest.raises(ImageError, match=r"there is no \S+/apptainer on the PATH of \S+; the site's prologue can put it there"):
            await bringing.bring(BUSYBOX)


async def test_a_site_without_a_batch_system(house: House) -> None:
    async with house.site("apptainer", fetch="job") as (bringing, _):
        with pytest.raises(DeploymentError, match=r"cannot be fetched in a job at far: it has no batch system") as caught:
            bringing.check()
        assert "fetch: here" in str(caught.value)


async def test_an_engine_whose_images_others_do_not_see(house: House) -> None:
    async with house.site("podman", batch=True, fetch="job") as (bringing, _):
        with pytest.raises(DeploymentError, match="podman has them on the machine that fetched them alone"):
            bringing.check()


# -- here, and sent over -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "tool", "form"), [
    ("apptainer", "apptainer", "sif"), ("apptainer", "docker", "tar"), ("docker", "docker", "tar"), ("podman", "docker", "tar"),
    ("docker", "podman", "tar"),
])
async def test_an_image_is_made_here_and_sent(house: House, kind: Kind, tool: str, form: str) -> None:
    made = house.tool(tool)
    async with house.site(kind, fetch="here") as (bringing, client):
        bringing.check()
        ready = await bringing.bring(BUSYBOX)
        assert (len(made.calls("pull")), client.calls("pull")) == (1, [])
        [uri] = house.localized
        assert uri.endswith(f"/image.{form}") and uri.startswith((house.top / "archives").as_uri())
        assert house.notes[:2] == [f"far: pulling busybox on this machine, with {tool}", "far: sending busybox"]
        assert await bringing.bring(BUSYBOX) == ready
        assert (len(made.calls("pull")), house.localized) == (1, [uri])


async def test_two_sites_are_sent_the_same_file(house: House) -> None:
    docker = house.tool("docker")
    async with house.site("docker", fetch="here") as (bringing, client):
        first = asyncio.create_task(bringing.bring(BUSYBOX))
        await asyncio.gather(first, bringing.bring(BUSYBOX))
        assert len(docker.calls("save")) == 1 and len(client.calls("load")) == 2 and len({*house.localized}) == 1


async def test_an_image_named_by_its_digest_is_found_again(house: House) -> None:
    docker, image = house.tool("docker"), Image("busybox@sha256:1234")
    async with house.site("docker", fetch="here") as (bringing, client):
        ready = await bringing.bring(image)
        assert await bringing.bring(image) == ready
        assert len(client.calls("load")) == 1
        assert docker.calls("pull") == ["docker pull busybox@sha256:1234"]
        assert [path.name for path in (docker.home / "images").iterdir() if path.name.startswith("hyflow-sent")] == []


async def test_a_dockerfile_is_built_here_for_an_engine_that_cannot(house: House) -> None:
    house.tool("apptainer")
    docker = house.tool("docker")
    async with house.site("apptainer", fetch="here") as (bringing, client):
        await bringing.bring(BUILT)
        assert (docker.home / "recipe").read_text() == BUILT.source
        assert client.calls("build")[0].split()[-1].startswith("docker-archive:")


async def test_an_image_for_another_kind_of_machine(house: House) -> None:
    docker = house.tool("docker")
    house.machine = "s390x"
    async with house.site("docker", fetch="here") as (bringing, _):
        await bringing.bring(BUSYBOX)
        assert docker.calls("pull") == ["docker pull --platform=linux/s390x busybox"]


async def test_archives_are_sent_as_ever(house: House) -> None:
    async with house.site("docker", fetch="here") as (bringing, client):
        (house.top / "i.tar").write_text("loaded:1")
        await bringing.bring(Image("", ImageKind.LOAD, (house.top / "i.tar").as_uri()))
        assert len(client.calls("load")) == 1 and house.notes[0].startswith("far: loading file://")


async def test_pull_always_asks_the_registry_once_a_run(house: House) -> None:
    docker = house.tool("docker")
    (docker.home / "images/busybox").write_text("old")
    async with house.site("docker", fetch="here", pull="always") as (bringing, client):
        (client.home / "images/busybox").write_text("old")
        assert (await bringing.bring(BUSYBOX)).digest == "sha256:abc"
        assert len(docker.calls("pull")) == 1


async def test_nothing_here_can_make_it(house: House) -> None:
    house.tool("docker").does("works", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    async with house.site("docker", fetch="here") as (bringing, _):
        with pytest.raises(ImageError) as caught:
            await bringing.bring(BUSYBOX)
        assert caught.value.what == (
            "the image busybox cannot be had at far: nothing on this machine can pull it for the site (docker: Cannot connect to the "
            "Docker daemon; podman: it is not installed; skopeo: it is not installed)")
        assert not caught.value.transient
        with pytest.raises(ImageError, match=r"nothing on this machine can build it"):
            await bringing.bring(BUILT)


async def test_what_may_pass_is_tried_again_here(house: House) -> None:
    docker = house.tool("docker")
    docker.does("pull", '[ "$(grep -c " pull " calls)" -ge 2 ] || { echo "connection refused" >&2; exit 1; }')
    async with house.site("docker", fetch="here") as (bringing, _):
        await bringing.bring(BUSYBOX)
        assert [note for note in house.notes if "is tried again" in note and note.startswith("far: pulling busybox on this machine")]
        docker.does("pull", "echo 'manifest unknown' >&2; exit 1")
        with pytest.raises(ImageError, match="docker on this machine says: manifest unknown"):
            await bringing.bring(Image("nosuch"))


async def test_a_tool_that_hangs_is_passed_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ANSWERING", 3.0)
    house.tool("docker").does("works", "exec sleep 60")
    house.tool("podman")
    async with house.site("docker", fetch="here") as (bringing, _):
        await bringing.bring(BUSYBOX)
        assert house.notes[0] == "far: pulling busybox on this machine, with podman"


async def test_what_cannot_be_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(self: House, uri: str) -> str:
        raise SiteError("the disk is full", transient=False)

    house.tool("docker")
    monkeypatch.setattr(House, "_localize", full)
    async with house.site("docker", fetch="here") as (bringing, _):
        with pytest.raises(ImageError, match="cannot be had at far: the disk is full"):
            await bringing.bring(BUSYBOX)


# -- jobs that run on other machines -----------------------------------------------------------------------------------------------------


async def test_an_image_is_saved_once_where_jobs_see_it(house: House) -> None:
    async with house.site("podman", apart=True) as (bringing, client):
        ready = await bringing.bring(BUSYBOX)
        assert ready.archive.startswith(f"{house.top}/cache/") and Path(ready.archive).exists()
        assert ready.digest == "sha256:abc" and ready.reference.startswith("localhost/hyflow-kept:")
        assert await bringing.bring(BUSYBOX) == ready
        assert len(client.calls("save")) == 1
        assert "far: saving busybox for the machines that run jobs" in house.notes
