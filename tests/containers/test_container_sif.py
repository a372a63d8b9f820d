"""Images as SIF files: converted once whoever asks at the same time, whole or not there, and known by what is in them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from boxes import engine
from lab import engine_site

from hyflow.containers.engine import Engine
from hyflow.model.containers import Image, ImageKind

SCRIPT = """#!/bin/sh
# Stands for apptainer, slowly. Its images hold what they were made of.
case $1 in
build)
    echo "$*" >>"${0%/*}/calls"
    for word; do part=$source source=$word; done
    echo "INFO: converting"
    : >"$part"
    . "${0%/*}/build"
    echo "$source" >>"$part" ;;
--quiet) echo "OCI_CMD='\\"sh\\"'" ;;
esac
"""


class House:
    """A cache, and a stand-in for apptainer."""

    def __init__(self, top: Path) -> None:
        self.top, self.cache = top, top / "the cache"
        self.command = top / "apptainer"
        self.command.write_text(SCRIPT)
        self.command.chmod(0o755)
        self.does(":")

    def does(self, script: str) -> None:
        (self.top / "build").write_text(script + "\n")

    def engine(self, pull: str = "missing") -> Engine:
        return engine("apptainer", command=[str(self.command)], cache=str(self.cache), pull=pull)

    def fetch(self, image: Image, archive: str | None = None, pull: str = "missing") -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.engine(pull).fetch(image, archive).argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
         start_new_session=True)

    def look(self, image: Image) -> tuple[int, str]:
        ran = subprocess.run(self.engine().look(image), capture_output=True, text=True)
        return ran.returncode, ran.stdout

    @property
    def calls(self) -> list[str]:
        return (self.top / "calls").read_text().splitlines() if (self.top / "calls").exists() else []

    @property
    def parts(self) -> list[str]:
        return [name for name in os.listdir(self.cache) if ".part" in name]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def ended(process: subprocess.Popen[bytes]) -> int:
    process.communicate(timeout=20)
    return process.returncode


def test_an_image_is_converted_and_found(house: House) -> None:
    image = Image("busybox")
    assert house.look(image) == (1, "")
    assert ended(house.fetch(image)) == 0
    code, said = house.look(image)
    [file] = house.cache.glob("*.sif")
    digest = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
    found = house.engine().found(said)
    assert (code, found.reference, found.digest, found.command) == (0, str(file), digest, ("sh",))
    assert house.parts == []


def test_who_comes_at_the_same_time_converts_it_once(house: House) -> None:
    house.does("sleep 0.3")
    assert [ended(process) for process in [house.fetch(Image("busybox")) for _ in range(5)]] == [0] * 5
    assert len(house.calls) == 1
    assert [ended(process) for process in [house.fetch(Image("busybox"), pull="always") for _ in range(2)]] == [0] * 2
    assert len(house.calls) == 3


def test_one_that_fails_leaves_nothing_and_another_may_try(house: House) -> None:
    house.does('echo "FATAL:   no such host" >&2; exit 255')
    process = house.fetch(Image("busybox"))
    assert process.communicate(timeout=20)[1].endswith(b"FATAL:   no such host\n") and process.returncode == 1
    assert house.look(Image("busybox"))[0] == 1 and house.parts == []
    house.does(":")
    assert ended(house.fetch(Image("busybox"))) == 0


def test_one_that_is_ended_leaves_nothing(house: House) -> None:
    house.does('touch "${0%/*}/begun"; exec sleep 60')
    process = house.fetch(Image("busybox"))
    while not (house.top / "begun").exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    assert ended(process) != 0
    assert house.look(Image("busybox"))[0] == 1 and house.parts == []


def test_one_that_is_killed_holds_nobody_up_and_what_it_left_is_removed(house: House) -> None:
    house.does('touch "${0%/*}/begun"; exec sleep 60')
    process = house.fetch(Image("busybox"))
    while not (house.top / "begun").exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    ended(process)
    assert len(house.parts) == 1
    house.does(":")
    assert ended(house.fetch(Image("busybox"))) == 0
    assert house.look(Image("busybox"))[0] == 0 and house.parts == []


def test_an_image_without_its_digest_beside_it(house: House) -> None:
    file = house.top / "my image.sif"
    file.write_bytes(b"image")
    image = Image(str(file))
    assert house.engine().found(house.look(image)[1]).digest == "sha256:" + hashlib.sha256(b"image").hexdigest()
    assert ended(house.fetch(image)) == 0
    file.unlink()
    process = house.fetch(image)
    assert process.communicate(timeout=20)[1] == f"there is no file {file}\n".encode() and process.returncode == 1


def test_a_machine_without_apptainer_tells_what_was_kept(house: House) -> None:
    image = Image("busybox")
    assert ended(house.fetch(image)) == 0
    before = house.look(image)
    house.command.rename(house.top / "elsewhere")
    code, said = house.look(image)
    assert (code, house.engine().found(said)) == (0, house.engine().found(before[1]))
    process = house.fetch(image)
    assert b"there is no " in process.communicate(timeout=20)[1] and process.returncode == 127


def test_of_an_image_of_earlier_days_the_rest_is_kept_without_converting_it_again(house: House) -> None:
    image = Image("busybox")
    assert ended(house.fetch(image)) == 0
    [kept] = house.cache.glob("*.digest")
    kept.write_text(kept.read_text().splitlines()[0] + "\n")
    house.command.rename(house.top / "elsewhere")
    assert house.look(image)[0] == 1
    (house.top / "elsewhere").rename(house.command)
    assert ended(house.fetch(image)) == 0 and len(house.calls) == 1
    house.command.rename(house.top / "elsewhere")
    assert house.engine().found(house.look(image)[1]).command == ("sh",)


def test_an_image_of_the_user_s_own_is_looked_at_where_apptainer_is(house: House) -> None:
    file = house.top / "my image.sif"
    file.write_bytes(b"image")
    own = house.engine()
    own.facts = dataclasses.replace(own.facts, absent=True)
    assert ended(subprocess.Popen(own.fetch(Image(str(file)), None).argv)) == 0
    house.command.rename(house.top / "elsewhere")
    found = own.found(house.look(Image(str(file)))[1])
    assert (found.reference, found.digest, found.command) == (str(file), "sha256:" + hashlib.sha256(b"image").hexdigest(), ("sh",))
    os.utime(file, (time.time() + 100, time.time() + 100))
    assert house.look(Image(str(file)))[0] == 1  # it may be another one


def test_archives_are_named_by_no_mark_that_divides(house: House) -> None:
    archive = house.top / "a,b:c.tar"
    archive.write_bytes(b"plain")
    assert ended(house.fetch(Image("", ImageKind.LOAD, "file:///x"), str(archive))) == 0
    source = house.calls[0].split()[-1]
    assert source.startswith("docker-archive:") and "," not in source and source.count(":") == 1


@pytest.mark.parametrize("compressed", [False, True])
def test_a_saved_image(tmp_path: Path, compressed: bool) -> None:
    docker, apptainer = engine_site("docker")["container"], engine_site("apptainer")["container"]
    archive = tmp_path / "saved, image:1.tar"
    subprocess.run([*docker["command"], "save", "--output", str(archive), "busybox"], check=True)
    if compressed:
        archive.write_bytes(gzip.compress(archive.read_bytes(), 1))
    it = engine("apptainer", command=apptainer["command"], cache=str(tmp_path / "cache"))
    image = Image("", ImageKind.LOAD, archive.as_uri())
    subprocess.run(it.fetch(image, str(archive)).argv, check=True, capture_output=True)
    found = it.found(subprocess.run(it.look(image), check=True, capture_output=True, text=True).stdout)
    assert (found.entry, found.command) == ((), ("sh",))
    ran = subprocess.run([*apptainer["command"], "--quiet", "exec", "--containall", found.reference, "echo", "hi"], capture_output=True,
     check=True)
    assert ran.stdout == b"hi\n"


def test_a_file_system(tmp_path: Path) -> None:
    docker, apptainer = engine_site("docker")["container"], engine_site("apptainer")["container"]
    archive, name = tmp_path / "file system.tar", f"hyflow-test-{os.getpid()}"
    subprocess.run([*docker["command"], "create", "--name", name, "busybox"], check=True, capture_output=True)
    try:
        subprocess.run([*docker["command"], "export", "--output", str(archive), name], check=True)
    finally:
        subprocess.run([*docker["command"], "rm", name], check=True, capture_output=True)
    it = engine("apptainer", command=apptainer["command"], cache=str(tmp_path / "cache"))
    image = Image("fs:1", ImageKind.IMPORT, archive.as_uri())
    subprocess.run(it.fetch(image, str(archive)).argv, check=True, capture_output=True)
    found = it.found(subprocess.run(it.look(image), check=True, capture_output=True, text=True).stdout)
    assert (found.entry, found.command) == ((), ())
    ran = subprocess.run([*apptainer["command"], "--quiet", "exec", "--containall", found.reference, "echo", "hi"], capture_output=True,
     check=True)
    assert ran.stdout == b"hi\n"
    assert [each for each in os.listdir(tmp_path / "cache") if "part" in each] == []


def test_a_file_that_was_made_elsewhere_is_taken_as_it_is(house: House) -> None:
    made = house.top / "image.sif"
    made.write_bytes(b"made elsewhere")
    assert ended(subprocess.Popen(house.engine().take(Image("busybox"), str(made), "sif").argv)) == 0
    made.unlink()
    found = house.engine().found(house.look(Image("busybox"))[1])
    assert Path(found.reference).read_bytes() == b"made elsewhere"
    assert found.digest == "sha256:" + hashlib.sha256(b"made elsewhere").hexdigest()
    assert (house.calls, house.parts) == ([], [])


def test_an_archive_that_was_made_elsewhere_is_converted_whatever_is_there(house: House) -> None:
    archive = house.top / "image.tar"
    archive.write_bytes(b"plain")
    for count in (1, 2):
        assert ended(subprocess.Popen(house.engine().take(Image("busybox"), str(archive), "docker").argv, stderr=subprocess.DEVNULL)) == 0
        assert len(house.calls) == count and house.calls[-1].split()[-1].startswith("docker-archive:")
