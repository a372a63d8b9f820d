"""What a job needs before it can be bound: resources, the data that must be there, limits (CWL v1.2, CommandLineTool, section 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hyflow.cwl.expressions import Compiled
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.mpi import Mpi, with_cores
from hyflow.cwl.prepare import prepare
from hyflow.cwl.requirements import CUDA
from hyflow.cwl.runtime import runtime_resources
from hyflow.cwl.tool import Tool
from hyflow.model.resources import MIB, Request, Resources
from hyflow.model.values import Inputs, Value, is_data


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job needs.

    `sources`: the address of every file and directory that must be present at the place. `time_limit` in seconds, None where there
    is none. `limits`: which of cores and memory the tool asks for itself. `reuse`: whether results may be taken from another run
    (WorkReuse). `inputs`: as prepared, for `bind`.
    """

    request: Request
    sources: tuple[str, ...]
    time_limit: float | None = None
    limits: tuple[str, ...] = ()
    network: bool = False
    reuse: bool = True
    inputs: Inputs = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Amount:
    """One kind of resource: the fields of ResourceRequirement that name it, its default and its unit in ours."""

    low: Compiled | None
    high: Compiled | None
    default: float


def _is_given(amount: _Amount) -> bool:
    return amount.low is not None or amount.high is not None


class Demands:
    """What jobs of one tool need: the fields of its requirements, compiled once."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        memory = 1024 if tool.version == "v1.0" else 256
        defaults = {"cores": 1, "ram": memory, "tmpdir": 1024, "outdir": 1024}
        self._amounts = {word: self._amount(word, default) for word, default in defaults.items()}
        self._limits = tuple(name for name, word in (("cores", "cores"), ("memory", "ram")) if _is_given(self._amounts[word]))
        self._limit = tool.required("ToolTimeLimit", "timelimit")
        self._network = tool.required("NetworkAccess", "networkAccess")
        self._reuse = tool.required("WorkReuse", "enableReuse")
        self._gpus = tool.required(CUDA, "cudaDeviceCountMin")
        self._mpi = Mpi(tool)
        fixed = all(part is None or part.constant for amount in self._amounts.values() for part in (amount.low, amount.high))
        self._fixed = self._request({}) if fixed and (self._gpus is None or self._gpus.constant) else None

    def demand(self, inputs: Inputs, know: Knowledge) -> Demand:
        """Raises WorkflowError, Lacking."""
        tool = self._tool
        prepared = prepare(tool, inputs, know)
        request = self._fixed or self._request(prepared)
        busy = any(port.shape.busy for port in tool.inputs)
        return Demand(
            with_cores(request, self._mpi.processes(prepared, runtime_resources(request.least))),
            tuple(dict.fromkeys(sources_of(prepared))) if busy else (),
            self._time_limit(prepared),
            self._limits,
            self._flag(self._network, prepared, tool.version == "v1.0", "NetworkAccess.networkAccess"),
            self._flag(self._reuse, prepared, True, "WorkReuse.enableReuse"),
            prepared,
        )

    def _amount(self, word: str, default: float) -> _Amount:
        low, high = (self._tool.required("ResourceRequirement", word + end) for end in ("Min", "Max"))
        return _Amount(low, high, default)

    def _request(self, inputs: Inputs) -> Request:
        cores = self._range("cores", inputs)
        memory, tmpdir, outdir = (self._bytes(word, inputs) for word in ("ram", "tmpdir", "outdir"))
        gpus = int(self._number(self._gpus, inputs, "cudaDeviceCountMin") or 1) if CUDA in self._tool.requirements else 0
        least, most = (Resources(cores[at], memory[at], tmpdir[at], outdir[at], gpus) for at in (0, 1))
        return Request(least, most)

    def _bytes(self, word: str, inputs: Inputs) -> tuple[int, int]:
        low, high = self._range(word, inputs)
        return math.ceil(low * MIB), math.ceil(high * MIB)

    def _range(self, word: str, inputs: Inputs) -> tuple[float, float]:
        """The least and the most of a kind; the one stands for the other where only one is given."""
        amount = self._amounts[word]
        low, high = self._number(amount.low, inputs, word + "Min"), self._number(amount.high, inputs, word + "Max")
        if low is None:
            low = high if high is not None else amount.default
        if high is None:
            high = max(low, amount.default) if amount.low is None else low
        if high < low:
            raise self._tool.error(f"{word}Max ({high:g}) is less than {word}Min ({low:g})",
                                   path=f"requirements.ResourceRequirement.{word}Max")
        return low, high

    def _number(self, compiled: Compiled | None, inputs: Inputs, word: str) -> float | None:
        value: Value = None if compiled is None else compiled.evaluate(inputs, None, {})
        if value is None:
            return None
        path = f"requirements.{'CUDARequirement' if compiled is self._gpus else 'ResourceRequirement'}.{word}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self._tool.error(f"{word} must be a number and not negative, found {value!r}", path=path)
        if isinstance(value, float) and not value.is_integer() and not self._tool.strict_contents:
            raise self._tool.error(f"{word} must be an integer in CWL {self._tool.version}, found {value!r}", "fractions came with v1.2",
                                   path=path)
        return value

    def _time_limit(self, inputs: Inputs) -> float | None:
        """Seconds; zero means that there is no limit."""
        value = None if self._limit is None else self._limit.evaluate(inputs, None, {})
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self._tool.error(f"timelimit must be a number of seconds and not negative, found {value!r}",
                                   path="requirements.ToolTimeLimit.timelimit")
        return float(value) or None

    def _flag(self, compiled: Compiled | None, inputs: Inputs, otherwise: bool, path: str) -> bool:
        value = otherwise if compiled is None else compiled.evaluate(inputs, None, {})
        if not isinstance(value, bool):
            raise self._tool.error(f"{path.rpartition('.')[2]} must be a boolean, found {value!r}", path=f"requirements.{path}")
        return value


def sources_of(inputs: Mapping[str, Value]) -> list[str]:
    """The addresses that must be at the place so that the inputs can be laid out there."""
    found: list[str] = []
    for value in inputs.values():
        _collect(value, found)
    return found


def _collect(value: Value, found: list[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        if not is_data(value):
            _collect(list(value.values()), found)
            return
        if "location" in value:
            found.append(value["location"])
        else:
            _collect(value.get("listing") or [], found)
        _collect(value.get("secondaryFiles") or [], found)
