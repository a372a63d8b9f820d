"""Where the supervisor begins: `python -I -S -c BOOT FOLDER STATE`, which goes to the state directory; its listening socket is its standard
input, and its record, locked, the file RECORD."""

from __future__ import annotations

import errno
import os
import socket

BOOT = "import os, sys; sys.path.append(sys.argv[1]); os.chdir(sys.argv[2]); from supervisor.main import main; main()"
RECORD = 3

NO_ROOM = 74
"""Exit status of a supervisor that has ended all that it, or one before it, ran, since its record can take no more."""


def main() -> None:
    """Serve until nobody listens and nothing runs."""
    from .loop import Supervisor
    from .processes import adopt_orphans
    from .record import Record

    listener, record = socket.socket(fileno=os.dup(0)), os.dup(RECORD)  # which no command will have
    os.close(RECORD)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    supervisor = None
    try:
        supervisor = Supervisor(listener, Record(record), null)
        adopt_orphans()
        os.chdir("/")
        supervisor.run()
    except OSError as error:
        if supervisor:
            supervisor.leave()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
            os._exit(NO_ROOM)
        raise
