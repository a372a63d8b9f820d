"""Asks the nest (`nest.py`) for a command, with this process's own streams: `python -I -S forked.py SOCKET cwl-runner WORD...`.

Starts fast, as it stands where a command of its own would: it loads little.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any


def ask(address: str, order: dict[str, Any], out: int, err: int) -> socket.socket:
    """Send the order (`nest.attend`) with the files for what the command says. The answer comes as two lines: the number of the process,
    and when it has ended, its exit status (of one that was killed, the signal with a minus)."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(address)
        socket.send_fds(line, [b"!"], [out, err])
        line.sendall(json.dumps(order).encode())
        line.shutdown(socket.SHUT_WR)
    except BaseException:
        line.close()
        raise
    return line


def main(address: str, command: str, *words: str) -> int:
    order = {"command": command, "words": words, "cwd": os.getcwd(), "environment": dict(os.environ), "mishap": ()}
    with ask(address, order, 1, 2) as line, line.makefile("rb") as answer:
        status = int([*answer][-1])
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
