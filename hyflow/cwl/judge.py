"""Whether a command succeeded (CWL v1.2, CommandLineTool, section 5: successCodes, temporaryFailCodes, permanentFailCodes)."""

from __future__ import annotations

import signal

from hyflow.cwl.notstarted import NOT_FOUND, module_missing, not_started
from hyflow.cwl.software import remedy
from hyflow.cwl.tool import Tool
from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.tasks import Outcome

_FILLED = "the disk is full"
_FULL = ("No space left on device", "Disk quota exceeded")


def judge(tool: Tool, outcome: Outcome, command: str = "") -> Failure | None:
    """Why the attempt failed, None when it did not. What the machine says counts more than the exit status. `command`: its name."""
    if outcome.out_of_memory:
        return _failure(outcome, FailureClass.MEMORY, "the command ran out of memory")
    if outcome.timed_out:
        return _failure(outcome, FailureClass.TIME, "the command reached its time limit and was ended")
    if outcome.trouble is not None and outcome.code is None and outcome.signal is None:
        return _ended(outcome, FailureClass.STAGING, f"the command could not be started: {outcome.trouble}")
    if outcome.signal is not None:
        return _ended(outcome, FailureClass.TOOL, f"the command was ended by {_signal_name(outcome.signal)}")
    code = outcome.code
    if code is None:
        return _failure(outcome, FailureClass.INFRASTRUCTURE, "nothing is known of how the command ended")
    if (why := module_missing(code, outcome.stderr)) is not None:  # whatever the tool makes of such an exit status: it did not run
        return _failure(outcome, FailureClass.INFRASTRUCTURE, f"{why[0]}\n  {why[1]}", lasting=True)
    if (code in tool.success_codes or code == 0) and code not in tool.permanent_codes | tool.temporary_codes:
        return None if outcome.trouble is None else _ended(outcome, FailureClass.OUTPUT, outcome.trouble)
    if code in tool.temporary_codes:
        return _failure(outcome, FailureClass.TEMPORARY, f"the command failed for the time being, with exit status {code}")
    if (why := not_started(command, code, outcome.stderr)) is not None:
        hint = why[1] + (remedy(tool.packages) if code == NOT_FOUND else "")
        return _failure(outcome, FailureClass.TOOL, str(tool.error(why[0], hint=hint, path="baseCommand")))
    return _ended(outcome, FailureClass.TOOL, f"the command failed with exit status {code}")


def _ended(outcome: Outcome, kind: FailureClass, message: str) -> Failure:
    """A command that failed where the disk is full most likely failed for that."""
    if outcome.disk_full or any(words in said for words in _FULL for said in (outcome.stderr, outcome.trouble or "")):
        hint = "It needs more room where it works: remove what is not needed there, or give its site another workdir."
        what = message if message.endswith(_FILLED) else f"{message}, and {_FILLED}"
        return _failure(outcome, FailureClass.INFRASTRUCTURE, f"{what}\n  {hint}", lasting=True)
    return _failure(outcome, kind, message)


def _failure(outcome: Outcome, kind: FailureClass, message: str, *, lasting: bool = False) -> Failure:
    return Failure(kind, message, outcome.code, outcome.stderr, lasting=lasting)


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"
