"""How a line for a POSIX shell gets through a login shell of whatever kind: it does not see it.

The login shell is given the same few words each time, which bash, csh, fish and their kin understand alike; these start a POSIX shell
that reads the line from its standard input, and leaves what follows there to the line. So a line may hold anything, and be of any length.
There is no newline in them and no exclamation mark, for csh, and no backslash before a quote, for fish.
"""

from __future__ import annotations

import os

_READ = (
    r"""IFS= read -r n && e=$(printf "\n.") && e=${e%.} && l= && """
    r"""while [ "$n" -gt 0 ]; do IFS= read -r a || exit 125; l=$l$a$e; n=$((n-1)); done"""
)
WAITING = f"""exec sh -c '{_READ} && eval "$l"'"""
"""What a channel runs whose ends are told by the protocol."""


def waiting(sign: str) -> str:
    """What a channel runs that cannot tell them: `sign` on standard output when it is there, and on standard error with the exit status
    in the end. `sign`: of letters and digits alone."""
    return f"""exec sh -c 'echo {sign}; {_READ} && (eval "$l"); s=$?; echo "{sign} $s" >&2; exit $s'"""


def framed(line: str) -> bytes:
    """What is to be written there for the line to run."""
    data = os.fsencode(line)
    return b"%d\n%s\n" % (data.count(b"\n") + 1, data)
