"""The commands of each engine, word for word; hostile names get through them as they are, and nothing that is data is an option."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from boxes import BUSYBOX, DIR, INDIR, MOUNTS, OUTDIR, engine, task, told
from generated import examples
from hypothesis import assume, given
from hypothesis import strategies as st

from hyflow.containers.engine import Kind, Ready, is_clients_own, split_environment
from hyflow.containers.mpi import PASS_ON
from hyflow.containers.sight import sight
from hyflow.model.containers import Enclosure, Image, ImageKind, Mount
from hyflow.model.resources import Resources
from hyflow.model.tasks import Stage, StageKind, Task

OCI: tuple[Kind, ...] = ("docker", "podman")
ALL: tuple[Kind, ...] = (*OCI, "apptainer")
LABELS = ("--label=hyflow.run=run1", "--label=hyflow.key=a1", "--label=hyflow.owner=1000@box")
START = ("run", "--rm", "--name=hyflow-a1", f"--cidfile={DIR}/container", "--pull=never", "--log-driver=none", "--read-only", *LABELS)
PATHS = ((OUTDIR, f"{DIR}/out"), (INDIR, f"{DIR}/in"), ("/tmp", f"{DIR}/tmp"))


def entered(kind: Kind, one: Task, image: Ready = BUSYBOX, **which: Any) -> Task:
    return engine(kind, **which).enter(one, "run1", image)


# -- a container ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "rootless", "user"), [
    ("docker", False, ["--user=1000:100"]), ("docker", True, ["--user=0:0"]),
    ("podman", False, ["--user=1000:100"]), ("podman", True, ["--userns=keep-id", "--user=1000:100"]),
])
def test_a_whole_command(kind: Kind, rootless: bool, user: list[str]) -> None:
    made = entered(kind, task("sort", "-n", environment={"HOME": OUTDIR, "LC_ALL": "C"}), rootless=rootless)
    elsewhere = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", f"{DIR}/tmp") if kind == "podman" else ()
    assert made.argv == (*elsewhere, kind, *START, *user, f"--workdir={OUTDIR}", "--network=none", *MOUNTS, "--env=LC_ALL",
                         f"--env=HOME={OUTDIR}", "sha256:b0", "sort", "-n")
    assert made.environment == {"LC_ALL": "C", "TMPDIR": f"{DIR}/tmp"}
    assert made.container is None and made.enclosure is not None
    gently = ("--time", "0") if kind == "podman" else ()
    assert made.enclosure.end == (kind, "rm", "--force", *gently, "hyflow-a1")
    assert (made.enclosure.id_file, made.enclosure.paths) == ("container", PATHS)


@pytest.mark.parametrize(("kind", "rootless", "more", "who"), [
    ("docker", False, (), "1000:100"), ("docker", True, (), "0:0"), ("podman", False, (), "1000:100"),
    ("podman", True, ("--userns=keep-id",), "1000:100"),
])
def test_how_files_are_made_ours(kind: Kind, rootless: bool, more: tuple[str, ...], who: str) -> None:
    enclosure = entered(kind, task(), rootless=rootless).enclosure
    assert enclosure is not None
    assert enclosure.own == (
        kind, "run", "--rm", "--name=hyflow-a1-own", LABELS[0], LABELS[2], "--pull=never", "--log-driver=none", "--network=none",
        "--read-only", "--user=0:0", "--entrypoint=chown", *more, f"--mount=type=bind,source={DIR}/out,target=/hyflow/out",
        f"--mount=type=bind,source={DIR}/tmp,target=/hyflow/tmp", "sha256:b0", "-R", "-h", who, "/hyflow/out", "/hyflow/tmp")


@pytest.mark.parametrize("kind", OCI)
def test_root_owns_everything_as_it_is(kind: Kind) -> None:
    enclosure = entered(kind, task(), user=(0, 0)).enclosure
    assert enclosure is not None and enclosure.own == ()


def test_a_whole_command_of_apptainer() -> None:
    made = entered("apptainer", task("sort", "-n", environment={"HOME": OUTDIR, "LC_ALL": "C"}), Ready("/c/b.sif", "sha256:d0"))
    assert made.argv == (
        "apptainer", "--quiet", "exec", "--cleanenv", "--no-eval", "--containall", f"--pwd={OUTDIR}", f"--home={OUTDIR}", "--net",
        "--network=none", f'--mount=type=bind,"source={DIR}/tmp","destination=/tmp"',
        f'--mount=type=bind,"source={DIR}/in","destination={INDIR}",ro',
        f'--mount=type=bind,"source={DIR}/out","destination={OUTDIR}"', "/c/b.sif", "sort", "-n")
    assert made.environment == {"APPTAINERENV_LC_ALL": "C", "SINGULARITYENV_LC_ALL": "C", "TMPDIR": f"{DIR}/tmp"}
    assert made.enclosure == Enclosure((), paths=PATHS)


def test_the_processes_of_an_mpi_program_see_each_other_and_their_launcher() -> None:
    one = replace(task("solve", environment={"HOME": OUTDIR, "OMPI_MCA_x": "1"}), processes=2)
    made = entered("apptainer", one, Ready("/c/b.sif", "sha256:d0"))
    assert made.argv == (
        "sh", "-c", PASS_ON, "sh", "apptainer", "--quiet", "exec", "--cleanenv", "--no-eval", "--no-mount=home,cwd", f"--pwd={OUTDIR}",
        f"--home={OUTDIR}", f'--mount=type=bind,"source={DIR}/tmp","destination=/tmp"',
        f'--mount=type=bind,"source={DIR}/in","destination={INDIR}",ro', f'--mount=type=bind,"source={DIR}/out","destination={OUTDIR}"',
        f'--mount=type=bind,"source={DIR}/tmp","destination={DIR}/tmp"', "/c/b.sif", "solve")
    assert made.processes == 2
    assert made.environment == {"APPTAINERENV_OMPI_MCA_x": "1", "SINGULARITYENV_OMPI_MCA_x": "1", "OMPI_MCA_x": "1", "TMPDIR": f"{DIR}/tmp"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_a_launcher_sets_is_passed_on(shell: str) -> None:
    given = {"PATH": os.environ["PATH"], "PMI_RANK": "1", "OMPI_X": "a\nPMIX_Y=$(false) ' \"", "OTHER": "x", "MPI-odd": "y"}
    said = subprocess.run([shell, "-c", PASS_ON, shell, "env", "-0"], env=given, capture_output=True, check=True).stdout.decode()
    passed = dict(entry.split("=", 1) for entry in said.split("\0") if entry.startswith("APPTAINERENV_"))
    assert passed.pop("APPTAINERENV_PMIX_Y", "") == ""  # not one of them, but the line of a value that looks like one
    assert passed == {"APPTAINERENV_PMI_RANK": given["PMI_RANK"], "APPTAINERENV_OMPI_X": given["OMPI_X"]}


@pytest.mark.parametrize(("environment", "said"), [
    ({"A.B": "1", "-x": "2", "OK": "3"}, ("env", "--", "A.B=1", "-x=2")),
    ({"PREPEND_PATH": "/x", "UID": "7", "PROMPT_COMMAND": "p"}, ("env", "--", "PREPEND_PATH=/x", "UID=7", "PROMPT_COMMAND=p")),
    ({"HOME": "/other"}, ("env", "--", "HOME=/other")),
    ({"TEXT": "a\r\nb"}, ("env", "--", "TEXT=a\r\nb")),
    ({"TEXT": "a\nb $HOME `x` \\", "PATH": "/bin"}, ()),
])
def test_what_apptainer_cannot_set_is_set_in_the_container(environment: dict[str, str], said: tuple[str, ...]) -> None:
    made = entered("apptainer", task("ls", environment=environment))
    assert made.argv[made.argv.index("sha256:b0") + 1:] == (*said, "ls")
    named = {word.partition("=")[0] for word in said[2:]}
    passed = {name.removeprefix("APPTAINERENV_") for name in made.environment if name.startswith("APPTAINERENV_")}
    assert passed == environment.keys() - named


def test_apptainer_heeds_the_images_entry_point_and_command() -> None:
    image = Ready("/c/b.sif", "sha256:d0", ("/entry", "-e"), ("dflt", "x y"))
    assert entered("apptainer", task("a"), image).argv[-4:] == ("/c/b.sif", "/entry", "-e", "a")
    without = replace(task(), argv=())
    assert entered("apptainer", without, image).argv[-5:] == ("/c/b.sif", "/entry", "-e", "dflt", "x y")


def test_a_home_with_a_colon_is_not_told_to_apptainer() -> None:
    argv = entered("apptainer", task("ls", outdir="/a:b", environment={"HOME": "/a:b"})).argv
    assert not [word for word in argv if word.startswith("--home")]
    assert argv[-4:] == ("env", "--", "HOME=/a:b", "ls")


@pytest.mark.parametrize(("kind", "fields", "settings", "words"), [
    ("docker", {"limits": ("cores", "memory")}, {}, ["--memory=67108864", "--cpus=2"]),
    ("podman", {"limits": ("memory",)}, {}, ["--memory=67108864"]),
    ("docker", {"limits": ("cores", "memory")}, {"limits": False}, []),
    ("docker", {"limits": ("cores", "memory"), "resources": Resources(0.001, 1 << 20)}, {}, ["--memory=6291456", "--cpus=0.01"]),
    ("docker", {"limits": ("cores",), "resources": Resources(0.5)}, {}, ["--cpus=0.5"]),
    ("apptainer", {"limits": ("cores", "memory")}, {}, []),
    ("docker", {"resources": Resources(gpus=2)}, {}, ["--gpus=all", "--env=CUDA_VISIBLE_DEVICES"]),
    ("podman", {"resources": Resources(gpus=2)}, {}, ["--device=nvidia.com/gpu=all", "--env=CUDA_VISIBLE_DEVICES"]),
    ("docker", {"network": True}, {}, []), ("docker", {"network": True}, {"network": "lab"}, ["--network=lab"]),
    ("apptainer", {"network": True}, {}, []), ("apptainer", {"network": True}, {"network": "lab"}, ["--net", "--network=lab"]),
    ("podman", {"stdin": "/work/a1/in/x"}, {}, ["--interactive"]),
    ("docker", {}, {"options": ["--shm-size=1g", "--init"]}, ["--shm-size=1g", "--init"]),
    ("apptainer", {}, {"options": ["--fakeroot"]}, ["--fakeroot"]),
])
def test_what_is_asked_besides(kind: Kind, fields: dict[str, Any], settings: dict[str, Any], words: list[str]) -> None:
    usual = set(entered(kind, task(network=bool(fields.get("network")))).argv)
    assert [word for word in entered(kind, task(**fields), **settings).argv if word not in usual] == words


def test_apptainer_is_told_of_gpus_by_whoever_starts_it() -> None:
    argv = entered("apptainer", task(resources=Resources(gpus=2))).argv
    assert "--nv" in argv and argv[:2] == ("sh", "-c") and argv[4] == "apptainer"
    told = [*argv[:4], "sh", "-c", "echo $APPTAINERENV_CUDA_VISIBLE_DEVICES"]
    given = {**os.environ, "CUDA_VISIBLE_DEVICES": "1,3"}
    assert subprocess.run(told, env=given, capture_output=True, text=True, check=True).stdout == "1,3\n"


def test_limits_that_the_engine_cannot_enforce_are_not_asked_for() -> None:
    argv = entered("podman", task(limits=("cores", "memory")), can=("cores",)).argv
    assert "--cpus=2" in argv and not [word for word in argv if word.startswith("--memory")]


@pytest.mark.parametrize("kind", ALL)
def test_the_users_own_command_starts_the_client(kind: Kind) -> None:
    it = engine(kind, command=["sudo", "-n", "x"])
    image = Image("busybox")
    entering = it.enter(task(), "run1", BUSYBOX).argv
    assert entering[5 if kind == "podman" else 0:][:3] == ("sudo", "-n", "x")
    if kind != "apptainer":
        for argv in (it.look(image), it.fetch(image, None).argv, it.list("r"), it.remove(("a",))):
            assert argv[:3] == ("sudo", "-n", "x")
    assert "sudo" in it.look(image)


@pytest.mark.parametrize("kind", ALL)
def test_a_task_without_a_container_is_a_mistake(kind: Kind) -> None:
    with pytest.raises(ValueError, match="no container"):
        engine(kind).enter(replace(task(), container=None), "run1", BUSYBOX)


# -- images --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OCI)
def test_how_images_come(kind: Kind) -> None:
    it = engine(kind)
    assert it.look(Image("busybox")) == (kind, "image", "inspect", "busybox")
    for image, argv in (
        (Image("busybox"), ("pull", "busybox")),
        (Image("", ImageKind.LOAD, "file:///x.tar"), ("load", "--input", "/here/x.tar")),
        (Image("i:1", ImageKind.IMPORT, "file:///x.tar"), ("import", "/here/x.tar", "i:1")),
        (Image("b:1", ImageKind.BUILD, "FROM busybox\n"), ("build", "--force-rm", "--tag", "b:1", "-")),
    ):
        step = it.fetch(image, "/here/x.tar")
        assert (step.argv, step.long) == ((kind, *argv), True)
        assert step.feed == ("FROM busybox\n" if image.kind is ImageKind.BUILD else "")


@pytest.mark.parametrize(("said", "name"), [
    ("Loaded image: entry:1\n", "entry:1"), ("Loaded image ID: sha256:ab\n", "sha256:ab"),
    ("Loaded image: localhost/entry:1\n", "localhost/entry:1"),
    ("Loaded image(s): localhost/entry:1\n", "localhost/entry:1"), ("blah\nLoaded image: a\nLoaded image: b\n", "b"),
])
def test_what_a_loaded_image_is_called(said: str, name: str) -> None:
    image = Image("", ImageKind.LOAD, "file:///x.tar")
    assert engine("docker").fetched(image, said) == Image(name, ImageKind.LOAD, "file:///x.tar")
    assert engine("docker").fetched(Image("mine", ImageKind.LOAD, "file:///x.tar"), said).name == "mine"
    with pytest.raises(ValueError, match="does not say what it has loaded: 'nothing'"):
        engine("docker").fetched(image, "nothing")


@pytest.mark.parametrize(("answer", "ready"), [
    ('[{"Id": "sha256:ab", "RepoDigests": []}]', Ready("sha256:ab", "sha256:ab")),
    ('[{"Id": "sha256:ab", "RepoDigests": null}]', Ready("sha256:ab", "sha256:ab")),
    ('[{"Id": "ab"}]', Ready("ab", "sha256:ab")),
    ('[{"Id": "ab", "RepoDigests": ["reg:5000/b@sha256:cd", "b@sha256:ef"]}]', Ready("ab", "sha256:cd")),
])
def test_what_is_found_of_an_image(answer: str, ready: Ready) -> None:
    assert engine("docker").found(answer) == ready


def test_where_converted_images_are() -> None:
    it = engine("apptainer", cache="/project/images")
    images = (Image("busybox"), Image("busybox", ImageKind.LOAD, "file:///b"), Image("a/b:1"), Image("a_b:1"),
              Image("", ImageKind.LOAD, "file:///" + "x" * 300), Image("../../etc"))
    files = {it.look(image)[4] for image in images}
    assert len(files) == 6
    for file in files:
        assert file.startswith("/project/images/") and file.count("/") == 3 and len(file) < 100 and not file.startswith("/project/images/.")
    assert engine("apptainer").look(Image("busybox"))[4].startswith("/home/ada/.cache/hyflow/images/")


def test_how_images_are_converted() -> None:
    it = engine("apptainer", cache="/c")
    step = it.fetch(Image("busybox"), None)
    assert step.long and step.argv[:2] == ("sh", "-c")
    assert step.argv[4] == "/c" and step.argv[5].startswith("busybox-") and step.argv[6:] == ("", "pull", "docker://busybox", "apptainer")
    assert it.fetch(Image("oras://x/y"), None).argv[8] == "oras://x/y"
    assert it.fetch(Image("", ImageKind.LOAD, "file:///x"), "/here/x").argv[7:9] == ("load", "/here/x")
    assert engine("apptainer", pull="always").fetch(Image("busybox"), None).argv[6] == "again"
    with pytest.raises(ValueError, match="apptainer cannot build an image from a Dockerfile"):
        it.fetch(Image("b", ImageKind.BUILD, "FROM x"), None)


def test_an_image_file_of_the_site() -> None:
    it = engine("apptainer")
    assert it.look(Image("/images/b c.sif"))[4] == "/images/b c.sif"
    assert it.fetch(Image("/images/b c.sif"), None).argv[4] == "/images/b c.sif"


@pytest.mark.parametrize(("script", "entry", "command"), [
    ("#!/bin/sh\nOCI_ENTRYPOINT='\"echo\" \"ENTRY\"'\nOCI_CMD='\"dflt\" \"two words\"'\n", ("echo", "ENTRY"), ("dflt", "two words")),
    ("OCI_ENTRYPOINT=''\nOCI_CMD='\"sh\"'\n", (), ("sh",)),
    ("exec something\n", (), ()), ("", (), ()), ("OCI_ENTRYPOINT='\"unfinished\n", (), ()),
])
def test_what_a_converted_image_says(script: str, entry: tuple[str, ...], command: tuple[str, ...]) -> None:
    assert engine("apptainer").found(f"/c/b.sif\nsha256:d0\n{script}") == Ready("/c/b.sif", "sha256:d0", entry, command)


@pytest.mark.parametrize("answer", ["", "/c/b.sif\n", "/c/b.sif\nnonsense\n"])
def test_a_converted_image_without_a_digest(answer: str) -> None:
    with pytest.raises(ValueError, match="digest cannot be read"):
        engine("apptainer").found(answer)


def test_what_removes_containers() -> None:
    assert engine("docker").list("r 1") == (
        "docker", "ps", "--all", "--filter", "label=hyflow.owner=1000@box", "--filter", "label=hyflow.run=r 1", "--format", "{{.Names}}")
    assert engine("docker").remove(("a", "b")) == ("docker", "rm", "--force", "a", "b")
    assert engine("podman").remove(("a", "b")) == ("podman", "rm", "--force", "--time", "0", "a", "b")
    it = engine("apptainer")
    assert (it.list("r"), it.sweep()) == ((), ())
    assert engine("podman").sweep()[3:] == ("sh", "hyflow.owner=1000@box", "--time 0", "podman")
    assert engine("docker").sweep()[3:] == ("sh", "hyflow.owner=1000@box", "", "docker")


# -- hostile names -------------------------------------------------------------------------------------------------------------------

# "/" would be another directory; NUL is in no name. Line ends of two characters and what is not UTF-8 are refused, below.
NAME = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0\r"), min_size=1, max_size=12),
    st.text(st.sampled_from(",\"'\n\t \\=$()`-:;#*"), min_size=1, max_size=8),
    st.sampled_from(["-", "--rm", "--env=X", "$(touch x)", "a,readonly", 'a",target=/etc', " ", "type=bind", "é😀", "ro", "x" * 250]),
).filter(lambda name: name not in (".", ".."))
VARIABLES = st.dictionaries(NAME.filter(lambda name: "=" not in name), NAME, max_size=6)


@examples(150)
@given(st.sampled_from(ALL), st.lists(st.tuples(NAME, NAME, st.booleans()), min_size=1, max_size=4, unique_by=lambda each: each[0]), NAME)
def test_hostile_mounts_are_read_back_as_they_were(kind: Kind, named: list[tuple[str, str, bool]], out: str) -> None:
    stage = tuple(Stage(StageKind.LINK, f"in/{n}/{inner}", f"/data/{outer}/{n}", writable=writable)
                  for n, (outer, inner, writable) in enumerate(named))
    mounts = [Mount(f"{DIR}/in/{n}/{inner}", f"/opt/{outer}", writable) for n, (outer, inner, writable) in enumerate(named)]
    one = task(stage=stage, mounts=mounts, outdir=f"/o/{out}")
    assert one.container is not None
    made = entered(kind, one)
    assert told(made.argv) == list(sight(one, one.container).mounts)


@examples(150)
@given(st.sampled_from(ALL), st.lists(NAME, min_size=1, max_size=4), VARIABLES)
def test_what_is_data_is_never_an_option(kind: Kind, argv: list[str], environment: dict[str, str]) -> None:
    made = entered(kind, task(*argv, environment=environment)).argv
    image = made.index("sha256:b0")
    rest = made[image + 1:]
    if kind == "apptainer" and rest != tuple(argv):
        assert rest[:2] == ("env", "--")
        rest = rest[-len(argv):]
    assert rest == tuple(argv)
    usual = {word.partition("=")[0] for word in (*entered(kind, task(network=False)).argv, "--env")}
    start = made.index("exec" if kind == "apptainer" else "run") + 1
    assert {word.partition("=")[0] for word in made[start:image]} <= usual


@examples(100)
@given(st.sampled_from(ALL), VARIABLES)
def test_every_variable_reaches_the_container_once(kind: Kind, environment: dict[str, str]) -> None:
    made = entered(kind, task("the-command", environment=environment))
    if kind == "apptainer":
        words = made.argv[made.argv.index("sha256:b0") + 1:-1][2:]
        inside = {name.removeprefix("APPTAINERENV_"): value for name, value in made.environment.items() if name.startswith("APPTAINERENV_")}
        pairs = [word.partition("=")[::2] for word in words]
    else:
        said = [word.removeprefix("--env=") for word in made.argv[:made.argv.index("sha256:b0")] if word.startswith("--env=")]
        inside = {name: made.environment[name] for name in said if "=" not in name}
        pairs = [word.partition("=")[::2] for word in said if "=" in word]
    assert not inside.keys() & {name for name, _ in pairs}
    assert {**inside, **dict(pairs)} == environment


@pytest.mark.parametrize("name", ["S*", "*", "A.B", "-x", "a b", "1A", "#c", "é"])
def test_names_of_which_an_engine_might_think_something_are_told_with_their_values(name: str) -> None:
    assert split_environment({name: "v", "OK": "w"}) == ({"OK": "w"}, {name: "v"})


@pytest.mark.parametrize(("name", "own"), [
    ("PATH", True), ("LD_PRELOAD", True), ("DOCKER_HOST", True), ("DOCKERS", False), ("CONTAINER_HOST", True), ("CONTAINERS_CONF", True),
    ("_CONTAINERS_USERNS_CONFIGURED", True), ("LISTEN_FDS", True), ("APPTAINER_BIND", True), ("https_proxy", True), ("HTTPS_PROXY", True),
    ("OLDPWD", True), ("PPID", True), ("_", True), ("BASH_ENV", True), ("ENV", True), ("PYTHONPATH", True), ("GODEBUG", True),
    ("LC_ALL", False), ("PATHS", False), ("MY_HOME", False), ("OMP_NUM_THREADS", False), ("environment", False), ("path", False),
])
def test_what_a_client_itself_would_heed(name: str, own: bool) -> None:
    assert is_clients_own(name) is own
    assert split_environment({name: "v"}) == (({}, {name: "v"}) if own else ({name: "v"}, {}))


BYTES = b"caf\xe9".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("one", "what"), [
    (task("cat", f"/x/{BYTES}"), r"the argument '/x/caf\udce9' cannot be passed"),
    (task(environment={"X": BYTES}), r"the variable 'X=caf\udce9' cannot be passed"),
    (task(stage=(Stage(StageKind.LINK, "in/1/a", f"/data/{BYTES}"),)), r"'/data/caf\udce9' cannot be seen in a container"),
    (task(stage=(Stage(StageKind.LINK, f"in/1/{BYTES}", "/data/a"),)), r"/1/caf\udce9' cannot be seen in a container"),
    (task(stage=(Stage(StageKind.LINK, "in/1/a", "/data/a\r\nb"),)), r"'/data/a\r\nb' cannot be seen in a container"),
])
def test_what_engines_would_change_without_a_word_is_refused(kind: Kind, one: Task, what: str) -> None:
    with pytest.raises(ValueError) as caught:
        entered(kind, one)
    assert what in str(caught.value)
    str(caught.value).encode("ascii")


@examples(60)
@given(st.sampled_from(ALL), st.text(st.sampled_from("aé\udce9\r\n,"), max_size=6))
def test_a_name_is_read_back_or_refused(kind: Kind, name: str) -> None:
    assume(name)
    one = task(stage=(Stage(StageKind.LINK, "in/1/x", f"/data/{name}"),))
    try:
        made = entered(kind, one)
    except ValueError:
        assert "\udce9" in name or "\r\n" in name
    else:
        assert f"/data/{name}" in {mount.source for mount in told(made.argv)}

