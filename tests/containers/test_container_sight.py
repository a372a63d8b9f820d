"""What of the machine a container shows."""

from __future__ import annotations

import posixpath

import pytest
from boxes import DIR, INDIR, OUTDIR, task
from generated import examples
from hypothesis import given
from hypothesis import strategies as st

from hyflow.containers.sight import AROUND, MANY, Sight, around, sight
from hyflow.model.containers import Mount
from hyflow.model.tasks import Stage, StageKind, Task

LINK, COPY, WRITE, MKDIR = StageKind.LINK, StageKind.COPY, StageKind.WRITE, StageKind.MKDIR
IN, OUT, TMP = Mount(f"{DIR}/in", INDIR), Mount(f"{DIR}/out", OUTDIR, True), Mount(f"{DIR}/tmp", "/tmp", True)


def seen(one: Task) -> Sight:
    assert one.container is not None
    return sight(one, one.container)


def test_the_attempts_own_directories() -> None:
    assert seen(task()) == Sight((), (TMP, IN, OUT), ((OUTDIR, f"{DIR}/out"), (INDIR, f"{DIR}/in"), ("/tmp", f"{DIR}/tmp")), None)


def test_what_would_be_linked_is_mounted_at_its_place() -> None:
    stages = (Stage(LINK, "in/1/a.txt", "/data/a.txt"), Stage(MKDIR, "in/2"), Stage(LINK, "in/2/d", "/data/d", directory=True),
              Stage(WRITE, "in/3/lit", text="x"), Stage(COPY, "out/c", "/data/c", writable=True))
    found = seen(task(stage=stages, stdin=f"{DIR}/in/1/a.txt"))
    assert found.stage == (Stage(WRITE, "in/1/a.txt"), Stage(MKDIR, "in/2"), Stage(MKDIR, "in/2/d"), *stages[3:])
    assert found.mounts == (TMP, IN, OUT, Mount("/data/a.txt", f"{INDIR}/1/a.txt"), Mount("/data/d", f"{INDIR}/2/d"))
    assert found.paths[:2] == ((f"{INDIR}/1/a.txt", "/data/a.txt"), (f"{INDIR}/2/d", "/data/d"))
    assert found.stdin == "/data/a.txt"


@pytest.mark.parametrize(("stdin", "outside"), [
    (f"{DIR}/in/1/d", "/data/d"), (f"{DIR}/in/1/d/x/y", "/data/d/x/y"), (f"{DIR}/in/1/do", f"{DIR}/in/1/do"),
    (f"{DIR}/out/a", "/data/a"), (f"{DIR}/out/other", f"{DIR}/out/other"), (None, None),
])
def test_where_standard_input_is_on_the_machine(stdin: str | None, outside: str | None) -> None:
    stages = (Stage(LINK, "in/1/d", "/data/d", directory=True), Stage(LINK, "out/a", "/data/a"))
    assert seen(task(stage=stages, stdin=stdin)).stdin == outside


def test_links_in_the_output_directory_lead_to_where_their_sources_are_mounted() -> None:
    stages = (Stage(LINK, "in/1/a", "/data/a"), Stage(LINK, "out/b", "/data/a"), Stage(LINK, "out/sub/n", "/data/new"),
              Stage(LINK, "out/d", "/data/d", directory=True), Stage(LINK, "out/again", "/data/d", directory=True))
    found = seen(task(stage=stages))
    assert found.stage == (
        Stage(WRITE, "in/1/a"),
        Stage(LINK, "out/b", "/data/a", text=f"{INDIR}/1/a"),
        Stage(WRITE, "in/linked/1/n"), Stage(LINK, "out/sub/n", "/data/new", text=f"{INDIR}/linked/1/n"),
        Stage(MKDIR, "in/linked/2/d"), Stage(LINK, "out/d", "/data/d", text=f"{INDIR}/linked/2/d", directory=True),
        Stage(LINK, "out/again", "/data/d", text=f"{INDIR}/linked/2/d", directory=True),
    )
    assert set(found.mounts) == {TMP, IN, OUT, Mount("/data/a", f"{INDIR}/1/a"), Mount("/data/new", f"{INDIR}/linked/1/n"),
                                 Mount("/data/d", f"{INDIR}/linked/2/d")}


