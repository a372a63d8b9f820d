"""What a DockerRequirement asks, in all its forms, and how a tool in a container is bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from onetool import RESOURCES, Tool, file, folder, source

from hyflow.cwl.contained import INDIR, OUTDIR, TMPDIR, Asked, asked
from hyflow.errors import UnsupportedRequirement, WorkflowError
from hyflow.model.containers import Container, Image, ImageKind, Mount
from hyflow.model.jobs import Job, JobId, Key
from hyflow.model.places import Place
from hyflow.model.tasks import Stage, StageKind, Task

LINK, COPY, WRITE, MKDIR = StageKind.LINK, StageKind.COPY, StageKind.WRITE, StageKind.MKDIR
LOAD, IMPORT, BUILD = ImageKind.LOAD, ImageKind.IMPORT, ImageKind.BUILD


def says(**fields: Any) -> Asked:
    return asked({"required": True, **fields}, "tool.cwl:3")


@pytest.mark.parametrize(("fields", "image"), [
    ({"dockerPull": "busybox"}, Image("busybox")),
    ({"dockerPull": "busybox", "dockerImageId": "local"}, Image("busybox")),
    ({"dockerPull": "/images/b c.sif"}, Image("/images/b c.sif")),
    ({"dockerImageId": "local:1"}, Image("local:1")),
    ({"dockerLoad": "file:///i.tar"}, Image("", LOAD, "file:///i.tar")),
    ({"dockerLoad": "file:///i.tar", "dockerImageId": "i:1"}, Image("i:1", LOAD, "file:///i.tar")),
    ({"dockerImport": "file:///f.tar", "dockerImageId": "f:1"}, Image("f:1", IMPORT, "file:///f.tar")),
    ({"dockerFile": "FROM x\n", "dockerImageId": "b:1"}, Image("b:1", BUILD, "FROM x\n")),
])
def test_which_image(fields: dict[str, str], image: Image) -> None:
    assert says(**fields) == Asked(image, True, OUTDIR)
    assert asked({"required": False, **fields}, None) == Asked(image, False, OUTDIR)


@pytest.mark.parametrize("field", ["dockerImport", "dockerFile"])
def test_what_has_no_name_is_named_for_what_it_is_made_of(field: str) -> None:
    names = [says(**{field: text}).image.name for text in ("one", "one", "two", "\udce9")]
    assert names[0] == names[1] and len(set(names)) == 3
    assert all(name.islower() and name.startswith("hyflow-") and len(name) < 40 for name in names)


@pytest.mark.parametrize("fields", [{}, {"dockerPull": ""}, {"dockerImageId": ""}, {"dockerOutputDirectory": "/o"}])
def test_no_image(fields: dict[str, str]) -> None:
    with pytest.raises(WorkflowError) as caught:
        says(**fields)
    assert str(caught.value) == ("tool.cwl:3: DockerRequirement names no image\n  "
                                 "say dockerPull: NAME, or dockerLoad, dockerImport, dockerFile")


@pytest.mark.parametrize("name", ["-v", "--help", "-", "a\nb", "a\0b", "\t"])
@pytest.mark.parametrize("more", [{"dockerPull"}, {"dockerImageId"}, {"dockerImageId", "dockerFile"}, {"dockerImageId", "dockerLoad"}])
def test_names_that_would_be_options(name: str, more: set[str]) -> None:
    with pytest.raises(WorkflowError, match=r"^tool\.cwl:3: no image can be called '"):
        says(**dict.fromkeys(more, name))


@pytest.mark.parametrize(("given", "outdir", "tmpdir"), [
    (None, OUTDIR, TMPDIR), ("", OUTDIR, TMPDIR), ("/out", "/out", TMPDIR), ("/out/", "/out", TMPDIR), ("//out/./a/../b", "/out/b", TMPDIR),
    ("/tmp", "/tmp", "/var/tmp"), ("/tmp/x", "/tmp/x", "/var/tmp"), ("/tmpx", "/tmpx", TMPDIR), ("/a:b, c", "/a:b, c", TMPDIR),
    ("/etc/x", "/etc/x", TMPDIR), ("/var/lib/cwlx", "/var/lib/cwlx", TMPDIR), ("/var/tmp", "/var/tmp", TMPDIR), ("/processed",
     "/processed", TMPDIR),
])
def test_where_the_output_directory_is_seen(given: str | None, outdir: str, tmpdir: str) -> None:
    made = says(dockerPull="x", dockerOutputDirectory=given)
    assert (made.outdir, made.tmpdir, made.indir) == (outdir, tmpdir, INDIR)


@pytest.mark.parametrize("given", ["/", "//", "relative", "./x", "..", "/..", "/etc", "//etc", "/etc/", "/x/../usr", "/var/lib",
 "/var/lib/cwl",
                                   "/var/lib/cwl/sub", "/proc", "/proc/x", "/sys/fs", "/dev/shm", "//dev", "/a\0b"])
def test_an_output_directory_that_cannot_be(given: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        says(dockerPull="x", dockerOutputDirectory=given)
    assert str(caught.value).startswith(f"tool.cwl:3: dockerOutputDirectory cannot be {given!r}")


# -- a tool in a container -----------------------------------------------------------------------------------------------------------

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\n"


def bound(path: Path, text: str, contained: bool = True, **inputs: Any) -> Task:
    """The task of the tool in its container at a place whose directory is /job."""
    tool = Tool(path, HEAD + text)
    demand = tool.demand(**inputs)
    wanted = tool.processes.container(tool.process)
    assert wanted is not None
    sources = {uri: source(uri) for uri in demand.sources}
    seen = (wanted.outdir, wanted.tmpdir, wanted.indir) if contained else ("/job/out", "/job/tmp", "/job/in")
    place = Place("/job", "site://far/job", *seen, sources, RESOURCES, contained=contained)
    job = Job(JobId(tool.process), tool.process, inputs)
    made = tool.disk.settle(lambda facts: tool.processes.bind(job, Key("key"), replace(place), demand, facts))
    task: Task = made.task
    return task


WORKDIR = "requirements: {{DockerRequirement: {{dockerPull: x}}, InitialWorkDirRequirement: {{listing: {}}}}}\n"
INPUTS = "inputs: {f: {type: File, inputBinding: {}}, d: Directory}\noutputs: {}\nbaseCommand: c\n"
DATA = {"f": file("file:///d/a.txt", secondaryFiles=[file("file:///d/a.i")]), "d": folder("file:///d/dir")}


def test_the_command_sees_the_same_paths_in_every_attempt(tmp_path: Path) -> None:
    task = bound(tmp_path, INPUTS + "stdin: $(inputs.f.path)\nhints: {DockerRequirement: {dockerPull: x, dockerOutputDirectory: /o}}\n"
                 "arguments: [$(runtime.outdir), $(runtime.tmpdir)]\n", **DATA)
    assert task.argv == ("c", "/o", "/tmp", "/var/lib/cwl/1/a.txt")
    assert task.environment == {"HOME": "/o", "TMPDIR": "/tmp"}
    assert task.container == Container(Image("x"), INDIR, "/o", "/tmp")
    assert (task.stdin, task.dir) == ("/job/in/1/a.txt", "/job")
    assert [stage.target for stage in task.stage] == ["in/1/a.txt", "in/1/a.i", "in/2/dir"]


def test_without_an_engine_a_hint_changes_nothing(tmp_path: Path) -> None:
    task = bound(tmp_path, INPUTS + "hints: {DockerRequirement: {dockerPull: x, dockerOutputDirectory: /o}}\n", contained=False, **DATA)
    assert (task.argv, task.container) == (("c", "/job/in/1/a.txt"), None)


def test_without_an_engine_it_does_not_matter_what_else_is_asked(tmp_path: Path) -> None:
    for hint in ("{}", "{dockerPull: x, dockerOutputDirectory: /etc}"):
        tool = Tool(tmp_path, HEAD + INPUTS + f"hints: {{DockerRequirement: {hint}}}\n")
        assert tool.bind(**DATA).task.container is None


def test_an_image_may_bring_the_command(tmp_path: Path) -> None:
    text = "inputs: {}\noutputs: {}\nhints: {DockerRequirement: {dockerPull: x}}\n"
    assert bound(tmp_path, text).argv == ()
    with pytest.raises(WorkflowError, match="the command line is empty"):
        bound(tmp_path, text, contained=False)


@pytest.mark.parametrize(("listing", "stages", "mounts"), [
    ("[{entryname: /opt/deep/t, entry: text}]", [Stage(WRITE, "in/absolute/0/t", text="text")], [Mount("/job/in/absolute/0/t",
     "/opt/deep/t")]),
    ("[{entryname: /opt/t, entry: text, writable: true}]", [Stage(WRITE, "in/absolute/0/t", text="text")],
     [Mount("/job/in/absolute/0/t", "/opt/t", True)]),
    ("[{entryname: /opt/f, entry: $(inputs.f)}]",
     [Stage(LINK, "in/absolute/0/f", "/data/d/a.txt"), Stage(LINK, "in/absolute/1/a.i", "/data/d/a.i")],
     [Mount("/job/in/absolute/0/f", "/opt/f"), Mount("/job/in/absolute/1/a.i", "/opt/a.i")]),
    ("[{entryname: /opt/d, entry: $(inputs.d), writable: true}]", [Stage(COPY, "in/absolute/0/d", "/data/d/dir", directory=True,
     writable=True)],
     [Mount("/job/in/absolute/0/d", "/opt/d", True)]),
    ("[{entryname: /var/spool/cwl/sub/t, entry: text}]", [Stage(WRITE, "out/sub/t", text="text")], []),
    ("[{entryname: /var/spool/cwlx, entry: text}]", [Stage(WRITE, "in/absolute/0/cwlx", text="text")],
     [Mount("/job/in/absolute/0/cwlx", "/var/spool/cwlx")]),
])
def test_absolute_names(tmp_path: Path, listing: str, stages: list[Stage], mounts: list[Mount]) -> None:
    task = bound(tmp_path, WORKDIR.format(listing) + INPUTS, **DATA)
    inputs = ("in/1/a.txt", "in/1/a.i", "in/2/dir")
    assert [stage for stage in task.stage if stage.target not in inputs] == stages
    assert task.container is not None and list(task.container.mounts) == mounts


def test_an_input_with_an_absolute_name_has_that_path(tmp_path: Path) -> None:
    assert bound(tmp_path, WORKDIR.format("[{entryname: /opt/f, entry: $(inputs.f)}]") + INPUTS, **DATA).argv == ("c", "/opt/f")


def test_an_absolute_name_needs_a_container(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedRequirement, match="needs a container"):
        bound(tmp_path, WORKDIR.format("[{entryname: /opt/f, entry: x}]") + INPUTS, contained=False, **DATA)
