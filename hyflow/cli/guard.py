"""Every way in which a command may end becomes an exit status, with one message on standard error and never a traceback."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import select
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from hyflow.cli import signals
from hyflow.errors import HyflowError, Interrupted

T = TypeVar("T")

_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO)
"""Why nobody can read what is written: a pipe, or a terminal, has no other end any more."""


def entered(work: Callable[[], int]) -> NoReturn:
    """Do the work of a command, as the process that is there for nothing else."""
    signals.leave_when_told()
    status = guarded(work)
    signals.pass_over()
    if status == signals.STATUS:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(status)  # there may be threads that nobody waits for any more
    gc.freeze()  # all goes with the process: to look for what nobody needs any more takes longer than a short command
    sys.exit(status)


def guarded(work: Callable[[], int]) -> int:
    """Do the work; its exit status, or that of its error, which is told."""
    _prepare_streams()
    try:
        status = _status(work)
        sys.stdout.flush()
    except HyflowError as error:
        return _told(error)
    except KeyboardInterrupt:
        return _told(Interrupted())
    except OSError as error:
        return _refused(error)
    except Exception as error:
        return _bug(error)
    return status


def finished(work: Coroutine[Any, Any, T], stopped: Callable[[T], bool] = lambda _: False) -> T:
    """The result of work on an event loop. When it was `stopped`, threads that still work for it are not waited for."""
    import asyncio
    import logging

    logging.getLogger().addHandler(logging.NullHandler())  # what matters to users is told to them in words
    runner = asyncio.Runner()
    interrupted = False
    try:
        result = runner.run(work)
        interrupted = stopped(result)
    except Interrupted:
        interrupted = True
        raise
    finally:
        if not interrupted:
            runner.close()
    return result


def _prepare_streams() -> None:
    """Names of files may be no text; and whoever started us may have closed what we read or write."""
    from hyflow.report.patient import Patient

    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened would get the number, and be written to
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # open for as long as the process lives
        stream = getattr(sys, name)
        if mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Patient):
        sys.stderr = Patient(sys.stderr)


def _status(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as ended:  # what there is to say has been said
        return ended.code if isinstance(ended.code, int) else 1


def _refused(error: OSError) -> int:
    """The system would not do what was asked: our output has no reader, or a disk no room; all else should have been foreseen."""
    if error.errno in _GONE and error.filename is None and _is_unread():
        return _drop_output()
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return _bug(error)
    _drop_output()
    where = str(error.filename) if error.filename else None
    return _told(HyflowError(f"cannot write: {error.strerror}", where=where, hint="make room, then try again"))


def _is_unread() -> bool:
    """Whether it is our own output that nobody reads, and no other pipe."""
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, event in poll.poll(0))
    return False


def _told(error: HyflowError) -> int:
    from hyflow.report.terminal import clean

    print(f"hyflow: {clean(str(error))}", file=sys.stderr)
    return error.exit_status


def _drop_output() -> int:
    """Standard output can take no more; what is left of it must not fail once more when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return 1


def _bug(error: Exception) -> int:
    from hyflow.cli.crash import write_crash
    from hyflow.report.terminal import clean

    try:
        details = f"the details are in {write_crash(error)}"
    except OSError as trouble:
        details = f"the details cannot be kept: {trouble.strerror}"
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    print(f"hyflow: this is a bug in hyflow: {clean(what)} ({details})", file=sys.stderr)
    return 1
