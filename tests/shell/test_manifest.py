"""Hostile names in what a runner measured are read as what they are."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow.model.tasks import EntryKind
from hyflow.shell.globs import literal, matcher, widened
from hyflow.shell.manifest import Damaged, checksums, parse_manifest, stat_lines

HOSTILE = ["a\nb", "\\n", "x\n" + "0" * 40 + "  y", "ff 12 z", "\udcff", "-n", " ", "c\\\nd", "e\r"]
TOOLS = [tool for tool in (["sha1sum"], ["busybox", "sha1sum"]) if shutil.which(tool[0])]


@pytest.mark.parametrize("tool", TOOLS, ids=" ".join)
def test_checksums_of_hostile_names(tool: list[str], tmp_path: Path) -> None:
    for name in HOSTILE:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    listed = subprocess.run([*tool, *(f".//{name}" for name in HOSTILE)], cwd=tmp_path, capture_output=True, check=True).stdout
    assert checksums(listed) == {name: hashlib.sha1(os.fsencode(name)).hexdigest() for name in HOSTILE}  # noqa: S324 - CWL's own


ODD = (b".", b"..")
names = st.binary(min_size=1, max_size=30).filter(lambda raw: not {47, 0} & set(raw) and raw not in ODD).map(os.fsdecode)


@given(st.lists(names, unique=True, max_size=8))
def test_status_of_hostile_names(found: list[str]) -> None:
    data = b"".join(b"81a4 %d ./%s///\n" % (size, os.fsencode(name)) for size, name in enumerate(found))
    assert dict(stat_lines(data)) == {name: (EntryKind.FILE, size) for size, name in enumerate(found)}


RUBBISH = [{"tree": b"rubbish"}, {"good": b"a\0"}, {"matches": b"a\0\0"}, {"matches": b"\0\0", "patterns": b"10a\0"}]


@pytest.mark.parametrize("parts", RUBBISH)
def test_what_no_runner_writes_is_damaged(parts: dict[str, bytes]) -> None:
    with pytest.raises(Damaged):
        parse_manifest(parts)


LETTERS = "ab*?[]!-^\\. é"


@settings(max_examples=60, deadline=None)
@given(st.text(LETTERS, min_size=1, max_size=6), st.lists(st.text(LETTERS, min_size=1, max_size=3), min_size=1, max_size=5))
def test_a_shell_finds_all_that_matches(pattern: str, found: list[str]) -> None:
    """The wider pattern loses nothing: `case` is a shell's own matcher."""
    path = literal(pattern)
    for name in found:
        if not matcher(pattern)(name):
            continue
        if path is not None:
            assert name == path
        else:
            asked = subprocess.run(["sh", "-c", 'p=$2; case $1 in $p) ;; *) exit 1 ;; esac', "sh", name, widened(pattern)],
                                   env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, check=False)
            assert asked.returncode == 0, (pattern, widened(pattern), name)
