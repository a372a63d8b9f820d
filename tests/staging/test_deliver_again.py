"""A delivery that was killed, at whatever point, and is done again: the same names, the same tree, the same output object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import killed
import pytest

from hyflow.staging.claims import Claims


@pytest.mark.parametrize("where", ["apart", "within"])
def test_what_was_cut_short_comes_out_the_same(tmp_path: Path, where: str) -> None:
    done = subprocess.run([sys.executable, killed.__file__, tmp_path, where], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    whole, again = json.loads(done.stdout)
    assert len(again) > 40
    assert not [name for name in whole[1] if name.endswith(".part")]
    assert [number for number, each in enumerate(again) if each != whole] == []


def test_claims_are_remembered_and_a_line_that_was_cut_short_is_none(tmp_path: Path) -> None:
    names = ["/out/a", "/out/caf\udce9\n", "/out/b"]
    claims = Claims.of(tmp_path)
    for name in [*names, *names]:
        claims.add(name)
    with claims.record.open("ab") as file:
        file.write(b'"/out/cut')
    again = Claims.of(tmp_path)
    again.add("/out/c")
    assert Claims.of(tmp_path).paths == {*names, "/out/c"}
