"""An engine at work: images come once, failures that may pass are tried again, and whatever an engine does is bounded and told."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest
from boxes import task
from commandline import processes
from standin import COMES, Standin

from hyflow.containers.engine import Ready
from hyflow.engine import clients, contained
from hyflow.engine.contained import find, with_signal
from hyflow.errors import ImageError, SiteError
from hyflow.model.containers import ContainerSettings, Image, ImageKind
from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.tasks import Outcome

BUSYBOX = Image("busybox")
REFUSED = 'echo "Error response from daemon: Get \\"http://127.0.0.1:1/v2/\\": ' \
          'dial tcp 127.0.0.1:1: connect: connection refused" >&2; exit 1'
UNKNOWN = 'echo "Error response from daemon: manifest for $name:latest not found: manifest unknown: manifest unknown" >&2; exit 1'


@pytest.fixture
def docker(tmp_path: Path) -> Standin:
    return Standin(tmp_path / "engine")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "FIRST_WAIT", 0.01)


# -- images --------------------------------------------------------------------------------------------------------------------------


async def test_an_image_that_is_there_is_not_pulled(docker: Standin) -> None:
    (docker.home / "images/busybox").touch()
    async with docker.at_work() as containers:
        ready = await containers.ready(BUSYBOX)
        assert ready.reference.startswith("sha256:") and ready.digest == ready.reference
    assert (docker.calls("pull"), docker.notes) == ([], [])


async def test_an_image_that_many_ask_for_at_once_comes_once(docker: Standin) -> None:
    docker.does("pull", f"sleep 0.2; {COMES}")
    async with docker.at_work() as containers:
        found = await asyncio.gather(*(containers.ready(BUSYBOX) for _ in range(50)))
        assert len(set(found)) == 1
        assert await containers.ready(BUSYBOX) == found[0]
    assert docker.calls("pull") == ["pull busybox"]
    assert docker.notes[0] == "here: pulling busybox"
    assert re.fullmatch(r"here: busybox is there \(\d+ s\)", docker.notes[1])


async def test_who_asks_and_is_cancelled_takes_the_image_from_nobody(docker: Standin) -> None:
    docker.does("pull", f"sleep 0.3; {COMES}")
    async with docker.at_work() as containers:
        first, second = (asyncio.create_task(containers.ready(BUSYBOX)) for _ in range(2))
        await docker.until_called("pull")
        first.cancel()
        assert isinstance(await second, Ready)
        assert first.cancelled()
    assert len(docker.calls("pull")) == 1


async def test_a_few_images_come_at_the_same_time(docker: Standin) -> None:
    docker.does("pull", f'echo "$name" >"begun-$name"; ls begun-* | wc -l >"at-$name"; sleep 0.3; rm "begun-$name"; {COMES}')
    async with docker.at_work() as containers:
        await asyncio.gather(*(containers.ready(Image(f"i{number}")) for number in range(7)))
    together = [int(file.read_text()) for file in docker.home.glob("at-*")]
    assert len(together) == 7 and 1 < max(together) <= contained._AT_ONCE


async def test_a_pull_that_fails_twice_and_then_works(docker: Standin) -> None:
    docker.does("pull", f'if [ "$(grep -c ^pull calls)" -lt 3 ]; then {REFUSED}; fi; {COMES}')
    async with docker.at_work() as containers:
        assert isinstance(await containers.ready(BUSYBOX), Ready)
    assert len(docker.calls("pull")) == 3
    assert [note for note in docker.notes if "is tried again" in note and "connection refused" in note] == docker.notes[1:3]


async def test_a_pull_that_goes_on_failing(docker: Standin) -> None:
    docker.does("pull", REFUSED)
    async with docker.at_work() as containers:
        with pytest.raises(ImageError) as caught:
            await containers.ready(BUSYBOX)
        assert caught.value.transient
        assert caught.value.what == ('the image busybox cannot be had at here: docker says: Error response from daemon: Get '
                                     '"http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused (tried 3 times)')
        assert "hyflow pull" in str(caught.value) and "--container none" in str(caught.value)
        with pytest.raises(ImageError):
            await containers.ready(BUSYBOX)
    assert len(docker.calls("pull")) == 3


async def test_what_cannot_come_is_not_tried_again(docker: Standin) -> None:
    docker.does("pull", UNKNOWN)
    async with docker.at_work() as containers:
        with pytest.raises(ImageError, match="manifest unknown") as caught:
            await containers.ready(BUSYBOX)
        assert not caught.value.transient
    assert len(docker.calls("pull")) == 1


async def test_an_image_that_no_job_needs_fails_without_harm(docker: Standin) -> None:
    docker.does("pull", UNKNOWN)
    async with docker.at_work() as containers:
        containers.begin([BUSYBOX])
        await docker.until_called("pull")
        await asyncio.sleep(0.1)


async def test_progress_is_told_now_and_then(docker: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "TOLD", 0.3)
    docker.does("pull", f'for layer in 1 2 3 4 5 6 7 8 9 10; do echo "layer $layer"; sleep 0.1; done; {COMES}')
    async with docker.at_work() as containers:
        await containers.ready(BUSYBOX)
    told = [note for note in docker.notes if "layer" in note]
    assert 1 <= len(told) <= 4
    assert all(re.fullmatch(r"here: pulling busybox: layer \d+", note) for note in told)


@pytest.mark.parametrize("there", [False, True])
async def test_pull_never(docker: Standin, there: bool) -> None:
    if there:
        (docker.home / "images/busybox").touch()
    async with docker.at_work(pull="never") as containers:
        if there:
            assert isinstance(await containers.ready(BUSYBOX), Ready)
        else:
            with pytest.raises(ImageError, match="it is not there, and the deployment says `pull: never`"):
                await containers.ready(BUSYBOX)
    assert docker.calls("pull") == []


async def test_pull_always_is_once_a_run(docker: Standin) -> None:
    (docker.home / "images/busybox").touch()
    async with docker.at_work(pull="always") as containers:
        await asyncio.gather(*(containers.ready(BUSYBOX) for _ in range(5)))
    assert docker.calls("pull") == ["pull busybox"]


@pytest.mark.parametrize(("image", "call"), [
    (Image("", ImageKind.LOAD, "file:///i.tar"), "load --input /i.tar"),
    (Image("f:1", ImageKind.IMPORT, "file:///f.tar"), "import /f.tar f:1"),
    (Image("b:1", ImageKind.BUILD, "FROM x\nRUN y\n"), "build"),
])
async def test_images_that_are_not_pulled(docker: Standin, image: Image, call: str) -> None:
    async with docker.at_work(pull="never") as containers:
        assert isinstance(await containers.ready(image), Ready)
    assert call in [*docker.calls("load"), *docker.calls("import"), *(made.split()[0] for made in docker.calls("build"))]
    if image.kind is ImageKind.BUILD:
        assert (docker.home / "recipe").read_text() == image.source


async def test_an_archive_that_cannot_be_brought(docker: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(uri: str) -> str:
        raise SiteError(f"there is no file {uri}", transient=False)

    monkeypatch.setattr(Standin, "_localized", staticmethod(gone))
    async with docker.at_work() as containers:
        with pytest.raises(ImageError, match=r"cannot be had at here: there is no file file:///i\.tar") as caught:
            await containers.ready(Image("", ImageKind.LOAD, "file:///i.tar"))
        assert not caught.value.transient


@pytest.mark.parametrize(("script", "why"), [
    (":", "docker says that it has it, and yet it is not there"),
    ("exit 5", "docker says: exit status 5"),
    ("echo a; echo b; exit 5", "docker says: b"),
])
async def test_an_engine_that_says_one_thing_and_does_another(docker: Standin, script: str, why: str) -> None:
    docker.does("pull", script)
    async with docker.at_work() as containers:
        with pytest.raises(ImageError, match=why):
            await containers.ready(BUSYBOX)


@pytest.mark.parametrize("answer", ["", "nonsense", "[]", "null", "{}", "[1]", '[{"Id": "a", "RepoDigests": 7}]', "7"])
async def test_an_answer_about_an_image_that_cannot_be_read(docker: Standin, answer: str) -> None:
    docker.command.write_text(f"#!/bin/sh\necho '{answer}'\n")
    async with docker.at_work() as containers:
        with pytest.raises(ImageError, match="what the engine says of it cannot be read"):
            await containers.ready(BUSYBOX)


async def test_a_pull_that_is_given_up_ends(docker: Standin) -> None:
    docker.does("pull", "exec sleep 86399.125")
    async with docker.at_work() as containers:
        containers.begin([BUSYBOX])
        await docker.until_called("pull")
    async with asyncio.timeout(10):
        while processes("sleep\x0086399.125"):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)


# -- engines -------------------------------------------------------------------------------------------------------------------------


async def test_an_engine_that_hangs_is_given_up(docker: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ANSWERING", 0.5)
    docker.does("info", "exec sleep 86399.25")
    docker.command.write_text(docker.command.read_text().replace("image) ", "image) exec sleep 86399.25;"))
    async with docker.site() as connector:
        with pytest.raises(SiteError, match=r"no container engine works at here \(docker: no answer within 0.5 seconds\)"):
            await find("here", connector, docker.settings())
    async with docker.at_work() as containers:
        with pytest.raises(ImageError, match=r"the container engine gives no answer within 0.5 seconds") as caught:
            await containers.ready(BUSYBOX)
        assert caught.value.transient
    assert not processes("sleep\x0086399.25")


async def test_the_first_that_works_is_found_and_all_that_was_tried_is_told(docker: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    async with docker.site() as connector:
        found = await find("here", connector, docker.settings())
        assert (found.facts.kind, found.facts.version) == ("docker", "1")
        with pytest.raises(SiteError) as caught:
            await find("here", connector, ContainerSettings(command=["no-such-engine"]))
    reasons = "; ".join(f"{kind}: no-such-engine is not installed" for kind in ("docker", "podman", "apptainer"))
    assert caught.value.what == f"no container engine works at here ({reasons})"
    assert "--container none" in str(caught.value)


async def test_what_was_left_behind_is_removed_and_told(docker: Standin) -> None:
    docker.does("ps", "echo hyflow-left1; echo hyflow-left2; echo 'b$d'")
    async with docker.at_work() as containers:
        containers.begin([])
        await docker.until_called("rm")
        while not docker.notes:  # noqa: ASYNC110  # the note comes when it comes
            await asyncio.sleep(0.01)
    assert docker.calls("rm") == ["rm --force hyflow-left1 hyflow-left2"]


async def test_who_has_a_client_is_left_alone(docker: Standin) -> None:
    docker.does("ps", "echo hyflow-alive; touch swept")
    async with docker.at_work() as containers:
        client = await asyncio.create_subprocess_exec("sh", "-c", "sleep 20; :", "--name=hyflow-alive")
        try:
            containers.begin([])
            await docker.until_called("ps")
            await asyncio.sleep(0.3)
        finally:
            client.terminate()
            await client.wait()
    assert docker.calls("rm") == [] and (docker.home / "swept").exists()


# -- tasks and their ends ------------------------------------------------------------------------------------------------------------


async def test_a_task_enters_its_container(docker: Standin) -> None:
    async with docker.at_work() as containers:
        entered, digest = await containers.enter(task("ls"))
        assert (entered.argv[0], entered.argv[-2:], entered.container) == (str(docker.command), (digest, "ls"), None)
        with pytest.raises(ValueError, match="no container"):
            await containers.enter(entered)


async def test_whose_failure_it_was(docker: Standin) -> None:
    async with docker.at_work() as containers:
        said = "docker: Error response from daemon: No such image: x\n"
        assert containers.failure(BUSYBOX, Outcome(code=125, stderr=said)) == Failure(
            FailureClass.INFRASTRUCTURE, "docker failed: docker: Error response from daemon: No such image: x", 125, said)
        said = 'docker: Error response from daemon: exec: "x": executable file not found in $PATH: unknown\n'
        assert containers.failure(BUSYBOX, Outcome(code=127, stderr=said)) == Failure(
            FailureClass.TOOL, "the command could not be started: x is not in the image (busybox)", 127, said)
        assert containers.failure(BUSYBOX, Outcome(code=127, stderr="sh: x: not found\n")) is None


@pytest.mark.parametrize(("kind", "code", "number"), [
    (FailureClass.TOOL, 137, signal.SIGKILL), (FailureClass.TOOL, 139, signal.SIGSEGV), (FailureClass.TOOL, 129, None),
    (FailureClass.TOOL, 1, None), (FailureClass.TOOL, None, None), (FailureClass.MEMORY, 137, None),
])
def test_the_signal_that_most_likely_ended_it(kind: FailureClass, code: int | None, number: signal.Signals | None) -> None:
    failure = Failure(kind, "it failed", code)
    told = f"it failed: most likely it was ended by {number.name} in its container" if number else "it failed"
    assert with_signal(failure).message == told


# -- what killed runs left ---------------------------------------------------------------------------------------------------------------


async def test_containers_whose_client_is_gone_are_removed_and_no_others(docker: Standin) -> None:
    docker.does("ps", "echo hyflow-gone-1; echo hyflow-alive-1; echo '$(touch x)'; echo hyflow-gone-2")
    client = await asyncio.create_subprocess_exec("sh", "-c", "read -r line", "sh", "--name=hyflow-alive-1", stdin=asyncio.subprocess.PIPE)
    try:
        async with docker.at_work() as containers:
            containers.begin([])
            async with asyncio.timeout(20):
                while not docker.notes:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.05)
    finally:
        client.kill()
        await client.wait()
    assert docker.notes == ["here: removed 2 containers of runs that were killed: hyflow-gone-1, hyflow-gone-2"]
    assert docker.calls("rm") == ["rm --force hyflow-gone-1 hyflow-gone-2"]
