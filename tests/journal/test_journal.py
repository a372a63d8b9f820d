from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hyflow.errors import JournalError
from hyflow.journal import (
    Journal,
    Meta,
    Phase,
    RunDir,
    holder,
    new_run,
    read_awaiting,
    read_events,
    read_header,
    read_job,
    read_jobs,
    read_meta,
    read_milestones,
    read_record,
    read_session,
    read_tallies,
    store,
)
from hyflow.kept import is_network
from hyflow.model.events import (
    Awaiting,
    Cause,
    Delivered,
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import Request, Resources, Usage

HOSTILE = "a b\n\"'$(x)\udcff\x00é\U0001f600"
JOB, KEY = JobId("/align", (3, 1)), Key("align-1")
EVERY_KIND: list[Event] = [
    Started({"in": {"class": "File", "location": "file:///x", "basename": HOSTILE}, "n": 2**70, "x": 1.5e300, "none": None}),
    Evaluated(JOB, {HOSTILE: [1, "2"]}),
    Demanded(JOB, Request(Resources(1.5, 1 << 40), Resources(2.0)), ("laptop",)),
    Submitting(JOB, KEY, "laptop", "/work/" + HOSTILE, 10.25),
    Submitted(JOB, KEY, "ticket", 11.0),
    Running(JOB, KEY, 12.0, "vm"),
    Finished(JOB, KEY, {"out": HOSTILE}, Usage(3.0, 1.0, None), 13.0),
    Evaluated(JobId("/plot"), {}, True),
    Failed(JobId("/merge"), None, Failure(FailureClass.TOOL, "exit 1", 1, HOSTILE), 14.0),
    Stopping("interrupt", 15.0),
    Delivered({"out": [1]}, 16.0),
    Awaiting((Cause("hpc", HOSTILE, 1, True, (JOB,)),), 17.0),
]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return new_run(tmp_path / "home", "digits")


def meta(run: RunDir) -> Meta:
    return Meta(run.id, run.name, 1.5, "wf.cwl", ("wf.cwl", "--in\udcff"), "/out", b"\x00program", b"deployment")


def submitted(number: int) -> Submitted:
    return Submitted(JobId("/a", (number,)), Key(f"k{number}"), "t", float(number))


def tags(run: RunDir) -> list[int]:
    return [record.event.job.tag[0] for record in read_events(run.journal) if isinstance(record.event, Submitted)]


def python(code: str, *args: object, **options: Any) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


async def written(run: RunDir, events: Sequence[Event]) -> None:
    async with Journal.create(run, meta(run)) as journal:
        await journal.append(events)


async def test_what_is_appended_is_read_again(run: RunDir) -> None:
    await written(run, EVERY_KIND)
    records = list(read_events(run.journal))
    assert [record.event for record in records] == EVERY_KIND
    assert [record.seq for record in records] == list(range(1, len(EVERY_KIND) + 1))
    assert records[3].at == 10.25
    assert [record.seq for record in read_events(run.journal, after=9)] == [10, 11, 12]
    assert [record.event for record in read_events(run.journal, kinds=(Stopping,))] == [EVERY_KIND[9]]


async def test_the_meta_is_read_again(run: RunDir) -> None:
    await written(run, [])
    assert read_meta(run.journal) == meta(run)
    assert read_header(run.journal).arguments == ("wf.cwl", "--in\udcff")


async def test_questions_about_jobs_and_milestones(run: RunDir) -> None:
    await written(run, EVERY_KIND)
    assert [type(record.event) for record in read_job(run.journal, JOB)] == [Evaluated, Demanded, Submitting, Submitted, Running, Finished]
    assert read_job(run.journal, JobId("/nothing")) == []
    assert read_jobs(run.journal, "/align") == {JOB: Phase.DONE}
    assert read_jobs(run.journal) == {JOB: Phase.DONE, JobId("/plot"): Phase.SKIPPED, JobId("/merge"): Phase.FAILED}
    assert [type(record.event) for record in read_milestones(run.journal, Delivered, Failed)] == [Failed, Delivered]
    last = read_record(run.journal)
    assert last is not None and last.event == EVERY_KIND[-1]
    [align, plot, merge] = read_tallies(run.journal)
    assert (align.path, align[Phase.DONE], align.total, align.attempts, align.places, align.wall) == ("/align", 1, 1, 1, {"laptop": 1}, 3.0)
    assert (plot[Phase.SKIPPED], merge[Phase.FAILED]) == (1, 1)


async def test_appends_that_wait_share_a_commit_and_keep_their_order(run: RunDir) -> None:
    statements: list[str] = []
    async with Journal.create(run, meta(run)) as journal:
        journal._db.set_trace_callback(statements.append)
        await asyncio.gather(*(journal.append([submitted(number)]) for number in range(500)))
    assert tags(run) == list(range(500))
    assert 1 <= sum(text.startswith("INSERT INTO batch") for text in statements) <= 20


async def test_large_events_keep_their_place_among_the_others(run: RunDir) -> None:
    large: list[Event] = [Started({"words": ["x" * 10_000] * 300, "odd": HOSTILE}), *EVERY_KIND[1:]]
    async with Journal.create(run, meta(run)) as journal:
        await asyncio.gather(journal.append([submitted(0)]), journal.append(large), journal.append([submitted(1)]))
    assert [record.event for record in read_events(run.journal)] == [submitted(0), *large, submitted(1)]
    assert sum(tally.attempts for tally in read_tallies(run.journal)) == 1


async def test_an_append_that_is_cancelled_harms_no_other(run: RunDir) -> None:
    async with Journal.create(run, meta(run)) as journal:
        first = asyncio.create_task(journal.append([submitted(0)]))
        await asyncio.sleep(0)
        first.cancel()
        await journal.append([submitted(1)])
    assert tags(run) == [0, 1]


async def test_closing_writes_what_waits_and_ends_the_journal(run: RunDir) -> None:
    async with Journal.create(run, meta(run)) as journal:
        waiting = asyncio.create_task(journal.append([submitted(0)]))
        await asyncio.sleep(0)
        await journal.close()
        await waiting
        with pytest.raises(JournalError, match="closed"):
            await journal.append([submitted(1)])
    assert tags(run) == [0]
    assert read_session(run.journal).ended is not None


async def test_figures_go_on_after_reopening(run: RunDir) -> None:
    await written(run, EVERY_KIND[:6])
    async with Journal.open(run) as journal:
        assert journal.epoch == 2
        await journal.append([EVERY_KIND[6], Submitting(JobId("/b"), Key("b"), "laptop", "/d", 20.0)])
    assert [(step.path, step.counts.get(Phase.RUNNING), step[Phase.DONE], step.total) for step in read_tallies(run.journal)] == [
        ("/align", 0, 1, 1),
        ("/b", None, 0, 1),
    ]


async def test_others_read_while_the_run_goes_on(run: RunDir) -> None:
    async with Journal.create(run, meta(run)) as journal:
        await journal.append([submitted(0)])
        reader = python(
            "import sys; from pathlib import Path; from hyflow.journal import *\n"
            "run = RunDir(Path(sys.argv[1])); print(len(list(read_events(run.journal))), holder(run.lock).pid)",
            run.path,
        )
        out, err = await asyncio.to_thread(reader.communicate)
        assert (out.split(), err) == (["1", str(os.getpid())], "")
    assert holder(run.lock) is None


async def test_files_are_for_their_owner_alone(run: RunDir) -> None:
    async with Journal.create(run, meta(run)):
        assert run.path.stat().st_mode & 0o777 == 0o700
        assert {path.name: path.stat().st_mode & 0o077 for path in run.path.iterdir()} == dict.fromkeys(
            ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "lock"], 0
        )


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from hyflow.journal import *
    from hyflow.model.events import Submitted
    from hyflow.model.jobs import JobId, Key

    async def chain(journal, base):
        for number in range(base, base + 10_000_000):
            await journal.append([Submitted(JobId("/a", (number,)), Key(f"k{number}"), "t" * 300, 1.0)])
            print(number, flush=True)

    async def main():
        run = RunDir(Path(sys.argv[1]))
        meta = Meta(run.id, run.name, 1.5, "wf.cwl", (), "/out", b"", b"")
        async with Journal.create(run, meta) as journal, asyncio.TaskGroup() as group:
            for base in range(8):
                group.create_task(chain(journal, base * 100_000_000))

    asyncio.run(main())
