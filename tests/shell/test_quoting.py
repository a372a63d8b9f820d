"""Whatever a word holds, a real shell makes exactly that word of it again."""

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyflow.shell.quoting import quote, quoted_bytes

SHELLS = [argv for argv in (["sh"], ["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(argv[0])]
words = st.lists(st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
                 | st.text("'\"\\$`!*?[]{}()<>|&;#~ \n\t-=a\x81\x88", max_size=12), min_size=1, max_size=5)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(argv=words)
def test_a_shell_gets_the_words_back(shell: list[str], argv: list[str]) -> None:
    line = b"printf '%s\\0' " + quoted_bytes(argv)
    found = subprocess.run([*shell, "-c", line], capture_output=True, check=True).stdout
    assert found == b"".join(os.fsencode(word) + b"\0" for word in argv)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_byte_survives(shell: list[str]) -> None:
    word = os.fsdecode(bytes(range(1, 256)))
    assert subprocess.run([*shell, "-c", b"printf %s " + quoted_bytes([word])], capture_output=True, check=True).stdout == os.fsencode(word)


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote(["a\0b"])
