"""Jobs: one firing of a step each, and how one may fail."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, TypeAlias

from hyflow.model.values import Inputs

Tag: TypeAlias = tuple[int, ...]
"""A job's place in the nested scatters around it, outermost first; () when nothing is scattered."""

Key = NewType("Key", str)
"""Names one attempt, everywhere and for ever. Characters of [A-Za-z0-9._-] only: safe as a file name and in any queue."""


@dataclass(frozen=True, slots=True, order=True)
class JobId:
    """`step` is the path of the step, as in "/align/map" ("/" for the run itself)."""

    step: str
    tag: Tag = ()

    def __str__(self) -> str:
        return self.step + (f"[{','.join(map(str, self.tag))}]" if self.tag else "")


@dataclass(frozen=True, slots=True)
class Job:
    """One firing of a step with concrete inputs. `process` names the tool in the program that the run was compiled to."""

    id: JobId
    process: str
    inputs: Inputs


def attempt_key(run: str, job: JobId, attempt: int, generation: int = 0) -> Key:
    """The key of the job's `attempt`th submission (from 1) in the run: readable, and unique by its hash. `generation`: how often before
    that it was asked that something of the run be run again."""
    number = f"{generation}.{attempt}" if generation else str(attempt)
    digest = hashlib.sha256("\0".join([run, job.step, ",".join(map(str, job.tag)), number]).encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", str(job)).strip("-")[:40]
    return Key(f"{readable or 'job'}-{digest[:16]}")


class FailureClass(StrEnum):
    """Why an attempt failed; the retry policy is per class."""

    TOOL = "tool"
    TEMPORARY = "temporary"
    MEMORY = "memory"
    TIME = "time"
    IMAGE = "image"
    STAGING = "staging"
    OUTPUT = "output"
    EVALUATION = "evaluation"
    INFRASTRUCTURE = "infrastructure"
    SUBMISSION = "submission"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a person needs to know. `code` is the command's exit status where it had one, `stderr` its last lines. `lasting`: somebody
    has to act before it makes sense to try again."""

    kind: FailureClass
    message: str
    code: int | None = None
    stderr: str = ""
    unsupported: bool = False
    lasting: bool = False
