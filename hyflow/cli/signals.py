"""What Ctrl-C and its like do while nothing has been begun that would have to be ended: one message, and out.

The handler ends the process itself: an exception that arises just anywhere, in an import or in a callback, may be swallowed on its way,
or told as a traceback.
"""

from __future__ import annotations

# Below `signal`, whose enumerations take milliseconds to make, in which no signal would be heard.
import _signal as signal  # type: ignore[import-not-found]  # it has no stub
import os

STATUS = 130
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def leave_when_told() -> None:
    """From now on. What is ignored stays ignored (nohup, jobs in the background)."""
    for number in _NUMBERS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _leave)


def pass_over() -> None:
    """From now on nothing can change how the command ends."""
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: object) -> None:
    try:  # noqa: SIM105  # importing contextlib takes time in which no signal would be heard
        os.write(2, b"hyflow: interrupted\n")
    except OSError:
        pass
    os._exit(STATUS)
