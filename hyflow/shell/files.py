"""What lies at a shell-like site: facts about many files in one round trip, and trees of files as streams of tar.

Paths are absolute, on that site's machine. Knows nothing of addresses (`uri`s), catalogs or plans: `staging` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
import re
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

from hyflow.errors import SiteError
from hyflow.model.facts import CONTENTS_LIMIT, Found
from hyflow.model.tasks import EntryKind
from hyflow.shell.globs import plain
from hyflow.shell.manifest import Damaged, checksums, stat_lines
from hyflow.shell.quoting import quote
from hyflow.shell.trips import CHUNK, Opens, Sections, alive, failure, feeding, script, trip

PUSH = script("push.sh")
ARGUMENTS = 100_000
LITERAL = "case $(tar --version 2>/dev/null) in *GNU*) literal=--no-unquote ;; *) literal= ;; esac"
"""Shell: the option by which GNU tar takes the backslashes in names for what they are, as others do by themselves."""
STAT = """if stat -c %f / >/dev/null 2>&1; then set -- -c '%f %s %n///'; else set -- -f '%Xp %z %N///'; fi"""
"""Shell: the arguments by which stat (GNU's and busybox's, or that of BSD and macOS) tells mode, size and name."""
_CLEANING = 10.0
"""Seconds for removing what arrived of a copy that failed or was given up."""


async def stat_many(site: Opens, paths: Collection[str]) -> dict[str, Found | None]:
    """What lies at each path, links followed; None for nothing (or what is neither file nor directory). Raises SiteError."""
    return (await facts(site, stats=paths))[0]


async def contents_many(site: Opens, paths: Collection[str]) -> dict[str, bytes | None]:
    """The first CONTENTS_LIMIT + 1 bytes of each file; None for what cannot be read. Raises SiteError."""
    return (await facts(site, contents=paths))[1]


async def listing(site: Opens, path: str, *, deep: bool) -> tuple[tuple[str, Found], ...] | None:
    """What the directory holds: (relative path, what it is), sorted; None where there is no directory. Raises SiteError."""
    return (await facts(site, listings=[(path, deep)]))[2][path, deep]


async def sha1_many(site: Opens, paths: Collection[str]) -> dict[str, str | None]:
    """The SHA-1 of each file in hex; None for what cannot be read. Raises SiteError."""
    return (await facts(site, sums=paths))[3]


Listings = dict[tuple[str, bool], tuple[tuple[str, Found], ...] | None]
Facts = tuple[dict[str, Found | None], dict[str, bytes | None], Listings, dict[str, str | None]]


async def facts(
    site: Opens,
    *,
    stats: Collection[str] = (),
    contents: Collection[str] = (),
    listings: Collection[tuple[str, bool]] = (),
    sums: Collection[str] = (),
) -> Facts:
    """The answers of `stat_many`, `contents_many`, `listing` (by path and depth) and `sha1_many` in one round trip. Raises SiteError."""
    sections = Sections()
    for path in contents:
        sections.add(f"if [ -f {quote([path])} ] && head -c {CONTENTS_LIMIT + 1} <{quote([path])}; then echo y; else echo n; fi")
    for path, deep in listings:
        sections.add(list_directory(path, deep))
    sections.add("\n".join([STAT, fed(stats, 'stat -L "$@" --')]) if stats else ":")
    sections.add(fed(sums, "sha1sum --", "shasum -a 1 --") if sums else ":")
    answers = await sections.run(site, what="asking about files", long=bool(sums or listings))
    first, second = len(contents), len(contents) + len(listings)
    try:
        found = dict(stat_lines(answers[second]))
        held = {key: listed(answer) for key, answer in zip(listings, answers[first:second], strict=True)}
    except Damaged as error:
        raise SiteError(f"the answer about files {error}", transient=True) from error
    hashes = checksums(answers[second + 1])
    return (
        {path: told(found.get(plain(path))) for path in stats},
        {path: body(answer) for path, answer in zip(contents, answers[:first], strict=True)},
        held,
        {path: hashes.get(plain(path)) for path in sums},
    )


def fed(paths: Iterable[str], command: str, instead: str = "") -> str:
    """Shell: the command run over all the paths, which begin with two slashes then: nothing else in them does."""
    words = quote(["/" + plain(path) for path in paths])
    run = f"xargs -0 {command} 2>/dev/null"
    if instead:
        run = f"if command -v {command.split()[0]} >/dev/null; then {run}; else xargs -0 {instead} 2>/dev/null; fi"
    return f"printf '%s\\0' {words} | {run}"


def list_directory(path: str, deep: bool) -> str:
    depth = "" if deep else "-maxdepth 1 "
    status = 'xargs -0 stat -L "$@" 2>/dev/null'
    return f"{STAT}\nif cd {quote([path])} 2>/dev/null; then find -L . {depth}-print0 2>/dev/null | {status}; echo y; else echo n; fi"


def told(found: tuple[EntryKind, int] | None) -> Found | None:
    match found:
        case (EntryKind.FILE, size):
            return Found("f", size)
        case (EntryKind.DIRECTORY, _):
            return Found("d")
        case _:
            return None


def body(answer: bytes) -> bytes | None:
    return answer[:-2] if answer.endswith(b"y\n") else None


def listed(answer: bytes) -> tuple[tuple[str, Found], ...] | None:
    lines = body(answer)
    if lines is None:
        return None
    known = ((path, told(found)) for path, found in stat_lines(lines))
    return tuple(sorted(((path, what) for path, what in known if what and path != "."), key=lambda entry: os.fsencode(entry[0])))


async def pull(site: Opens, directory: str, names: Sequence[str]) -> AsyncIterator[bytes]:
    """The files and trees `names` (relative to `directory`), links followed, as one or more tar archives one after the other.

    Read them with `tarfile.open(..., ignore_zeros=True)` or GNU `tar -i`; a file
    with several names may come as a hard link to the first of them. Raises SiteError at the end if anything could not be read.
    """
    sent = "".join(f"tar $literal -chf - -- {quote(batch)} || bad=1\n" for batch in batches(names))
    asked = os.fsencode(f"bad=\n{LITERAL}\ncd {quote([directory])} || exit 1\n{sent}exit ${{bad:-0}}\n")
    async with site.open(("sh",)) as pipe, feeding(pipe, asked):
        while block := await pipe.read(CHUNK):
            yield block
        code, said = await pipe.wait()
    if code != 0:
        raise SiteError(failure(f"reading files of {directory}", code, said), transient=True)


async def sha256_trees(site: Opens, directory: str, names: Sequence[str]) -> dict[str, str]:
    """The SHA-256 in hex of every file at or below `names` (relative to `directory`), links followed, by path. Raises SiteError."""
    finds = "".join(f"find -L {quote(batch)} -type f -print0\n" for batch in batches(names, ".//"))
    sums = "if command -v sha256sum >/dev/null; then xargs -0 sha256sum; else xargs -0 shasum -a 256; fi"
    asked = f"cd {quote([directory])} || exit 1\n{{ :\n{finds}}} | {sums}\nexit 0\n"
    return checksums(await trip(site, ("sh",), os.fsencode(asked), what=f"reading checksums below {directory}", long=True))


def batches(names: Sequence[str], prefix: str = "./") -> Iterable[list[str]]:
    """The names, made relative beyond doubt, in lists that fit a command line."""
    batch: list[str] = []
    size = 0
    for name in names:
        word = f"{prefix}{name}"
        if batch and size + len(os.fsencode(word)) > ARGUMENTS:
            yield batch
            batch, size = [], 0
        batch.append(word)
        size += len(os.fsencode(word)) + 1
    if batch:
        yield batch


async def push(site: Opens, directory: str, source: AsyncIterator[bytes], sums: Mapping[str, str]) -> None:
    """Unpack one tar stream as `directory`, whole or not at all: beside it first, checked, then renamed. Raises SiteError.

    `sums`: the SHA-256 in hex of every file, by its path relative to `directory`. Should the directory be there already (an
    answer was lost, or someone was quicker) it stays as it is and the new copy is dropped. Parents are made, 0700.
    """
    part = f"{directory.rstrip('/')}.part-{secrets.token_hex(6)}"
    try:
        found = await unpack(site, part, source)
        wrong = [name for name, digest in sums.items() if found.get(plain(name)) != digest]
        if wrong or len(found) != len({plain(name) for name in sums}):
            damaged = ", ".join(map(repr, wrong[:5])) or "files came that were not sent"
            raise SiteError(f"a copy arrived damaged in {directory}: {damaged}", transient=True)
    except BaseException:
        with contextlib.suppress(SiteError, TimeoutError):  # what went wrong first is what counts
            async with asyncio.timeout(_CLEANING):
                await remove(site, [part])
        raise
    words = quote([part, directory.rstrip("/")])
    move = f"set -- {words}\nif [ -e \"$2\" ] || [ -L \"$2\" ]; then rm -rf \"$1\"; else mv \"$1\" \"$2\"; fi\n"
    await trip(site, ("sh",), os.fsencode(move), what=f"moving a copy to {directory}")


async def unpack(site: Opens, part: str, source: AsyncIterator[bytes]) -> dict[str, str]:
    """Path -> SHA-256 of every file that the stream brought to the new directory."""
    async with site.open(alive(("sh", "-c", PUSH, "sh", part))) as pipe:
        try:
            async for block in source:
                await pipe.write(block)
            await pipe.close_input()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the exit status says why
        blocks = []
        while block := await pipe.read(CHUNK):
            blocks.append(block)
        code, said = await pipe.wait()
    if code != 0:
        raise SiteError(failure(f"writing {part}", code, said), transient=True)
    return checksums(b"".join(blocks))


async def remove(site: Opens, paths: Collection[str]) -> None:
    """Remove files and trees; links themselves, never what they lead to; what is not there is passed over. Raises SiteError."""
    targets = [re.sub(r"/+$", "", path) for path in paths]
    if any(not path.startswith("/") or posixpath.normpath(path) == "/" for path in targets):
        raise ValueError(f"refusing to remove one of {targets!r}")
    lines = [f"gone {quote([path])}" for path in targets]
    gone = 'gone() { rm -rf -- "$1" 2>/dev/null || { [ -L "$1" ] || chmod -R u+rwx -- "$1" 2>/dev/null; rm -rf -- "$1"; } || bad=1; }'
    if lines:
        await trip(site, ("sh",), os.fsencode("\n".join(["bad=", gone, *lines, "exit ${bad:-0}", ""])), what="removing files", long=True)
