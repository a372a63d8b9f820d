"""Task: what a job asks of a machine, and what comes back. There is no CWL in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hyflow.model.containers import Container, Enclosure
from hyflow.model.jobs import Key
from hyflow.model.resources import ONE_CORE, UNMEASURED, Resources, Usage


class StageKind(StrEnum):
    LINK = "link"
    COPY = "copy"
    WRITE = "write"
    MKDIR = "mkdir"


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing to lay out before the command starts, in the order given (a directory before what it holds).

    `target` is relative to the attempt's directory and starts with in/ or out/. LINK: a symbolic link to `source`, an
    absolute path on the machine (a file or directory, never written), which must be there; where `text` is given, the link says that
    instead: what the command sees of the source is elsewhere. COPY: a copy of `source` that the command may
    change (recursive, links followed, owner may write). WRITE: a file with the contents `text` (UTF-8, surrogateescape;
    mode 0644). MKDIR: an empty directory.
    Missing parents are made. Of what is linked: `directory` says that it is one, `writable` that the command may change it all the same.
    """

    kind: StageKind
    target: str
    source: str = ""
    text: str = ""
    directory: bool = False
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of glob(3) relative to the output directory ("." is the directory itself); matches sort as bytes (C locale).

    `checksum`: give the SHA-1 and SHA-256 of what it matches (of directories, of every file below).
    `contents`: give also the first 65,537 bytes of each matching file, so that a reader can tell that there are more than 64 KiB.
    """

    pattern: str
    checksum: bool = True
    contents: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at a job, complete.

    `dir` is the attempt's own directory (absolute, on the machine); `out`, `tmp`, `in` below it are made afresh, the command
    starts in `out`. `argv` is never passed through a shell. `environment` is all that the command gets, set on top of
    PATH of the machine. `stdin` is an absolute path on the machine (None: /dev/null). `stdout` and `stderr` are relative to `out`
    (None: the files stdout and stderr in `dir`). `time_limit` in seconds (None: no limit). `network`: the command may use it.
    `limits`: which of the resources were asked for, and may be enforced ("cores", "memory").
    `options`: what the deployment says of the job in the words of its site's batch system, as plain values; only words that the site's
    type knows (`Plugin.task_settings`). `processes`: the command is to be started as so many processes of one MPI program, at least 1;
    None: it is no such program.

    With a `container` argv and environment are those inside it. A site that cannot run containers by itself is given the command of an
    engine's client instead, with an `enclosure`; then `container` is None.
    """

    key: Key
    label: str
    dir: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    resources: Resources = ONE_CORE
    time_limit: float | None = None
    network: bool = False
    stage: tuple[Stage, ...] = ()
    collect: tuple[Glob, ...] = ()
    limits: tuple[str, ...] = ()
    container: Container | None = None
    enclosure: Enclosure | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    processes: int | None = None


class EntryKind(StrEnum):
    FILE = "f"
    DIRECTORY = "d"
    DANGLING = "l"
    OTHER = "o"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the output directory, links followed: `kind` and `size` (bytes, files only) are those of what a link leads to.

    `path` is relative to the output directory (Python string with surrogateescape). `real` is the absolute path on the
    machine, all links resolved, where the entry is a link or lies beyond one; None for a plain entry.
    `sha1`, `sha256` in hex and `contents` (65,537 bytes at most) where a glob asked for them.
    """

    path: str
    kind: EntryKind
    size: int = 0
    real: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    contents: bytes | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an attempt left in its output directory.

    `entries`: the whole tree (without "." itself, links to directories not entered), and whatever the globs match, with all that
    lies below matching directories even beyond links. `matches`: for each glob of the task, in order, the sorted
    paths that it matches. `output_json`: the contents of cwl.output.json, None where there is none.
    """

    entries: Mapping[str, Entry]
    matches: tuple[tuple[str, ...], ...]
    output_json: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. Exactly one of `code` (the command's exit status), `signal`, `timed_out`, `trouble` tells why.

    `trouble`: the command could not be started at all (staging failed, the disk is full), in words; beside a `code` or `signal`: it ran,
    but what it left cannot be read. `disk_full`: it failed while there was no room left where it worked. `cancelled`: hyflow ended it.
    `started` and `ended` in seconds since the epoch on the machine's clock. `stderr` and `stdout`: the last 4 KiB of the logs (of
    the captured file where the task names one).
    """

    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    out_of_memory: bool = False
    trouble: str | None = None
    disk_full: bool = False
    cancelled: bool = False
    usage: Usage = UNMEASURED
    started: float = 0.0
    ended: float = 0.0
    host: str = ""
    stderr: str = ""
    stdout: str = ""
