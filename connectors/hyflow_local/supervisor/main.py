"""Where the supervisor begins: `python -I -S -c BOOT FOLDER`, in the state directory, with its listening socket as standard input."""

from __future__ import annotations

import errno
import os
import socket

BOOT = "import os, sys; sys.path.append(sys.argv[1]); os.chdir(sys.argv[2]); from supervisor.main import main; main()"


NO_ROOM = 74
"""Exit status of a supervisor that has ended all that it, or one before it, ran, since its record can take no more."""


def main() -> None:
    """Serve until nobody listens and nothing runs."""
    from .loop import Supervisor
    from .processes import adopt_orphans
    from .record import Record

    listener = socket.socket(fileno=os.dup(0))
    os.set_inheritable(listener.fileno(), False)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    supervisor = None
    try:
        supervisor = Supervisor(listener, Record("attempts"), null)
        adopt_orphans()
        os.chdir("/")
        supervisor.run()
    except OSError as error:
        if supervisor:
            supervisor.leave()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
            os._exit(NO_ROOM)
        raise
