"""Slurm's words: how a batch is submitted, asked about and ended. Source: the manual pages of Slurm 20.11 to 24.05."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hyflow.batch.listing import pieces, ranges
from hyflow.batch.system import Accepted, Active, Answer, Entry, Full, Limits, Order, Over, Rejected, State, Unclear, Waiting
from hyflow.connector import Argv, Finding
from hyflow.errors import SiteError
from hyflow.model.quantities import parse_size, parse_time, size_text, time_text
from hyflow.model.resources import MIB, Resources
from hyflow.shell.quoting import quote
from hyflow_slurm.reasons import BAD, explained

_FULL = re.compile(
    r"Max\w*Submit|submit limit|violates accounting/QOS policy|temporarily unable to accept|Resource temporarily unavailable|Grp\w*Submit"
)
_DEAF = re.compile(
    r"timed out|[Uu]nable to (contact|establish)|Connection (refused|reset)|Zero Bytes|[Cc]ommunication|Transport endpoint|"
    r"Unexpected message|authentication|backup controller"
)
_ID = re.compile(r"(\d+)(?:;\S+)?", re.ASCII)
_END = """
end() {
    said=$(scancel --user="$(id -un)" "$@" 2>&1) && return
    case $said in *Invalid?job?id* | *ompleted*) ;; *) echo "$said" >&2; exit 1 ;; esac
}"""
_ELSEWHERE = "Is it a login node? Where a module brings Slurm's commands, put them into the PATH of logins without a terminal."
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD")
_ACTIVE = ("RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT")
_NAMED = ("partition", "account", "qos", "constraint", "nodes")


class Slurm:
    """`hyflow.batch.system.BatchSystem`. `defaults`: what every job asks for, by option."""

    name, queue_option = "Slurm", "partition"

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults

    def limits(self) -> str:
        return f"""
export LC_ALL=C
command -v sbatch >/dev/null || {{ echo missing; exit 0; }}
sbatch --version
sinfo --noheader --format='P|%P|%l|%c|%m|%G|%D' || {{ echo down; exit 0; }}
echo "mine|$(squeue --noheader --array --user="$(id -un)" | wc -l)"
scontrol show config | sed -n 's/^\\(MaxArraySize\\|MaxJobCount\\) *= */\\1|/p'
sacctmgr --noheader --parsable2 show associations where user="$(id -un)" format=MaxSubmitJobs,DefaultQOS 2>/dev/null |
    while IFS='|' read -r jobs qos; do
        echo "jobs|$jobs"
        q={quote([self._defaults.get("qos") or ""])}; q=${{q:-$qos}}
        [ -z "$q" ] || sacctmgr --noheader --parsable2 show qos where name="$q" format=MaxSubmitJobsPerUser | sed 's/^/jobs|/'
    done
exit 0
"""

    def understood(self, answer: str) -> Limits:
        lines = [line.split("|") for line in answer.splitlines()]
        if ["missing"] in lines:
            raise SiteError("there is no sbatch on the machine", transient=False, hint=_ELSEWHERE)
        if ["down"] in lines:
            raise SiteError("Slurm's controller does not answer", transient=True)
        numbers = [(words[0], int(words[1])) for words in lines if len(words) == 2 and words[1].isdigit()]
        jobs = [number for name, number in numbers if name in ("jobs", "MaxJobCount")]
        partitions = [words[1:] for words in lines if len(words) == 7 and words[0] == "P"]
        here = self._defaults.get("partition") or next((name for name, *_ in partitions if name.endswith("*")), "")
        ours = [words for words in partitions if words[0].strip("*") in here.strip("*").split(",")] or partitions
        longest = {words[0].strip("*"): limit for words in partitions if (limit := _seconds(words[1])) is not None}
        longest |= {"": usual} if (usual := longest.get(here.strip("*"))) is not None else {}
        cores = sum(_number(words[2]) * _number(words[5]) for words in ours)
        array, mine = (dict(numbers).get(name) for name in ("MaxArraySize", "mine"))
        return Limits(array, min(jobs, default=None), longest, _largest(partitions), cores or None, mine)

    def submission(self, order: Order) -> Argv:
        shape, options = order.shape, dict(order.shape.options)
        tasks = shape.processes or 1
        return [
            "sbatch", "--parsable", f"--job-name={order.name}", "--export=NONE", "--no-requeue", f"--chdir={order.workdir}",
            "--output=/dev/null", f"--array=0-{order.elements - 1}",
            f"--ntasks={tasks}", f"--cpus-per-task={max(1, shape.cores // tasks)}",
            *_amounts(shape.memory, shape.time, options), *_chosen(options),
            *([f"--gres={options['gres']}"] if options.get("gres") else [f"--gres=gpu:{shape.gpus}"] if shape.gpus else []),
            *([f"--exclude={','.join(order.avoid)}"] if order.avoid else []), *options.get("extra", ()), order.script,
        ]  # fmt: skip

    def accepted(self, code: int, output: str, said: str) -> Answer:
        known = _ID.fullmatch(output.splitlines()[-1]) if output else None
        words = "; ".join(dict.fromkeys(said.replace("sbatch: ", "").replace("error: ", "").splitlines()))[-500:]
        if code == 0:
            return Accepted(known[1]) if known else Unclear(f"sbatch says {output[-100:]!r}")
        if known or not re.search("^sbatch: ", said, re.MULTILINE) or _DEAF.search(said):
            return Unclear(words or f"sbatch ended with exit status {code}")
        return Full(words) if _FULL.search(said) else Rejected(words)

    def preamble(self) -> str:
        return """index=${SLURM_ARRAY_TASK_ID:-0} node=${SLURMD_NODENAME:-$(uname -n)}
