"""The script that stands beside hyflow: what is made of the recorded command, and that it runs as a shell would."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from containers import EACH, JOB, words_of

RECORDED = ["run", "--rm", "--name=hyflow-echo-0-ab12", "--cidfile=/h/it's/echo-0-ab12/container", "--label=hyflow.key=echo-0-ab12",
            "--mount=type=bind,source=/h/it's/echo-0-ab12/out,target=/o", "--env=A=$B 'c'", "sha256:1", "echo", "hello"]


def test_a_recorded_command_runs_for_another_attempt(tmp_path: Path) -> None:
    """A client that says its words shows what the shell makes of the script, with as many at once as it should."""
    (tmp_path / "docker").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >&2\nshift 9\necho "$1"\n', encoding="ascii")
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "each.sh").write_text(EACH.replace("AT_ONCE", "2"), encoding="ascii")
    (tmp_path / "job.sh").write_text(JOB.replace("COMMAND", words_of(RECORDED)), encoding="ascii")
    (tmp_path / "words.txt").write_text("one\ntwo\nthree\n", encoding="ascii")
    out = tmp_path / "out"
    out.mkdir()
    done = subprocess.run(("sh", str(tmp_path / "each.sh"), "--outdir", str(out), "x.cwl", str(tmp_path / "words.json")), check=True,
                          capture_output=True, env={"PATH": f"{tmp_path}:{os.defpath}"})
    assert Path(json.loads(done.stdout)["said"]["path"]).read_text(encoding="ascii").strip() == "3"
    assert (out / "two" / "stderr").read_text(encoding="ascii").splitlines() == [
        "run", "--rm", "--name=hyflow-two", f"--cidfile={out}/two/container", "--label=hyflow.key=two",
        f"--mount=type=bind,source={out}/two/out,target=/o", "--env=A=$B 'c'", "sha256:1", "echo", "two",
    ]


@pytest.mark.parametrize("command", [RECORDED[:-1], [word for word in RECORDED if "cidfile" not in word]])
def test_what_is_no_such_command_is_refused(command: list[str]) -> None:
    with pytest.raises(ValueError, match="not the command"):
        words_of(command)
