"""Many files as one stream: packed from this machine's disk, unpacked onto it, or renamed on their way through.

The stream is a tar archive of regular files and directories: links are followed when it is made, but for those inside a directory that
lead to nothing, or up again. One that a site sends may hold no links at all, and every member's path must be below a name that was asked
for, so that a site that lies cannot write elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import queue
import shutil
import tarfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import IO, Any

from hyflow.errors import SiteError

CHUNK = 1 << 18
_DEPTH = 32

Digests = dict[str, str]
"""SHA-256 in hex by path inside the archive, of its regular files."""


async def pack(items: Iterable[tuple[str, str]], digests: Digests) -> AsyncGenerator[bytes, None]:
    """An archive of (name in the archive, path on this machine) pairs, directories whole. Fills `digests` as it goes."""
    pipe = _Pipe()
    work = _on_its_own(_pack_into, list(items), digests, pipe)
    try:
        while chunk := await asyncio.to_thread(pipe.get):
            yield chunk
    finally:
        pipe.abandon()
        await work


async def unpack(stream: AsyncIterator[bytes], targets: Mapping[str, str]) -> Digests:
    """Write the archive's members to this machine: what lies at or below a name of `targets` goes to the path beside it.

    Archives may follow each other. Raises SiteError when one is broken, or holds what was not asked for.
    """
    pipe, digests = _Pipe(), Digests()
    work = _on_its_own(_unpack_from, pipe, targets, digests)
    async with aclosing(stream) as chunks:  # type: ignore[type-var]  # every stream here is a generator, and can be closed
        try:
            async for chunk in chunks:
                if work.done():
                    break
                await asyncio.to_thread(pipe.put, chunk)
            await asyncio.to_thread(pipe.put, b"")
        except BaseException:
            pipe.abandon()
            work.add_done_callback(_heard)
            raise
        finally:
            await asyncio.wait([work])
    await work
    return digests


def _on_its_own(work: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    """The work on a thread of its own: of those that all share, a few archives would take every one, and their chunks could not pass."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
    done = asyncio.get_running_loop().run_in_executor(thread, work, *arguments)
    thread.shutdown(wait=False)
    return done


def _heard(work: asyncio.Future[None]) -> None:
    """What a broken stream does to its reader is no news."""
    if not work.cancelled():
        work.exception()


