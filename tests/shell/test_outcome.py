"""What the runner left of an attempt, read."""

import pytest

from hyflow.connector import Done
from hyflow.model.resources import Usage
from hyflow.model.tasks import Outcome
from hyflow.shell.outcome import parse_outcome

TIMES = {"cpu0": b"0m0.00s 0m0.00s\n0m1.00s 0m0.50s\n", "cpu1": b"0m0.00s 0m0.00s\n1m2.00s 0m1.50s\n"}


def outcome(exit_line: bytes, **parts: bytes) -> Outcome:
    status = parse_outcome({"exit": exit_line, "tree": b"41c0 0 .///\n", "matches": b"", "patterns": b"", **parts})
    assert isinstance(status, Done)
    return status.outcome


@pytest.mark.parametrize(("parts", "usage"), [
    (TIMES, Usage(2.0, 62.0)),
    ({}, Usage(2.0)),
    ({"used": b"             4194304              1500000\n"}, Usage(2.0, 1.5, 4194304)),
    ({"used": b"                   -              1500000\n"}, Usage(2.0, 1.5)),
    ({"used": b"             4194304                    -\n"}, Usage(2.0, None, 4194304)),
    ({"used": b"", **TIMES}, Usage(2.0)),
    ({"used": b"much more\n"}, Usage(2.0)),
])
def test_usage(parts: dict[str, bytes], usage: Usage) -> None:
    assert outcome(b"code 0 10.5 12.5 host\n", **parts).usage == usage


def test_what_a_command_lacked() -> None:
    lacked = [outcome(b"code 137 10 12 host\n" + word) for word in (b"", b"full", b"memory")]
    assert {known.code for known in lacked} == {137}
    assert [(known.disk_full, known.out_of_memory) for known in lacked] == [(False, False), (True, False), (False, True)]
