"""Inputs from a real server that is slow, breaks off, points elsewhere or says no."""

from __future__ import annotations

import asyncio
import base64
import http.server
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from hyflow.errors import SiteError
from hyflow.model.facts import Contents, Found, Stat
from hyflow.model.places import HERE, Location
from hyflow.staging import web
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover

BOX = Location("box", "", HERE, "/work", {HERE: "/"})


class Handler(http.server.BaseHTTPRequestHandler):
    """What a path asks for."""

    asked: ClassVar[Counter[str]] = Counter()
    release: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        Handler.asked[self.path] += 1
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["ok", *_]:
                self._send(b"data of " + self.path.encode(), 200)
            case ["slow", *_]:
                time.sleep(0.2)
                self._send(b"slow", 200)
            case ["short"]:
                self._send(b"half", 200, {"Content-Length": "1000"})
            case ["nonsense"]:
                self._send(b"half", 200, {"Content-Length": "many"})
            case ["stall"]:
                self._send(b"half", 200, {"Content-Length": "1000"})
                self.wfile.flush()
                Handler.release.wait(20)
            case ["to", *rest]:
                self._send(b"", 302, {"Location": "/" + "/".join(rest)})
            case ["round"]:
                self._send(b"", 302, {"Location": "/round"})
            case ["file"]:
                self._send(b"", 302, {"Location": "file:///etc/passwd"})
            case ["authorised"]:
                self._send((self.headers.get("Authorization") or "nobody").encode(), 200)
            case [code]:
                self._send(b"no", int(code))

    def _send(self, body: bytes, code: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Handler.asked.clear()
    Handler.release.clear()
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    Handler.release.set()
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    return Mover({HERE: HereFiles()}, {HERE: str(tmp_path / "data")}, Catalog())


def nothing_left(tmp_path: Path) -> bool:
    return not [path for path in tmp_path.rglob("*") if not path.is_dir()]


async def test_an_address_becomes_a_file_here(server: str, mover: Mover) -> None:
    uri = f"{server}/ok/a%20b.txt?key=secret"
    async with asyncio.timeout(10):
        paths = await mover.localize([uri], BOX)
    assert Path(paths[uri]).name == "a b.txt"
    assert Path(paths[uri]).read_bytes() == b"data of /ok/a%20b.txt?key=secret"


async def test_many_who_ask_for_the_same_fetch_it_once(server: str, mover: Mover) -> None:
    uris = [f"{server}/slow/{number}" for number in range(3)]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(mover.localize(uris[: 1 + number % 3], BOX) for number in range(12)))
        assert len({answer[uris[0]] for answer in answers}) == 1
        assert await mover.answer([Stat(uris[0]), Contents(uris[0])]) == {Stat(uris[0]): Found("f", 4), Contents(uris[0]): b"slow"}
    assert set(Handler.asked.values()) == {1}


@pytest.mark.parametrize(
    ("path", "message", "transient"),
    [
        ("404", "404", False), ("503", "503", True), ("short", "broke off after 4 of 1,000 bytes", True),
        ("nonsense", "cannot be fetched", True), ("round", "30[0-9]|infinite", False), ("file", "302", False),
    ],
)  # fmt: skip
async def test_what_cannot_be_fetched_is_said_without_secrets(
    server: str, mover: Mover, tmp_path: Path, path: str, message: str, transient: bool
) -> None:
    uri = f"{server}/{path}?token=hush".replace("//", "//ada:hush@", 1)
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match=message) as caught:
            await mover.localize([uri], BOX)
    assert "hush" not in str(caught.value)
    assert caught.value.transient is transient
    assert nothing_left(tmp_path)


async def test_the_failure_wakes_all_and_the_rest_arrives(server: str, mover: Mover) -> None:
    good, bad = f"{server}/slow/x", f"{server}/404"
    async with asyncio.timeout(10):
        both, alone, other = await asyncio.gather(
            mover.localize([good, bad], BOX), mover.localize([good], BOX), mover.localize([bad], BOX), return_exceptions=True
        )
    assert isinstance(both, SiteError) and isinstance(other, SiteError)
    assert isinstance(alone, dict)
    assert Handler.asked["/slow/x"] == 1


async def test_redirects_are_followed_but_credentials_stay(server: str, mover: Mover) -> None:
    named = server.replace("//", "//ada:o%20pen@")
    async with asyncio.timeout(10):
        paths = await mover.localize([f"{named}/authorised", f"{named}/to/authorised"], BOX)
    told = base64.b64encode(b"ada:o pen").decode()
    assert sorted(Path(path).read_text() for path in paths.values()) == [f"Basic {told}", "nobody"]


async def test_a_stall_ends(server: str, mover: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.3)
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="timed out"):
            await mover.localize([f"{server}/stall"], BOX)
    assert nothing_left(tmp_path)


async def test_who_is_cancelled_does_not_wait_for_a_silent_server(server: str, mover: Mover) -> None:
    work = asyncio.create_task(mover.localize([f"{server}/stall"], BOX))
    await asyncio.sleep(0.2)
    work.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await work
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # nobody holds them any more
            await asyncio.sleep(0.01)
        with pytest.raises(SiteError):
            await mover.localize([f"{server}/404"], BOX)


async def test_one_of_two_who_wait_may_leave(server: str, mover: Mover) -> None:
    first, second = (asyncio.create_task(mover.localize([f"{server}/slow/x"], BOX)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    async with asyncio.timeout(10):
        assert Path((await second)[f"{server}/slow/x"]).read_bytes() == b"slow"
    assert Handler.asked["/slow/x"] == 1


async def test_nobody_listens(mover: Mover) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="refused"):
            await mover.localize(["http://127.0.0.1:9/x"], BOX)


@pytest.mark.parametrize("uri", ["ftp://h/x", "s3://user:hush@h/x?sig=hush", "urn:x"])
async def test_other_addresses_are_not_understood(mover: Mover, uri: str) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="nobody knows how to read") as caught:
            await mover.localize([uri], BOX)
    assert "hush" not in str(caught.value)


async def test_long_names_are_cut(server: str, mover: Mover) -> None:
    uri = f"{server}/ok/{'x' * 300}.txt"
    async with asyncio.timeout(10):
        [path] = (await mover.localize([uri], BOX)).values()
    assert len(os.path.basename(path)) == 255
    assert path.endswith(".txt")
