"""What is removed of ended attempts, by a real shell."""

import os
import subprocess
from pathlib import Path

from hyflow.shell.markers import FORGET


def test_many_are_removed_a_few_at_a_time_and_those_that_go_on_stay(tmp_path: Path) -> None:
    bundles, work = tmp_path / "bundles", tmp_path / "work"
    keys = [f"job-{number}" for number in range(450)]
    for key in keys:
        (bundles / key / "m").mkdir(parents=True)
        (bundles / key / "exit").touch()
        (bundles / key / "dir").symlink_to(work / key)
    for part in ("in", "tmp", "out"):
        (work / keys[0] / part).mkdir(parents=True)
    (work / keys[1]).mkdir()
    (work / keys[1] / "in").symlink_to(work / keys[0] / "out")
    (bundles / keys[2] / "m").chmod(0o500)
    (bundles / keys[3] / "exit").unlink()
    gone = subprocess.run(["sh", "-c", FORGET, "sh", str(bundles)], input="\n".join([*keys, "never-there", ""]), text=True, check=False)
    assert gone.returncode == 0
    assert os.listdir(bundles) == [keys[3]]
    assert os.listdir(work / keys[0]) == ["out"] and os.listdir(work / keys[1]) == ["in"]