"""


def test_nothing_acknowledged_is_lost_when_the_driver_is_killed(run: RunDir) -> None:
    writer = python(WRITER, run.path)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    told += writer.communicate()[0].splitlines()
    acknowledged = {int(line) for line in told if line.strip()}
    assert len(acknowledged) >= 300
    assert holder(run.lock) is None
    assert acknowledged <= set(tags(run))
    assert read_session(run.journal).ended is None
    assert read_tallies(run.journal)[0].path == "/a"


def test_a_second_driver_is_refused_and_told_of_the_first(run: RunDir) -> None:
    writer = python(WRITER, run.path)
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        with pytest.raises(JournalError, match=f"driven by process {writer.pid} on "):
            asyncio.run(Journal.open(run).__aenter__())
    finally:
        writer.kill()
        writer.communicate()


FULL = "    import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n" + WRITER


def test_a_disk_that_takes_no_more_is_one_clear_error(run: RunDir) -> None:
    writer = python(FULL, run.path)
    out, err = writer.communicate(timeout=30)
    assert "JournalError" in err and "full" in err
    assert {int(line) for line in out.split()} <= set(tags(run))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_file_system_is_one_clear_error(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    run = tmp_path / "runs" / "20260101-000000-0000"
    script = 'mount -t tmpfs -o size=600k tmpfs "$1" && mkdir -p "$2" && exec "$3" -c "$4" "$2"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", tmp_path, run, sys.executable, textwrap.dedent(WRITER)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert "JournalError" in done.stderr and "the disk is full" in done.stderr
    assert "make room" in done.stderr


async def test_a_driver_that_was_taken_over_writes_no_more(run: RunDir) -> None:
    async with Journal.create(run, meta(run)) as journal:
        await journal.append([submitted(0)])
        other = sqlite3.connect(run.journal)
        other.execute("UPDATE owner SET epoch = epoch + 1")
        other.commit()
        other.close()
        for more in (submitted(1), Delivered({"words": ["x" * 1000] * 2000}, 1.0)):
            with pytest.raises(JournalError, match="taken this run over"):
                await journal.append([more])
    assert tags(run) == [0]


async def test_a_newer_journal_is_refused(run: RunDir) -> None:
    await written(run, [])
    db = sqlite3.connect(run.journal)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="format 99"):
        list(read_events(run.journal))
    with pytest.raises(JournalError, match="format 99"):
        await Journal.open(run).__aenter__()
    assert holder(run.lock) is None


async def test_an_older_journal_is_read_as_it_is_and_made_a_newer_one_before_it_is_written(run: RunDir) -> None:
    await written(run, [submitted(0)])
    kinds = "'Started', 'Delivered', 'Stopping', 'Failed', 'Rerun', 'Resumed'"
    db = sqlite3.connect(run.journal)
    db.executescript(f"DROP INDEX milestones; CREATE INDEX milestones ON events (kind) WHERE kind IN ({kinds}); PRAGMA user_version = 2")
    db.close()
    assert tags(run) == [0] and read_awaiting(run.journal) is None
    cause = Cause("hpc", "Priority", 1, True, (submitted(0).job,))
    async with Journal.open(run) as journal:
        await journal.append([Awaiting((cause,), 1.0)])
    db = sqlite3.connect(run.journal)
    (index,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'milestones'").fetchone()
    assert db.execute("PRAGMA user_version").fetchone() == (store.VERSION,) and "'Awaiting'" in index
    db.close()
    assert read_awaiting(run.journal) == Awaiting((cause,), 1.0)


async def test_files_that_are_no_journals(run: RunDir) -> None:
    with pytest.raises(JournalError, match="missing"):
        list(read_events(run.journal))
    with pytest.raises(JournalError, match="missing"):
        await Journal.open(run).__aenter__()
    run.journal.write_bytes(b"")
    with pytest.raises(JournalError, match="not the record of a run"):
        read_header(run.journal)
    run.journal.write_bytes(b"no database at all" * 1000)
    with pytest.raises(JournalError, match="damaged"):
        read_header(run.journal)
    with pytest.raises(JournalError, match="has a record already"):
        await Journal.create(run, meta(run)).__aenter__()


async def test_damage_in_the_middle_is_one_clear_error(run: RunDir) -> None:
    await written(run, [submitted(number) for number in range(2000)])
    with run.journal.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(JournalError, match="damaged"):
        list(read_events(run.journal))


async def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "gone")
    with pytest.raises(JournalError, match="lock"):
        await Journal.create(run, meta(run)).__aenter__()


async def test_a_read_only_record_can_be_read(run: RunDir) -> None:
    await written(run, [submitted(0)])
    run.journal.chmod(0o400)
    run.path.chmod(0o500)
    assert tags(run) == [0]
    run.path.chmod(0o700)


def test_network_file_systems_are_told_by_the_mount_table(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:36 / /home rw,relatime shared:2 - nfs4 server:/home rw\n"
        r"41 22 0:37 / /mnt/é\040space rw - cifs //server/x rw" + "\n"
        "42 40 0:38 / /home/ada/local rw - xfs /dev/sdb1 rw\n"
    )
    found = {path: is_network(Path(path), table) for path in ("/", "/home/ada/x", "/homes", "/mnt/é space/y", "/home/ada/local/z")}
    assert found == {"/": False, "/home/ada/x": True, "/homes": False, "/mnt/é space/y": True, "/home/ada/local/z": False}
    assert not is_network(Path("/"), tmp_path / "none")


async def test_half_a_commit_of_a_killed_driver_is_undone(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyflow.journal.store.is_network", lambda path: True)
    await written(run, [submitted(0)])
    killed = python(
        """
        import os, signal, sqlite3, sys
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE events SET kind = 'x'")
        db.executemany("INSERT INTO events (kind, body) VALUES ('x', ?)", [("y" * 4000,)] * 500)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        run.journal,
    )
    await asyncio.to_thread(killed.communicate)
    assert (run.path / "journal.sqlite-journal").stat().st_size > 0
    assert tags(run) == [0]


async def test_without_shared_memory_commits_roll_back(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyflow.journal.store.is_network", lambda path: True)
    async with Journal.create(run, meta(run)) as journal:
        await journal.append([submitted(0)])
        assert tags(run) == [0]
        assert not (run.path / "journal.sqlite-wal").exists()
