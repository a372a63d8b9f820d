"""What Slurm's words for why a job waits, and for how it ended badly, mean. Source: the manual page of squeue, 20.11 to 24.05."""

from __future__ import annotations

from hyflow.model.jobs import FailureClass

BAD = {
    "NODE_FAIL": (FailureClass.INFRASTRUCTURE, "the node failed"),
    "BOOT_FAIL": (FailureClass.INFRASTRUCTURE, "the node could not be started"),
    "PREEMPTED": (FailureClass.INFRASTRUCTURE, "its job was pre-empted"),
    "FAILED": (FailureClass.INFRASTRUCTURE, "its job failed"),
    "TIMEOUT": (FailureClass.TIME, "its job reached its time limit"),
    "DEADLINE": (FailureClass.TIME, "its job reached its deadline"),
    "OUT_OF_MEMORY": (FailureClass.MEMORY, "its job used more memory than it had asked for"),
    "CANCELLED": (FailureClass.CANCELLED, "its job was cancelled by somebody else"),
    "REVOKED": (FailureClass.INFRASTRUCTURE, "its job was taken away"),
}
_EXACT = {
    "Priority": "other jobs come first",
    "Resources": "it is next, and waits for nodes to become free",
    "JobHeldUser": "it is on hold; scontrol release lets it go",
    "JobHeldAdmin": "an administrator keeps it on hold",
    "JobArrayTaskLimit": "as many of its array run as may at a time",
    "BeginTime": "the time for which it was put off has not come",
    "Dependency": "a job that it depends on has not ended",
    "Licenses": "a licence that it asks for is in use",
    "Reservation": "its reservation has not begun",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition starts no jobs",
    "PartitionNodeLimit": "it asks for more nodes than its partition has, or has up",
    "PartitionTimeLimit": "it asks for more time than its partition gives",
    "NodeDown": "a node that it needs is down",
    "BadConstraints": "no node has what it asks for",
    "ReqNodeNotAvail": "nodes that it asks for are down, or reserved",
}
_BEGINNINGS = {
    "QOSMax": "a limit of its quality of service (QOS) on a job or a user is reached",
    "QOSGrp": "a limit of its quality of service (QOS) on all its jobs is reached",
    "QOSMin": "it asks for less than its quality of service (QOS) demands",
    "QOS": "its quality of service (QOS) does not allow it now",
    "MaxGRES": "a limit of its quality of service (QOS) is reached",
    "AssocMax": "a limit of its account on a job or a user is reached",
    "AssocGrp": "a limit of its account on all its jobs is reached",
    "Assoc": "a limit of its account is reached",
    "launch failed": "a node could not start it; scontrol release lets it try again",
}


def explained(reason: str) -> str:
    """Slurm's own word, which its administrators know, and what it means, where that is known; "" for none."""
    if reason in ("", "None", "(null)"):
        return ""
    word = reason.partition(",")[0]
    beginnings = (meaning for beginning, meaning in _BEGINNINGS.items() if word.startswith(beginning))
    meaning = _EXACT.get(word) or next(beginnings, "")
    return f"{reason} ({meaning})" if meaning else reason
