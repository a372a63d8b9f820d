"""The process that commands are forked from (`nursery.py`). It listens at a local socket for orders (`forked.ask`).

A program of its own: `python nest.py SOCKET`. It says a line when it is ready, and ends when its standard input does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pathlib
import select
import signal
import socket
import sys
import tempfile

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


def serve(listener: socket.socket) -> None:
    """Each order has a process that waits for its end, so that several may be under way."""
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if listener not in ready:
            return
        with listener.accept()[0] as line:
            if not os.fork():
                listener.close()
                attend(line)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def attend(line: socket.socket) -> None:
    """Start the command that is ordered, and tell of its end."""
    _, (out, err), _, _ = socket.recv_fds(line, 1, 2)
    with line.makefile("rb") as whole:
        order = json.load(whole)
    pid = os.fork()
    if not pid:
        line.close()
        for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(source, target)
            os.close(source)
        open_streams()
        become(**order)
    for number in (out, err):
        os.close(number)
    with contextlib.suppress(BrokenPipeError):  # whoever asked may have been killed
        line.sendall(b"%d\n" % pid)
        line.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def open_streams() -> None:
    """As Python does when it starts: what is known of a stream (that it can seek) was true of the nest's own."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        old, lines = getattr(sys, name), 1 if number == 2 else -1
        new = open(number, mode, buffering=lines, encoding=old.encoding, errors=old.errors)  # noqa: SIM115  # for as long as it lives
        setattr(sys, name, new)


def become(command: str, words: list[str], cwd: str, environment: dict[str, str], mishap: list[str | int]) -> None:
    """From here on this process is the command. `mishap`: what `dying.arm` is told first."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [command, *words]
    if mishap:
        sys.path.insert(0, SUPPORT)
        import dying

        dying.arm(*mishap)
    from hyflow.cli import entry

    {"hyflow": entry.hyflow, "cwl-runner": entry.cwl_runner}[command]()


if __name__ == "__main__":
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(number, usual)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as orders:
        orders.bind(sys.argv[1])
        orders.listen(64)
        warm_up()
        print("ready", flush=True)
        serve(orders)