def test_what_may_be_written_in_place_is_mounted_so_beside_what_may_not() -> None:
    stages = (Stage(LINK, "in/1/d", "/data/d", directory=True), Stage(LINK, "out/d", "/data/d", directory=True, writable=True))
    found = seen(task(stage=stages))
    assert found.stage[-1] == Stage(LINK, "out/d", "/data/d", text=f"{INDIR}/linked/1/d", directory=True, writable=True)
    assert [mount for mount in found.mounts if mount.source == "/data/d"] == [
        Mount("/data/d", f"{INDIR}/1/d"), Mount("/data/d", f"{INDIR}/linked/1/d", True)]


def test_absolute_names() -> None:
    stages = (Stage(LINK, "in/absolute/0/f", "/data/f"), Stage(COPY, "in/absolute/1/g", "/data/g", writable=True),
              Stage(LINK, "in/absolute/2/h", "/data/h", writable=True))
    mounts = (Mount(f"{DIR}/in/absolute/0/f", "/opt/f"), Mount(f"{DIR}/in/absolute/1/g", "/opt/deep/er/g", True),
              Mount(f"{DIR}/in/absolute/2/h", "/etc/h", True))
    found = seen(task(stage=stages, mounts=mounts)).mounts
    assert [mount for mount in found if not mount.target.startswith("/var")] == [
        TMP, Mount("/data/f", "/opt/f"), Mount("/data/h", "/etc/h", True), Mount(f"{DIR}/in/absolute/1/g", "/opt/deep/er/g", True)]


def test_what_a_directory_with_an_absolute_name_holds_is_there_too() -> None:
    stages = (Stage(MKDIR, "in/absolute/0/made"), Stage(LINK, "in/absolute/0/made/x", "/data/x"),
              Stage(WRITE, "in/absolute/0/made/t", text="t"), Stage(LINK, "in/absolute/0/made/sub/y", "/data/y"),
              Stage(LINK, "in/absolute/0/madeup", "/data/z"))
    found = seen(task(stage=stages, mounts=[Mount(f"{DIR}/in/absolute/0/made", "/opt/made")])).mounts
    assert [mount for mount in found if mount.target.startswith("/opt")] == [
        Mount(f"{DIR}/in/absolute/0/made", "/opt/made"), Mount("/data/x", "/opt/made/x"), Mount("/data/y", "/opt/made/sub/y")]


def test_another_output_directory() -> None:
    found = seen(task(outdir="/tmp/o", tmpdir="/var/tmp"))
    assert found.mounts == (Mount(f"{DIR}/out", "/tmp/o", True), Mount(f"{DIR}/tmp", "/var/tmp", True), IN)


# -- very many sources ---------------------------------------------------------------------------------------------------------------


def many(count: int) -> tuple[Stage, ...]:
    return tuple(Stage(LINK, f"in/{number}/f", f"/data/run{number % 3}/{number}/f") for number in range(count))


def test_as_many_as_are_mounted_each() -> None:
    found = seen(task(stage=many(MANY)))
    assert len(found.mounts) == MANY + 3
    assert all(stage.kind is WRITE for stage in found.stage)


def test_more_are_linked_into_the_directories_around_them() -> None:
    stages = (*many(MANY + 1), Stage(LINK, "out/l", "/data/run1/1/f"), Stage(LINK, "out/w", "/data/run1/1/f", writable=True))
    found = seen(task(stage=stages, stdin=f"{DIR}/in/4/f"))
    places = {f"/data/run{number}": f"{INDIR}/around/{number}" for number in range(3)}
    assert [stage for stage in found.stage if stage.kind is MKDIR] == [Stage(MKDIR, f"in/around/{number}") for number in range(3)]
    assert Stage(LINK, "in/4/f", "/data/run1/4/f", text=f"{places['/data/run1']}/4/f") in found.stage
    assert Stage(LINK, "out/l", "/data/run1/1/f", text=f"{places['/data/run1']}/1/f") in found.stage
    assert set(found.mounts) == {TMP, IN, OUT, *(Mount(source, at) for source, at in places.items()),
                                 Mount("/data/run1/1/f", f"{INDIR}/linked/0/w", True)}
    assert (places["/data/run1"], "/data/run1") in found.paths
    assert found.stdin == "/data/run1/4/f"


