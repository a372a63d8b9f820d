"""Task -> bundle: the directory, as members of a tar stream, that carries one attempt to a machine.

A bundle is the attempt's control directory, named by its key: `run.sh` describes the attempt to the runner (`runner.sh`, which lies
beside all bundles of a site, named by its hash, as does `starter.sh`, which has them begin), `command.sh` is the command with its
environment and streams, `tree` what is staged without running anything, `late` what must wait for a copy, `m` and `t` are where the
runner writes. What a container engine's client needs besides comes from `hyflow.shell.enclosing`. The task's own directory gets `out`,
`tmp`, `in` and the logs only. What the runner leaves is read by `hyflow.shell.outcome`.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hyflow.model.tasks import Glob, Stage, StageKind, Task
from hyflow.shell.enclosing import enclosure_scripts
from hyflow.shell.globs import literal, widened
from hyflow.shell.quoting import quote
from hyflow.shell.trips import script

RUNNER = os.fsencode(script("family.sh", "detached.sh", "enclosed.sh", "runner.sh"))
RUNNER_NAME = f"runner-{hashlib.sha256(RUNNER).hexdigest()[:16]}.sh"
STARTER = os.fsencode(script("family.sh", "detached.sh", "process.sh", "rouse.sh", "starter.sh"))
STARTER_NAME = f"starter-{hashlib.sha256(STARTER).hexdigest()[:16]}.sh"
BLOCK = 512


class Unbundled(ValueError):
    """The task cannot be told to a shell; says why."""


class Misplaced(ValueError):
    """Something would be staged where it must not be. The attempt ends with that as its trouble."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the stream: `data` for a file, `link` for a symbolic link, neither for a directory."""

    path: str
    data: bytes | None = None
    link: str | None = None
    mode: int = 0o700


def bundle(task: Task) -> list[Member]:
    """The bundle's members, paths relative to the directory of all bundles, parents first. Raises Unbundled."""
    try:
        try:
            tree, late, commands = lay_out(task)
        except Misplaced as error:
            tree, late, commands = [Member("out"), Member("in")], [], [f"refuse {quote([str(error)])}"]
        patterns = b"".join(os.fsencode(f"{int(glob.checksum)}{int(glob.contents)}{glob.pattern}\0") for glob in task.collect)
        described = os.fsencode(run_script(task, commands))
        command = os.fsencode(command_script(task))
        enclosed = {} if task.enclosure is None else {name: os.fsencode(text) for name, text in enclosure_scripts(task.enclosure)}
    except (ValueError, UnicodeError) as error:
        raise Unbundled(str(error)) from error
    key = task.key
    yielded = [Member(key), Member(f"{key}/m"), Member(f"{key}/t"), Member(f"{key}/late"), Member(f"{key}/dir", link=task.dir)]
    yielded += [Member(f"{key}/m/patterns", patterns, mode=0o600)]
    yielded += [Member(f"{key}/run.sh", described, mode=0o600), Member(f"{key}/command.sh", command, mode=0o600)]
    yielded += [Member(f"{key}/{name}", text, mode=0o600) for name, text in enclosed.items()]
    yielded += [Member(f"{key}/tree/{m.path}", m.data, m.link, m.mode) for m in tree]
    return yielded + [Member(f"{key}/late/{m.path}", m.data, m.link, m.mode) for m in late]


def pack(members: Iterable[Member]) -> bytes:
    """The members as one tar stream that GNU tar, busybox and bsdtar read."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as tar:
        now = int(time.time())
        for member in members:
            info = tarfile.TarInfo(member.path)
            info.mode, info.mtime = member.mode, now
            if member.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, member.link
            elif member.data is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(member.data)
            tar.addfile(info, io.BytesIO(member.data or b""))
    return stream.getvalue()


def run_script(task: Task, commands: list[str]) -> str:
    """The attempt's run.sh: what it is, in the words that the runner expects."""
    limit = "" if task.time_limit is None else f"{max(task.time_limit, 0.001):.3f}"
    out, err = stream_files(task)
    late = [f"    {command} || return 1" for command in commands]
    id_file = posixpath.join(task.dir, task.enclosure.id_file) if task.enclosure and task.enclosure.id_file else ""
    globs = [f"    {glob_call(glob)} || return 1" for glob in task.collect]
    return "\n".join([
        f"# hyflow attempt {task.key}",
        "ctl=${0%/*}",
        f"dir={quote([task.dir])}",
        f"limit={limit}",
        f"stdout={quote([out])}",
        f"stderr={quote([err])}",
        f"enclosed={'' if task.enclosure is None else 1}",
        f"id_file={quote([id_file])}",
        "late() {", *late, "    :", "}",
        "globs() {", *globs, "    :", "}",
        f'. "${{ctl%/*}}/{RUNNER_NAME}"',
        "",
    ])


def glob_call(glob: Glob) -> str:
    """The runner's `glob` for this pattern."""
    plain = literal(glob.pattern)
    kind, pattern = ("magic", widened(glob.pattern)) if plain is None else ("plain", plain)
    return f"glob {kind} {int(glob.checksum)} {int(glob.contents)} {quote([pattern])}"


