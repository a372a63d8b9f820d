"""Starts one command directly, without a shell and without a fork of Python. Knows a task's streams, environment and directory."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

from . import refusal
from .layout import Trouble, describe

STREAMS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NOCTTY
DEFAULTS = [number for name in ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM", "SIGCHLD")
            if (number := getattr(signal, name, None)) is not None]
"""Python ignores some of these; a command must find them as any other does."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126


class NotStarted(Exception):
    """The command does not exist or cannot be executed: what a shell tells by its exit status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def stream_path(task: dict[str, Any], which: str) -> str:
    """Where a stream of the task is kept."""
    name = task.get(which)
    return f"{task['dir']}/{which}" if name is None else f"{task['dir']}/out/{name}"


def spawn(task: dict[str, Any], path: str, null: int) -> int:
    """Start the task's command in `out`, as the leader of a session of its own; its process number.

    `path` is the machine's PATH, `null` an open /dev/null. Raises Trouble, or NotStarted with its message in the task's stderr.
    """
    fds: list[int] = []
    try:
        stdin = _open(fds, task["stdin"], os.O_RDONLY | os.O_NOCTTY, "standard input") if task["stdin"] is not None else null
        stdout = _open_stream(fds, task, "stdout")
        same = task["stdout"] is not None and task["stdout"] == task["stderr"]
        stderr = stdout if same else _open_stream(fds, task, "stderr")
        os.chdir(f"{task['dir']}/out")
        try:
            return _start(task, path, [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)])
        except NotStarted as error:
            os.write(stderr, f"hyflow: {error.message}\n".encode("utf-8", "surrogateescape"))
            raise
        finally:
            os.chdir("/")
    except OSError as error:
        raise Trouble(describe("the command could not be started", error)) from error
    except ValueError as error:
        raise Trouble(f"the command could not be started: {error}") from error
    finally:
        for fd in fds:
            os.close(fd)


def _open(fds: list[int], path: str, flags: int, what: str, mode: int = 0o600) -> int:
    try:
        fd = os.open(path, flags, mode)
    except OSError as error:
        raise Trouble(describe(f"{what} could not be opened", error)) from error
    fds.append(fd)
    return fd


def _open_stream(fds: list[int], task: dict[str, Any], which: str) -> int:
    """Open a stream for writing: beside `out` by itself, or inside it under the name that the task gives, never through a staged link."""
    name, path = task[which], stream_path(task, which)
    if name is None:
        return _open(fds, path, STREAMS, which)
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Trouble(f"{which} would leave the output directory: {name}")
    if len(parts) > 1:
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        if os.path.realpath(folder) != os.path.realpath(f"{task['dir']}/out") + "/" + "/".join(parts[:-1]):
            raise Trouble(f"{which} would be written through a link: {name}")
    return _open(fds, path, STREAMS, which, 0o666)


def _start(task: dict[str, Any], path: str, files: list[Any]) -> int:
    # The client of a container engine needs what its user has told it by the environment; what the command gets is its affair.
    outer = os.environ if task.get("enclosure") else {}
    argv, environment = list(task["argv"]), {**outer, "PATH": path, **task["environment"]}
    how: dict[str, Any] = {"file_actions": files, "setsid": True, "setsigmask": (), "setsigdef": DEFAULTS}
    program = _resolve(argv[0], environment["PATH"])
    try:
        return os.posix_spawn(program, argv, environment, **how)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise _not_started(argv[0], program, error) from error
    if refusal.is_foreign(program):
        raise NotStarted(NOT_EXECUTABLE, f"{argv[0]}: cannot be executed: it was built for another kind of machine")
    # No interpreter line: as every shell and execvp(3) do, take it for a script of sh.
    return os.posix_spawn("/bin/sh", ["sh", program, *argv[1:]], environment, **how)


def _not_started(name: str, program: str, error: OSError) -> Exception:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotStarted(NOT_FOUND, f"{name}: {refusal.missing(program)}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.E2BIG, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ETXTBSY, errno.EINVAL):
        why = "it is a directory" if refusal.is_directory(program) else error.strerror
        return NotStarted(NOT_EXECUTABLE, f"{name}: cannot be executed: {why}")
    return error


def _resolve(name: str, path: str) -> str:
    """The program that a shell would start for this name."""
    if "/" in name:
        return name
    refused = ""
    for folder in path.split(":") if name else ():
        candidate = f"{folder or '.'}/{name}"
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
            return candidate
        if not refused and os.path.isfile(candidate):
            refused = candidate
    if refused:
        raise NotStarted(NOT_EXECUTABLE, f"{refused}: cannot be executed: {os.strerror(errno.EACCES)}")
    near = refusal.similar(name, path)
    raise NotStarted(NOT_FOUND, f"{name}: command not found" + (f" (there is {near})" if near else ""))