def test_what_has_an_absolute_name_is_mounted_there_however_many_there_are() -> None:
    stages = (*many(MANY + 1), Stage(LINK, "in/absolute/0/f", "/data/run0/0/f"), Stage(MKDIR, "in/absolute/1/d"),
              Stage(LINK, "in/absolute/1/d/x", "/data/run0/3/f"))
    mounts = [Mount(f"{DIR}/in/absolute/0/f", "/opt/f"), Mount(f"{DIR}/in/absolute/1/d", "/opt/d")]
    found = seen(task(stage=stages, mounts=mounts))
    assert Stage(LINK, "in/absolute/1/d/x", "/data/run0/3/f", text=f"{INDIR}/around/0/3/f") in found.stage  # so it is in /opt/d, too
    assert [mount for mount in found.mounts if mount.target.startswith("/opt")] == [
        Mount("/data/run0/0/f", "/opt/f"), Mount(f"{DIR}/in/absolute/1/d", "/opt/d")]


@pytest.mark.parametrize(("sources", "most", "found"), [
    (["/a/b/c", "/a/b/d", "/a/e/f"], 2, ("/a/b", "/a/e")),
    (["/a/b/c", "/a/b/d", "/a/e/f"], 1, ("/a",)),
    (["/a/b/c", "/a/x"], 5, ("/a",)),
    (["/a/1", "/b/1", "/c/1"], 2, ("/a", "/b", "/c")),
    (["/top", "/a/1"], 5, ("/a",)),
    ([], 5, ()),
])
def test_directories_around(sources: list[str], most: int, found: tuple[str, ...]) -> None:
    assert around(sources, most) == found


names = st.text(st.sampled_from("abc,\" \n\\"), min_size=1, max_size=2)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@examples(100)
@given(st.lists(paths, max_size=40), st.integers(1, 5))
def test_everything_lies_in_one_of_the_directories_around(sources: list[str], most: int) -> None:
    found = around(sources, most)
    assert "/" not in found
    assert len(found) <= max(most, len({source.split("/")[1] for source in sources}))
    for source in sources:
        inside = [directory for directory in found if source.startswith(directory + "/") or source == directory]
        assert len(inside) == 1 or (posixpath.dirname(source) == "/" and len(inside) <= 1)


stages = st.lists(st.tuples(st.sampled_from(["in", "out"]), paths, st.booleans(), st.booleans()), max_size=MANY + 20).map(
    lambda found: tuple(Stage(LINK, f"{where}/{number}{path}", f"/s{path}", directory=directory, writable=writable)
                        for number, (where, path, directory, writable) in enumerate(found)))


@examples(60)
@given(stages)
def test_every_source_is_seen_once_and_at_its_place(given_: tuple[Stage, ...]) -> None:
    found = seen(task(stage=given_))
    order = [mount.target for mount in found.mounts]
    assert len(set(order)) == len(order)
    for index, target in enumerate(order):
        assert not any(later != target and target.startswith(later + "/") for later in order[index:])
    assert len(found.mounts) <= 3 + max(MANY, AROUND) + sum(stage.writable for stage in given_)
    at = {mount.target: mount for mount in found.mounts}
    laid = {stage.target: stage for stage in found.stage}
    for stage in given_:
        now = laid[stage.target]
        inside = now.text if now.kind is LINK else f"{INDIR}/{stage.target.removeprefix('in/')}"
        mount = at[max((target for target in at if f"{inside}/".startswith(target + "/")), key=len)]
        assert mount.source + inside[len(mount.target):] == stage.source
        assert mount.writable == stage.writable
