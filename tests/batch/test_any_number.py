"""However many jobs are asked about or ended, and whichever, the commands of batch systems get them all, and no argument is too long."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed import Commands

from hyflow.batch.system import BatchSystem
from hyflow_pbs.pbs import Pbs
from hyflow_slurm.slurm import Slurm

MOST = 100 << 10
"""Bytes of an argument; Linux takes 128 KiB."""
NAMES = [f"a-rather-long-name-{number:010x}" for number in range(5000)]
TOLD = """for id; do case $id in -*) ;; *) printf 'Job Id: %s\\n    Job_Name = %s\\n    job_state = R\\n' "$id" "${id%%.*}" ;; esac; done"""


@st.composite
def many(draw: st.DrawFn) -> set[int]:
    """Up to 50,000 numbers, from all that follow each other to those of which none do."""
    count, apart = draw(st.integers(1, 50_000)), draw(st.integers(1, 4))
    return set(random.Random(draw(st.integers(0, 1000))).sample(range(count * apart), count))  # noqa: S311 (an example, no secret)


def calls(text: str, **does: str) -> list[list[str]]:
    """The words of each call that the text comes to."""
    with tempfile.TemporaryDirectory() as top:
        commands = Commands(Path(top))
        for name, script in does.items():
            commands.does(name, script)
        done = commands.run(text)
        assert done.returncode == 0, done.stderr
        found = [line.split(" ") for line in commands.calls]
    assert all(len(word) < MOST for words in found for word in words)
    return found


def elements(words: Iterator[str]) -> Iterator[int]:
    """The indices in 12_[3,5-9], 12_3,12_4, 12[3].server and 12[5-9].server."""
    for word in words:
        listed = re.fullmatch(r"12_\[(.*)\]|12\[(.*)\]\.server|--jobs=(.*)", word)
        for part in (listed[listed.lastindex or 0] if listed else "").replace("12_", "").split(","):
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1) if part else ()


@settings(max_examples=15)
@given(many(), st.sampled_from([(Slurm({}), "scancel", "12"), (Pbs({}), "qdel", "12[].server")]))
def test_each_of_them_is_ended_once(indices: set[int], of: tuple[BatchSystem, str, str]) -> None:
    system, command, id = of
    found = calls(system.cancel({id: indices}, []), **{command: ""})
    assert sorted(elements(word for words in found for word in words)) == sorted(indices)


@settings(max_examples=10)
@given(many())
def test_each_of_them_is_nudged_once(indices: set[int]) -> None:
    found = calls(Slurm({}).nudge({"12": indices}), scancel="")
    assert sorted(elements(word for words in found for word in words)) == sorted(indices)


@settings(max_examples=15)
@given(many(), st.sampled_from([(Slurm({}), "sacct", "12"), (Pbs({}), "qstat", "12[].server")]))
def test_each_of_them_is_asked_about_once(indices: set[int], of: tuple[BatchSystem, str, str]) -> None:
    system, command, id = of
    others = {"squeue": "", "scontrol": "", "qselect": ""}
    found = calls(system.question(NAMES, [(id, index) for index in indices]), **{**others, command: ""})
    assert sorted(elements(word for words in found if words[0] == command for word in words)) == sorted(indices)


def test_every_batch_is_asked_about() -> None:
    words = [word for call in calls(Slurm({}).question(NAMES, []), squeue="") for word in call if word.startswith("--name=")]
    assert [name for word in words for name in word.removeprefix("--name=").split(",")] == NAMES


@pytest.mark.parametrize(("command", "flags"), [("qstat", ["-t", "-f"]), ("qdel", [])])
def test_every_batch_of_pbs_is_found_by_its_name(command: str, flags: list[str]) -> None:
    text = Pbs({}).question(NAMES, []) if command == "qstat" else Pbs({}).cancel({}, NAMES)
    ids = [f"{name}.server" for name in [*NAMES, *(f"not-{name}" for name in NAMES)]]
    found = calls(text, qselect="cat <<'END'\n" + "\n".join(ids) + "\nEND", qstat=TOLD, qdel="")
    told = [id for words in found if words[:len(flags) + 1] == [command, *flags] for id in words[len(flags) + 1:]]
    assert told == ids[:len(NAMES)]
