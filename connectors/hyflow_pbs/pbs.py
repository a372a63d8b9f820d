"""PBS's words: how a batch is submitted, asked about and ended. Source: the manuals of PBS Professional 14 to 2022, and OpenPBS 20 to 23.

The text form of qstat is read, and not its JSON, which several releases get wrong: for array jobs, for more than one job, for limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hyflow.batch.listing import by_id, pieces, ranges
from hyflow.batch.system import Accepted, Active, Answer, Entry, Full, Limits, Order, Over, Rejected, State, Unclear, Waiting
from hyflow.connector import Argv, Finding
from hyflow.errors import SiteError
from hyflow.model.jobs import FailureClass
from hyflow.model.quantities import parse_size, parse_time, size_text, time_text
from hyflow.model.resources import MIB, Resources
from hyflow.shell.quoting import quote

_FULL = re.compile(r"would exceed .*limit|Maximum number of jobs|exceeds .*size limit|temporarily unavailable|table full|No free conn")
_DEAF = re.compile(r"annot connect|refused|ommunication|timed out|protocol error|internal error|shutting down|End of File|System error")
_ID = re.compile(r"\d+(\[\])?\.\S+", re.ASCII)
_KILLED = {  # what PBS itself says with a negative exit status, where it is not the machine's fault
    **dict.fromkeys((-26, -27), (FailureClass.MEMORY, "its job used more memory than it had asked for")),
    -28: (FailureClass.TIME, "its job reached its limit of CPU time"),
    -29: (FailureClass.TIME, "its job reached its time limit"),
}
_WANTED = (
    "Job_Name|job_state|Exit_status|substate|comment|exec_host|resources_used.walltime|Resource_List.walltime|pbs_version|default_queue|"
    "max_array_size|max_queued|resources_max.walltime|resources_available.(host|ncpus|mem|ngpus)"
)
_ASKING = f"""
export LC_ALL=C; set -f # ids have brackets
keep='/^[^ \\t]/ {{ on = 1 }} /^ +[A-Za-z]/ {{ on = $1 ~ /^({_WANTED})$/ }} on'
# told COMMAND: what qstat says, as far as it is wanted. That a job has ended meanwhile is no failure.
told() {{
    wrong=$({{ {{ "$@" || echo "exit status $?" >&2; }} | awk "$keep" >&3; }} 2>&1)
    case $wrong in
    *annot\\ connect* | *refused* | *ommunication* | *timed\\ out*) echo "$wrong" >&2; exit 1 ;;
    *Unknown\\ Job\\ Id* | *has\\ finished*) ;;
    *exit\\ status*) echo "$wrong" >&2; exit 1 ;;
    esac
}} 3>&1
# ours NAMES COMMAND: gives the command the ids of our jobs of these names, if there are any.
ours() {{
    names=$1 ids=$(qselect -u "$(id -un)") || exit 1
    [ -n "$ids" ] || return 0
    shift
    all=$(printf '%s\\n' $ids | told xargs qstat -f) || exit 1
    ids=$(printf '%s\\n' $names "$all" | awk '
        /^Job Id: / {{ id = $3 }}
        id == "" {{ names[$1] }}
        $1 == "Job_Name" && $3 in names {{ print id }}')
    [ -z "$ids" ] || printf '%s\\n' $ids | "$@"
}}
"""
_END = """
end() {
    said=$("$@" 2>&1) && return
    left=$(printf "%s\\n" "$said" | grep -v -e 'Unknown Job Id' -e 'finished' -e 'Delete already in progress' -e 'invalid for state')
    [ -z "$left" ] || { echo "$left" >&2; exit 1; }
}"""
_ELSEWHERE = "Is it a login node? PBS's commands (as in /opt/pbs/bin) must be in the PATH of logins without a terminal."


class Pbs:
    """`hyflow.batch.system.BatchSystem`. `defaults`: what every job asks for, by option."""

    name, queue_option = "PBS", "queue"

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults

    def limits(self) -> str:
        return f"""{_ASKING}
command -v qsub >/dev/null || {{ echo missing; exit 0; }}
echo "User: $(id -un)"; echo "Mine: $(qselect -u "$(id -un)" | wc -l)"
(told qstat -B -f && told qstat -Q -f) || echo down
pbsnodes -a 2>/dev/null | awk "$keep"
"""

    def understood(self, answer: str) -> Limits:
        blocks = dict(_blocks(answer))
        if "missing" in blocks:
            raise SiteError("there is no qsub on the machine", transient=False, hint=_ELSEWHERE)
        if (server := next((told for head, told in blocks.items() if head.startswith("Server: ")), None)) is None or "down" in blocks:
            raise SiteError("PBS's server does not answer", transient=True)
        here = self._defaults.get("queue") or server.get("default_queue", "")
        where = (server, blocks.get(f"Queue: {here}", {}))
        jobs = min((number for told in where for number in _queued(told.get("max_queued", ""), blocks)), default=None)
        array = min((number for told in where if (number := _number(told.get("max_array_size", "")))), default=None)
        times = {head[7:]: _seconds(told.get("resources_max.walltime", "")) for head, told in blocks.items() if head.startswith("Queue: ")}
        longest = {name: limit for name, limit in [*times.items(), ("", times.get(here))] if limit is not None}
        hosts = _hosts({head: told for head, told in blocks.items() if ": " not in head})
        cores, memory, gpus = ([host[at] for host in hosts] for at in range(3))
        mine = next((int(head[6:]) for head in blocks if head.startswith("Mine: ")), None)
        return Limits(array, jobs, longest, Resources(max(cores), max(memory), gpus=max(gpus)) if hosts else None, sum(cores) or None, mine)

    def submission(self, order: Order) -> Argv:
        options = dict(order.shape.options)
        time = parse_time(options["time"]) if order.shape.time is None and options.get("time") else order.shape.time
        return [
            "qsub", "-N", order.name, "-m", "n", "-j", "oe", "-o", "/dev/null",
            *(["-J", f"0-{order.elements - 1}"] if order.elements > 1 else ["-r", "n"]),  # no array is of one, nor may it say -r n
            "-l", f"select={options.get('select') or _select(order, options.get('memory'))}",
            *([] if time is None else ["-l", f"walltime={max(1, math.ceil(time))}"]),
            *(f"{flag}{options[name]}" for flag, name in (("-lplace=", "place"), ("-q", "queue"), ("-A", "account")) if options.get(name)),
            *options.get("extra", ()), "--", "/bin/sh", order.script,  # a shell in between would die of qdel's SIGTERM, and all with it
        ]  # fmt: skip

    def accepted(self, code: int, output: str, said: str) -> Answer:
        known = _ID.fullmatch(output.splitlines()[-1].strip()) if output else None
        words = "; ".join(dict.fromkeys(said.replace("qsub: ", "").splitlines()))[-500:]
        if code == 0:
            return Accepted(known[0]) if known else Unclear(f"qsub says {output[-100:]!r}")
        if known or not re.search("^qsub: ", said, re.MULTILINE) or _DEAF.search(said):
            return Unclear(words or f"qsub ended with exit status {code}")
        return Full(words) if _FULL.search(said) else Rejected(words)

    def preamble(self) -> str:
        return "index=${PBS_ARRAY_INDEX:-0} node=$(uname -n) job=$PBS_JOBID looks=10 # as qsig tells all processes of a job\n"

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        history = [f'{quote(["qstat", "-x", "-f", *some])} 2>/dev/null | awk "$keep"' for some in pieces(_elements(by_id(gone)))]
        return "\n".join([_ASKING, *history, f"ours {quote([' '.join(names)])} told xargs qstat -t -f || exit 1", "echo end"])

    def entries(self, answer: str) -> Sequence[Entry]:
        if not f"\n{answer}".rstrip("\n").endswith("\nend"):
            raise ValueError(f"{answer[-80:]!r}")
        return [entry for head, told in _blocks(answer.rstrip("\n").removesuffix("end")) for entry in _entry(head, told)]

    def element(self, id: str, index: int) -> str:
        return _elements({id: [index]})[0]

    def cancel(self, elements: Mapping[str, Collection[int]], names: Sequence[str]) -> str:
        named = [f"ours {quote([' '.join(names)])} end xargs qdel || exit 1"] if names else []
        return "\n".join([_ASKING, _END, *(f"end qdel {quote(some)}" for some in pieces(_elements(elements))), *named])

    def nudge(self, elements: Mapping[str, Collection[int]]) -> str:
        return ":"  # qsig would tell the commands, too; job.sh looks by itself

    def launch(self, argv: Argv, processes: int) -> Argv:
        return ("mpirun", "-n", str(processes), *argv)

    def errand(self, argv: Argv) -> Argv | None:
        return None  # qsub -I wants a terminal, and qsub -W block tells nothing but an exit status

    def examine(self) -> str:
        return self.limits()

    def findings(self, answer: str) -> Sequence[Finding]:
        limits, blocks = self.understood(answer), dict(_blocks(answer))
        version = next((told["pbs_version"] for told in blocks.values() if "pbs_version" in told), "of an unknown version")
        times = "; longest: " + (", ".join(f"{name} {time_text(limit)}" for name, limit in limits.longest.items() if name) or "no limits")
        queues, node = ", ".join(head[7:] for head in blocks if head.startswith("Queue: ")), limits.largest
        largest = f"; largest node: {node.cores:g} cores, {size_text(node.memory)}" if node else ""
        most = f"arrays of {limits.array or 'any number of'} jobs, {limits.jobs or 'any number of'} jobs in the queue"
        return [Finding("queue", f"PBS {version}"), Finding("queues", f"{queues}{times}{largest}"), Finding("limits", most)]


def _blocks(answer: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each object that qstat or pbsnodes tells of, by its first line, with its attributes; long ones go on after a line end and a tab."""
    head, told, last = "", dict[str, str](), ""
    for line in [*answer.splitlines(), "end"]:
        if line.startswith("\t") and last:
            told[last] += line.strip("\t")
        elif line.startswith(" "):
            last, _, value = line.strip().partition(" = ")
            told[last] = f"{told[last]},{value}" if last in told else value  # limits may have several lines
        elif line.strip():
            if head:
                yield head, told
            head, told, last = line, {}, ""


def _entry(head: str, told: Mapping[str, str]) -> Iterator[Entry]:
    """What is said of one element, or of an array as a whole."""
    if (found := re.fullmatch(r"Job Id: (\d+)(\[(\d*)\])?(\.\S+)", head, re.ASCII)) is None or not {"Job_Name", "job_state"} <= told.keys():
        raise ValueError(f"{head[:80]!r}")
    number, array, index, server = found.groups()
    yield Entry(told["Job_Name"], f"{number}{'[]' if array else ''}{server}", None if index == "" else [int(index or 0)], _state(told))


def _state(told: Mapping[str, str]) -> State:
    state, why, node = told["job_state"], told.get("comment", ""), told.get("exec_host", "").partition("/")[0]
    if state in [*"BQWTHM"]:  # "Can Never Run" is no last word: the node may be off, or yet to be made
        return Waiting(why, hopeless=state == "H" and "too many failed attempts" in why)
    if state in [*"FX"]:
        return _over(told.get("Exit_status", ""), why, node, told)
    if state not in [*"RESU"]:
        raise ValueError(f"an unknown state, {state!r}")
    return Active(node)


def _over(status: str, why: str, node: str, told: Mapping[str, str]) -> Over:
    where, more = f" on {node}" if node else "", f" ({why})" if why else ""
    code = int(status) if re.fullmatch(r"-?\d+", status, re.ASCII) else None
    used, asked = (_seconds(told.get(f"{of}.walltime", "")) for of in ("resources_used", "Resource_List"))
    if code and code > 0 and used is not None and asked is not None and used >= asked:
        return Over(FailureClass.TIME, f"its job reached its time limit{where}", node)
    if code in (143, 271) or (code is None and (told.get("substate") == "91" or "terminated" in why)):
        return Over(FailureClass.CANCELLED, f"its job was cancelled by somebody else{more}", node)
    if not code:
        return Over(node=node, evidence=why if code is None else "PBS says that it completed")
    kind, evidence = _KILLED.get(code, (FailureClass.INFRASTRUCTURE, f"its job ended with exit status {code}"))
    return Over(kind, f"{evidence}{where}{more}", node, ambush=code not in _KILLED)


def _elements(elements: Mapping[str, Collection[int]]) -> list[str]:
    """As qstat and qdel take them: "7.server", "7[3].server", "7[5-9].server"."""
    return [id.replace("[]", f"[{run}]") for id, indices in elements.items() for run in (ranges(indices) if "[]" in id else "0")]


def _select(order: Order, usual: str | None) -> str:
    """One part with all that the job asks for; of an MPI program one for each process, which may be on different nodes."""
    shape, parts = order.shape, order.shape.processes or 1
    memory = parse_size(usual) if shape.memory is None and usual else shape.memory
    words = [str(parts), f"ncpus={max(1, shape.cores // parts)}", *(["mpiprocs=1"] if shape.processes else [])]
    mem = [] if memory is None else [f"mem={max(1, math.ceil(memory / parts / MIB))}mb"]
    return ":".join([*words, *mem, *([f"ngpus={math.ceil(shape.gpus / parts)}"] if shape.gpus else [])])


def _queued(text: str, who: Collection[str]) -> list[int]:
    """What a limit such as [o:PBS_ALL=100],[u:PBS_GENERIC=10] comes to for the user, of whom there is a line "User: NAME"."""
    told = {whose: int(number) for whose, number in re.findall(r'\b([ou]:[^="\]]+)=(\d+)', text.replace('"', ""))}
    own = next((number for whose, number in told.items() if f"User: {whose[2:]}" in who), told.get("u:PBS_GENERIC"))
    return [each for each in (own, told.get("o:PBS_ALL")) if each is not None]


def _seconds(text: str) -> float | None:
    """A length of time, as in 24:00:00 or 90; None where there is none."""
    told = re.fullmatch(r"\d+(:\d+){0,2}(\.\d+)?", text, re.ASCII)
    return sum(float(part) * 60**place for place, part in enumerate(reversed(text.split(":")))) if told else None


def _hosts(nodes: Mapping[str, Mapping[str, str]]) -> list[list[int]]:
    """Cores, memory and GPUs of each machine; it may be several nodes to PBS, which one part of a job may have together."""
    found: dict[str, list[int]] = {}
    for head, told in nodes.items():
        has = [told.get(f"resources_available.{name}", "") for name in ("ncpus", "mem", "ngpus")]
        unit = 10 * max(0, "bkmgtp".find(has[1].lstrip("0123456789")[:1].lower()))
        host = found.setdefault(told.get("resources_available.host", head), [0, 0, 0])
        host[:] = host[0] + _number(has[0]), host[1] + (_number(has[1]) << unit), host[2] + _number(has[2])
    return list(found.values())


def _number(text: str) -> int:
    return int(found[0]) if (found := re.match(r"\d+", text)) else 0
