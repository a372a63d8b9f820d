"""How a line for a POSIX shell gets through a login shell of whatever kind: it does not see it.

The login shell is given the same few words each time, which bash, csh, fish and their kin understand alike; these start a POSIX shell
that reads the line from its standard input, and leaves what follows there to the line. So a line may hold anything, and be of any length.
"""

from __future__ import annotations

import os

WAITING = (
    r"""exec sh -c 'IFS= read -r n && e=$(printf "\n.") && e=${e%.} && l= && """
    r"""while [ "$n" -gt 0 ]; do IFS= read -r a || exit 125; l=$l$a$e; n=$((n-1)); done && eval "$l"'"""
)
"""What every channel runs: no newline and no exclamation mark, for csh, and no backslash before a quote, for fish."""


def framed(line: str) -> bytes:
    """What WAITING reads of its input to run the line."""
    data = os.fsencode(line)
    return b"%d\n%s\n" % (data.count(b"\n") + 1, data)
