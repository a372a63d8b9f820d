"""What a machine offers, as control groups bound it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.errors import DeploymentError
from hyflow.model.resources import Resources
from hyflow_local.capacity import capacity, found_cores, found_gpus, found_memory


def test_settings_cap_what_was_found() -> None:
    assert capacity(1.5, "1GiB") == Resources(cores=1.5, memory=1 << 30)
    assert capacity(None, None) == Resources(cores=found_cores(), memory=found_memory())
    with pytest.raises(DeploymentError):
        capacity(0, None)


def test_gpus_are_counted_by_their_device_files(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert found_gpus(tmp_path) == 2
    assert capacity(1, "1GiB", 3).gpus == 3


def test_control_groups_of_version_2(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/slice/mine\n")
    mine = tmp_path / "cgroup" / "slice" / "mine"
    mine.mkdir(parents=True)
    (mine / "cpu.max").write_text("max 100000\n")
    (mine.parent / "cpu.max").write_text("50000 100000\n")
    (mine / "memory.max").write_text("max\n")
    (mine.parent / "memory.max").write_text("1048576\n")
    where = tmp_path / "cgroup", tmp_path / "membership"
    assert (found_cores(*where), found_memory(*where)) == (0.5, 1 << 20)


def test_control_groups_of_version_1_in_a_container(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n")
    for name, values in {"cpu,cpuacct": {"cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "100000"},
                         "memory": {"memory.limit_in_bytes": "2097152"}}.items():
        (tmp_path / "cgroup" / name).mkdir(parents=True)
        for file, value in values.items():
            (tmp_path / "cgroup" / name / file).write_text(value + "\n")
    where = tmp_path / "cgroup", tmp_path / "membership"
    assert (found_cores(*where), found_memory(*where)) == (0.25, 2 << 20)


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    where = tmp_path / "none", tmp_path / "none"
    assert found_cores(*where) >= 1
    assert found_memory(*where) > 1 << 28