class _Pipe(io.RawIOBase):
    """A bounded queue of chunks between the loop and a thread that reads or writes an archive. b"" ends it."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes] = queue.Queue(_DEPTH)
        self._left = b""
        self._ended = False
        self._abandoned = threading.Event()

    def put(self, chunk: bytes) -> None:
        while not self._abandoned.is_set():
            try:
                self._chunks.put(chunk, timeout=0.2)
                return
            except queue.Full:
                continue

    def get(self) -> bytes:
        while not (self._ended or self._abandoned.is_set()):
            try:
                chunk = self._chunks.get(timeout=0.2)
            except queue.Empty:
                continue
            self._ended = not chunk
            return chunk
        return b""

    def abandon(self) -> None:
        """Nobody reads, or nobody writes, any more."""
        self._abandoned.set()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size:
            chunk = self.get()
            if not chunk:
                break
            self._left += chunk
        part, self._left = self._left[:size], self._left[size:]
        return part

    def write(self, data: Any) -> int:
        if self._abandoned.is_set():
            raise BrokenPipeError
        self.put(bytes(data))
        return len(data)


def _pack_into(items: list[tuple[str, str]], digests: Digests, pipe: _Pipe) -> None:
    try:
        # names of any bytes and length in a form that every tar reads, busybox's too
        with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.GNU_FORMAT, dereference=True, bufsize=CHUNK) as archive:
            for name, path in items:
                _add(archive, name, path, digests, {})
    except BrokenPipeError:
        pass
    except OSError as error:
        reason = (error.strerror or "the system refuses it").lower()
        what = f"{error.filename!r} cannot be read: {reason}" if error.filename else "a file changed while it was read"
        raise SiteError(what, transient=not error.filename) from error
    finally:
        pipe.put(b"")


def _add(archive: tarfile.TarFile, name: str, path: str, digests: Digests, above: Mapping[str, str]) -> None:
    """`above`: the directories around it that are packed, their names in the archive by their real paths."""
    if above and (text := _kept_link(name, path, above)) is not None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, text
        archive.addfile(info)
        return
    info = archive.gettarinfo(path, name)
    if info is None:
        return  # a socket
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    if info.isdir():
        archive.addfile(info)
        inner = {**above, os.path.realpath(path): name}
        for child in sorted(os.listdir(path)):
            _add(archive, f"{name}/{child}", os.path.join(path, child), digests, inner)
    elif info.isreg() or info.islnk():
        info.type, info.linkname = tarfile.REGTYPE, ""
        info.size = os.stat(path).st_size
        with open(path, "rb") as file:
            reader = _Hashing(file)
            archive.addfile(info, reader)
            digests[name] = reader.hexdigest()


def _kept_link(name: str, path: str, above: Mapping[str, str]) -> str | None:
    """What a link inside a directory says that stays a link, as it does where the directory is not copied: one that leads to nothing, and
    one that leads up again, which would have no end. None for all else."""
    if not os.path.islink(path):
        return None
    if not os.path.exists(path):
        return os.readlink(path)
    around = above.get(os.path.realpath(path))
    return None if around is None else os.path.relpath(around, os.path.dirname(name))


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what it reads."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _unpack_from(pipe: _Pipe, targets: Mapping[str, str], digests: Digests) -> None:
    try:
        with tarfile.open(fileobj=pipe, mode="r|", bufsize=CHUNK, ignore_zeros=True) as archive:
            for member in archive:
                target = _target(member.name, targets)
                if member.islnk():
                    _repeat(member, _target(member.linkname, targets), target, digests)
                else:
                    _extract(archive, member, target, digests)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, MemoryError) as error:
        raise SiteError("the files came broken", transient=True, hint="the connection or the tar of the site spoils them") from error
    except OSError as error:
        reason = (error.strerror or "the system refuses it").lower()
        what = f"{error.filename!r} cannot be written here" if error.filename else "what comes cannot be written here"
        raise SiteError(f"{what}: {reason}", transient=False) from error
    finally:
        pipe.abandon()


def _target(name: str, targets: Mapping[str, str]) -> str:
    """Where the member goes; names with ".." or of things that nobody asked for are refused."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." not in parts:
        for length in range(len(parts), 0, -1):
            if (target := targets.get("/".join(parts[:length]))) is not None:
                return os.path.join(target, *parts[length:])
    raise SiteError(f"the site sent {name!r}, which was not asked for", transient=False)


def _plain(name: str) -> str:
    """The name of a member without what says nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _repeat(member: tarfile.TarInfo, source: str, target: str, digests: Digests) -> None:
    """Another name of a file that came before: a copy, so that nothing that is done to the one happens to the other."""
    digest = digests.get(_plain(member.linkname))
    if digest is None:
        raise SiteError(f"the site sent {member.name!r} as a link to {member.linkname!r}, which it had not sent", transient=False)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target, follow_symlinks=False)
    digests[_plain(member.name)] = digest


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: str, digests: Digests) -> None:
    if member.isdir():
        os.makedirs(target, exist_ok=True)
        os.chmod(target, member.mode & 0o777 | 0o700)
        return
    if not member.isreg() or member.issparse():
        raise SiteError(f"the site sent {member.name!r}, which is neither a file nor a directory", transient=False)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    source = archive.extractfile(member)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), member.mode & 0o777 | 0o600)
        digest = hashlib.sha256()
        while source is not None and (chunk := source.read(CHUNK)):
            digest.update(chunk)
            file.write(chunk)
    digests[_plain(member.name)] = digest.hexdigest()


