"""How many processes of an MPI program a command is to be started as: MPIRequirement, an extension of cwltool's.

Does not know how they are started: that is the site's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hyflow.cwl.requirements import MPI
from hyflow.cwl.tool import Tool
from hyflow.model.resources import Request
from hyflow.model.values import Inputs, Value


class Mpi:
    """What one tool says of it, compiled once."""

    def __init__(self, tool: Tool) -> None:
        self._tool, self._asked = tool, MPI in tool.requirements
        self._processes = tool.required(MPI, "processes")

    def processes(self, inputs: Inputs, runtime: Mapping[str, Value]) -> int | None:
        """None: the command is started as it stands, as it is with 0 processes. One, where the tool does not say how many.

        Raises WorkflowError."""
        if not self._asked:
            return None
        value = 1 if self._processes is None else self._processes.evaluate(inputs, None, runtime)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            what = f"processes must be a whole number and not negative, found {value!r:.200}"
            raise self._tool.error(what, path="requirements.MPIRequirement.processes")
        return value or None


def with_cores(request: Request, processes: int | None) -> Request:
    """The request with a core for each of the processes at least: what a tool asks for is for all of them together."""
    if processes is None or processes <= request.least.cores:
        return request
    least, most = (replace(each, cores=max(each.cores, float(processes))) for each in (request.least, request.most))
    return Request(least, most)
