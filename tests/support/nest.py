"""The process that commands are forked from (`nursery.py`): orders come as JSON through its standard input, a local socket, each with
the files for the command's output and errors, and the end of a pipe that hears its process number and then its exit status.

A program of its own. It ends when the other end of the socket is closed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
from typing import Any

MODULES = (
    "hyflow.cli.entry", "hyflow.cli.main", "hyflow.cli.cwl_runner", "hyflow.cli.run", "hyflow.cli.logs", "hyflow.cli.status",
    "hyflow.cli.clean", "hyflow.cli.layout", "hyflow.run", "hyflow.report.watch", "hyflow.report.logs", "hyflow_local.connector",
    "hyflow_shell.reach", "hyflow.shell.site",
)  # fmt: skip
SUPPORT = sys.path.pop(0)
"""Where this file lies: nothing of it is to be found by hyflow."""
DOCUMENT = "{cwlVersion: v1.2, class: CommandLineTool, baseCommand: 'true', inputs: {}, outputs: {}}"


def warm_up() -> None:
    """Load what a run needs, and what compiling a document does."""
    for name in MODULES:
        importlib.import_module(name)
    from hyflow.cwl.load import load

    with tempfile.TemporaryDirectory() as folder:
        document = pathlib.Path(folder, "first.cwl")
        document.write_text(DOCUMENT)
        load(str(document), cache=None)
    tempfile.tempdir = None  # each command has its own
    gc.collect()
    gc.freeze()  # else forks would copy all of it to look it through


def serve(line: socket.socket) -> None:
    """Each order has a process that waits for its end, so that several may be under way."""
    while (answer := socket.recv_fds(line, 1 << 18, 3))[0]:
        order, fds = json.loads(answer[0]), answer[1]
        if not os.fork():
            line.close()
            attend(order, *fds)
        for fd in fds:
            os.close(fd)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def attend(order: dict[str, Any], out: int, err: int, told: int) -> None:
    """Start the command, and tell of its end."""
    pid = os.fork()
    if not pid:
        os.close(told)
        become(order, out, err)
    os.write(told, b"%d\n" % pid)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(told, b"%d\n" % code)
    os._exit(0)


def become(order: dict[str, Any], out: int, err: int) -> None:
    """From here on this process is the command."""
    os.setsid()
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["command"], *order["words"]]
    if order["mishap"]:
        sys.path.insert(0, SUPPORT)
        import dying

        dying.arm(*order["mishap"])
    from hyflow.cli import entry

    {"hyflow": entry.hyflow, "cwl-runner": entry.cwl_runner}[order["command"]]()


if __name__ == "__main__":
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(number, usual)
    warm_up()
    with socket.socket(fileno=os.dup(0)) as orders:
        orders.send(b"!")
        serve(orders)