job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
"""

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        lines = ["export LC_ALL=C SLURM_BITSTR_LEN=0"]
        fields = "--noheader --parsable2 --allocations --format=JobName,JobID,State,NodeList"
        for some in pieces(f"{id}_{index}" for id, index in gone):
            lines.append(f"sacct {fields} --jobs={','.join(some)} 2>/dev/null | sed 's/^/A|/'")
        lines += [f"scontrol --oneliner show job {id} 2>/dev/null | sed 's/^/S /'" for id in dict.fromkeys(id for id, _ in gone)]
        for some in pieces(names):
            asked = quote([f"--name={','.join(some)}"])
            lines.append(f"squeue --noheader --user=\"$(id -un)\" --states=all {asked} --format='Q|%j|%F|%K|%T|%N|%r' || exit 1")
        return "\n".join([*lines, "echo end"])

    def entries(self, answer: str) -> Sequence[Entry]:
        *lines, end = answer.splitlines() or [""]
        if end != "end":
            raise ValueError(f"{answer[-80:]!r}")
        return [entry for line in lines if line for entry in _entry(line)]

    def element(self, id: str, index: int) -> str:
        return f"{id}_{index}"

    def cancel(self, elements: Mapping[str, Collection[int]], names: Sequence[str]) -> str:
        ended = [*_elements(elements), *(f"--name={name}" for name in names)]
        return "\n".join([_END, *(f"end {quote([each])}" for each in ended)])

    def nudge(self, elements: Mapping[str, Collection[int]]) -> str:
        return "\n".join(f"scancel --signal=USR1 --batch {quote([some])} 2>/dev/null || :" for some in _elements(elements))

    def launch(self, argv: Argv, processes: int) -> Argv:
        return ("srun", "--export=ALL", f"--ntasks={processes}", "--", *argv)

    def errand(self, argv: Argv) -> Argv:
        return ("srun", "--quiet", "--job-name=hyflow-errand", "--ntasks=1", *self._usual(), "--", *argv)

    def examine(self) -> str:
        words = quote(["sbatch", "--test-only", *self._usual()])
        return f"({self.limits()})\necho 'trial|'\n{words} --wrap=true 2>&1\nexit 0\n"

    def _usual(self) -> list[str]:
        return [*_amounts(None, None, self._defaults), *_chosen(self._defaults), *self._defaults.get("extra", ())]

    def findings(self, answer: str) -> Sequence[Finding]:
        told, _, trial = answer.partition("trial|\n")
        limits = self.understood(told)
        times = ", ".join(f"{name} {time_text(limit)}" for name, limit in limits.longest.items() if name)
        parts = [line.split("|")[1].strip("*") for line in told.splitlines() if line.startswith("P|")]
        words = " ".join(trial.replace("sbatch: ", "").split())
        return [
            Finding("queue", next((line for line in told.splitlines() if line.lower().startswith("slurm")), "an unknown version")),
            Finding("partitions", f"{', '.join(dict.fromkeys(parts))}{f'; longest: {times}' if times else ''}"
                    + (f"; largest node: {node.cores:g} cores, {size_text(node.memory)}" if (node := limits.largest) else "")),
            Finding("limits", f"arrays of {limits.array or 'any number of'} jobs, {limits.jobs or 'any number of'} jobs in the queue"),
            Finding("trial", words or "nothing was said", "ok" if re.search(r"to start at", words) else "problem"),
        ]  # fmt: skip


def _entry(line: str) -> Iterator[Entry]:
    match line.split("|"):
        case ["Q", name, id, index, state, node, reason] if id.isdigit():
            yield Entry(name, id, _indices(index), _state(state, reason, node))
        case ["A", name, id, state, node]:
            number, _, index = id.partition("_")
            if state.split()[0:1] != ["PENDING"]:  # it may know nothing better of what was never begun
                yield Entry(name, number, _indices(index or "N/A"), _state(state, "", node))
        case _ if line.startswith("S "):
            told = dict(word.partition("=")[::2] for word in line.split())
            id, index = told.get("ArrayJobId", told.get("JobId", "")), told.get("ArrayTaskId", "N/A")
            how = (told.get(word, "") for word in ("JobState", "Reason", "NodeList"))
            yield Entry(told.get("JobName", ""), id, _indices(index), _state(*how))
        case _:
            raise ValueError(f"{line[:80]!r}")


def _state(words: str, reason: str, node: str) -> State:
    state = words.split()[0] if words else ""
    node = "" if node in ("(null)", "None assigned", "None") else node
    if state in _WAITING:
        return Waiting(explained(reason), hopeless=reason == "DependencyNeverSatisfied")
    if state in _ACTIVE:
        return Active(node)
    if state == "COMPLETED":
        return Over(node=node, evidence="Slurm says that it completed")
    if state not in BAD:
        raise ValueError(f"an unknown state, {words!r}")
    kind, evidence = BAD[state]
    more = f" ({words})" if " by " in words else f" ({reason})" if reason not in ("", "None", "(null)") and state == "FAILED" else ""
    return Over(kind, f"{evidence}{f' on {node}' if node else ''}{more}", node, ambush=state in ("NODE_FAIL", "BOOT_FAIL", "FAILED"))


def _indices(text: str) -> list[int]:
    """ "N/A", "7", or what waits together, as in "3,5-9%2". Raises ValueError."""
    found: list[int] = [0] if text == "N/A" else []
    for part in text.partition("%")[0].strip("[]").split(",") if not found else ():
        first, _, last = part.partition("-")
        last, _, step = last.partition(":")
        found += range(int(first), min(int(last or first), 4_000_000) + 1, int(step or 1))
    return found


def _elements(elements: Mapping[str, Collection[int]]) -> Iterator[str]:
    """As scancel takes them, as in "12_[0-2,7]"."""
    return (f"{id}_[{','.join(some)}]" for id, indices in elements.items() for some in pieces(ranges(indices)))


def _amounts(memory: int | None, time: float | None, options: Mapping[str, Any]) -> list[str]:
    memory = parse_size(options["memory"]) if memory is None and options.get("memory") else memory
    time = parse_time(options["time"]) if time is None and options.get("time") else time
    return [
        *([] if memory is None else [f"--mem={max(1, math.ceil(memory / MIB))}M"]),
        *([] if time is None else [f"--time={max(1, math.ceil(time / 60))}"]),
    ]


def _chosen(options: Mapping[str, Any]) -> list[str]:
    return [f"--{name}={options[name]}" for name in _NAMED if options.get(name)]


def _seconds(text: str) -> float | None:
    """A limit as sinfo tells it, as in 1-00:00:00 or 5:00; None where there is none."""
    if (found := re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)) is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def _largest(partitions: Sequence[Sequence[str]]) -> Resources | None:
    gpus = [sum(int(count) for count in re.findall(r"gpu(?::[^:,()]+)?:(\d+)", words[4])) for words in partitions]
    cores, memory = (max((_number(words[at]) for words in partitions), default=0) for at in (2, 3))
    return Resources(cores, memory * MIB, gpus=max(gpus)) if partitions else None


def _number(text: str) -> int:
    return int(found[0]) if (found := re.match(r"\d+", text)) else 0
