"""What went wrong for a job here, before or after its command ran, as the failure that it is."""

from __future__ import annotations

from hyflow.cwl.collect import OutputError
from hyflow.errors import HyflowError, ImageError, SiteError, UnsupportedRequirement, WorkflowError
from hyflow.model.jobs import Failure, FailureClass


def unforeseen(error: OSError | ValueError | RecursionError) -> Failure:
    """The failure of the job that met with what nobody foresaw."""
    what = f"its data or its documents cannot be handled: {_words(error)}"
    return Failure(FailureClass.STAGING, what, lasting=not isinstance(error, OSError))


def _words(error: OSError | ValueError | RecursionError) -> str:
    match error:
        case OSError(strerror=str(said), filename=str(file)):
            return f"{file}: {said}"
        case OSError(strerror=str(said)):
            return said
        case RecursionError():
            return "something among them is nested too deeply"
        case _:
            return str(error) or "a value among them is none"


def failure_of(error: HyflowError) -> Failure:
    """The failure of the job that the error arose for."""
    match error:
        case OutputError():
            kind = FailureClass.OUTPUT
        case ImageError():
            kind = FailureClass.IMAGE
        case SiteError():
            kind = FailureClass.STAGING
        case WorkflowError():
            kind = FailureClass.EVALUATION
        case _:
            kind = FailureClass.EVALUATION
    lasting = isinstance(error, SiteError) and not error.transient
    return Failure(kind, str(error), unsupported=isinstance(error, UnsupportedRequirement), lasting=lasting)