def command_script(task: Task) -> str:
    """The command in exactly its environment, its streams redirected; run in a group of its own, with the umask of the login.

    The client of a container engine has its own settings in the login's environment: it gets that as well, as it was before the runner's
    LC_ALL (the second argument, NAME=VALUE or nothing, is what that was). The third argument are words for env, or nothing: where there are
    some, the command gets its environment on top of the login's, without what they take away.
    """
    out, err = stream_files(task)
    own = "${3:--i} ${3:+-u LC_ALL} -- ${3:+${2:+\"$2\"}}"
    given = own if task.enclosure is None else '-u LC_ALL -- ${2:+"$2"}'
    path = [] if "PATH" in task.environment else ['"PATH=$PATH"']
    settings = [quote([f"{name}={value}"]) for name, value in environment(task.environment)]
    # env would take a command with "=" in its name for one more variable.
    shield = ["sh", "-c", quote(['exec "$@"']), "sh"] if "=" in task.argv[0] else []
    redirected = f"<{quote([task.stdin or '/dev/null'])} >{quote([out])} " + ("2>&1" if out == err else f"2>{quote([err])}")
    words = ["exec", "env", given, *path, *settings, *shield, quote(task.argv), redirected]
    # In a subshell with the redirections, so that what this shell says of a killed command does not go to the command's own files.
    return f'umask "$1"\ncd {quote([posixpath.join(task.dir, "out")])} || exit 1\n({" ".join(words)})\nexit $?\n'


def environment(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables, in order; ValueError where a name cannot be one."""
    for name, value in sorted(variables.items()):
        if not name or "=" in name:
            raise ValueError(f"{name!r} cannot be the name of an environment variable")
        yield name, value


def stream_files(task: Task) -> tuple[str, str]:
    """The absolute paths of standard output and error."""
    out = posixpath.join(task.dir, "out", task.stdout) if task.stdout is not None else posixpath.join(task.dir, "stdout")
    err = posixpath.join(task.dir, "out", task.stderr) if task.stderr is not None else posixpath.join(task.dir, "stderr")
    return out, err


def lay_out(task: Task) -> tuple[list[Member], list[Member], list[str]]:
    """What is staged: the tree that travels, what must wait for a copy (numbered), and the commands for it, in order."""
    tree: dict[str, Member] = {"out": Member("out"), "in": Member("in")}
    late: list[Member] = []
    commands: list[str] = []
    copies: set[str] = set()
    for stage in task.stage:
        target = checked(stage.target, tree)
        if stage.kind is StageKind.COPY:
            grow(tree, posixpath.dirname(target))
            copies.add(target)
            tree.pop(target, None) if not is_directory(tree.get(target)) else None
            commands.append(f"copy {quote([stage.source, target])}")
        elif copies and (target in copies or any(parent in copies for parent in parents(target))):
            commands += wait_for_copy(stage, target, late)
        else:
            place(tree, stage, target)
        if stage.kind is StageKind.LINK:
            commands.append(f"present {quote([stage.source])}")
    for name in (task.stdout, task.stderr):
        if name is not None:
            grow(tree, posixpath.dirname(checked(posixpath.join("out", name), tree, own=True)))
    return list(tree.values()), late, commands


def place(tree: dict[str, Member], stage: Stage, target: str) -> None:
    grow(tree, posixpath.dirname(target))
    if stage.kind is StageKind.MKDIR:
        grow(tree, target)
        return
    if is_directory(tree.get(target)):
        raise Misplaced(f"{target!r} would be staged twice, as a directory and as something else")
    tree.pop(target, None)
    tree[target] = member(stage, target)


def wait_for_copy(stage: Stage, target: str, late: list[Member]) -> list[str]:
    """The commands that lay out what lies in or replaces something copied."""
    if stage.kind is StageKind.MKDIR:
        return [quote(["mkdir", "-p", target])]
    number = str(len(late))
    late.append(member(stage, number))
    return [quote(["mkdir", "-p", posixpath.dirname(target)]), f'mv -f "$ctl/late/{number}" {quote([target])}']


def member(stage: Stage, path: str) -> Member:
    if stage.kind is StageKind.LINK:
        if not stage.source.startswith("/"):
            raise Misplaced(f"the source of a link must be an absolute path: {stage.source!r}")
        return Member(path, link=stage.text or stage.source)
    return Member(path, os.fsencode(stage.text), mode=0o644)


def checked(target: str, tree: Mapping[str, Member], *, own: bool = False) -> str:
    """The target in its plain form; Misplaced where it would lead out of in/ and out/ or through a link into an input.

    `own`: the command itself will write there, so it may not be a link either.
    """
    path = posixpath.normpath(target)
    top = path.split("/", 1)[0]
    if top not in ("in", "out") or path.startswith("/") or "\0" in path or (path == top and not target.rstrip("/") == top):
        raise Misplaced(f"something would be staged outside of the task's own directories: {target!r}")
    for above in (*parents(path), *([path] if own else [])):
        known = tree.get(above)
        if known is not None and known.link is not None:
            raise Misplaced(f"{target!r} would be written into the input that {above!r} links to")
    return path


def grow(tree: dict[str, Member], path: str) -> None:
    """Make the directory and those above it part of the tree."""
    for directory in (*parents(path), path):
        known = tree.setdefault(directory, Member(directory))
        if not is_directory(known):
            raise Misplaced(f"{directory!r} would be staged both as a directory and as something else")


def is_directory(known: Member | None) -> bool:
    return known is not None and known.data is None and known.link is None


def parents(path: str) -> list[str]:
    """The directories above a relative path, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
