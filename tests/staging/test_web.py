"""Inputs from a real server that is slow, breaks off, points elsewhere or says no."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
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
            case ["file" | "ftp" as scheme]:
                self._send(b"", 302, {"Location": f"{scheme}:///etc/passwd"})
            case ["busy", times, *_] if Handler.asked[self.path] <= int(times):
                self._send(b"no", 503, {"Retry-After": "0"})
            case ["busy", *_]:
                self._send(b"at last", 200)
            case ["later"]:
                self._send(b"no", 429, {"Retry-After": "9999"})
            case ["longer"]:
                self._send(b"four and more", 200, {"Content-Length": "4"})
            case ["large"]:
                self._send(b"x", 200, {"Content-Length": str(1 << 60)})
            case ["endless"]:
                self._send_endlessly()
            case ["cut"]:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            case ["silent"]:
                self.close_connection = True
            case ["noise"]:
                self.wfile.write(b"220 mail.example ESMTP\r\n")
            case ["packed", coding, end, *_]:
                body = gzip.compress(b"data" * 1000)
                self._send(body[: int(end)], 200, {"Content-Encoding": coding})
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

    def _send_endlessly(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while not Handler.release.is_set():
                self.wfile.write(bytes(1 << 20))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(web, "PAUSES", (0.01, 0.02))
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
        ("404", "the server answers 404 Not Found\n  look at the address", False),
        ("401", "the server answers 401 Unauthorized\n  a name and a password can stand in the address: https://NAME:PASSWORD@...", False),
        ("403", "the server answers 403 Forbidden\n  the server does not give it to everybody", False),
        ("500", "the server answers 500 Internal Server Error\n  tried several times", True),
        ("503", "the server answers 503 Service Unavailable\n  tried several times", True),
        ("later", "the server answers 429 Too Many Requests", True),
        ("short", "the connection broke off after 4 of 1,000 bytes", True),
        ("cut", "the connection broke off before the end", True),
        ("silent", "the server ended the connection without an answer", True),
        ("noise", "what the server answers is not HTTP", True),
        ("nonsense", "the server says that it has 'many' bytes, which is no number", True),
        ("round", "the server points somewhere else in vain (status 302): it does so without end", False),
        ("file", "(status 302): file:///etc/passwd is no http address", False),
        ("ftp", "(status 302): ftp:///etc/passwd is no http address", False),
        ("packed/gzip/40", "it is packed as gzip and breaks off before its end", True),
        ("packed/br/40", "the server packs it in a way that nobody asked for (br)", False),
        ("packed/deflate/2", "it is packed as deflate and breaks off", True),
        ("large", "there is no room for it: it has 1,152,921,504,606,846,976 bytes", False),
    ],
)  # fmt: skip
async def test_what_cannot_be_fetched_is_said_without_secrets(
    server: str, mover: Mover, tmp_path: Path, path: str, message: str, transient: bool
) -> None:
    uri = f"{server}/{path}?token=hush".replace("//", "//ada:hush@", 1)
    async with asyncio.timeout(10):
        with pytest.raises(SiteError) as caught:
            await mover.localize([uri], BOX)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{server}/{path}?...: ")
    assert "hush" not in str(caught.value)
    assert caught.value.transient is transient
    assert nothing_left(tmp_path)
    assert sum(Handler.asked.values()) in ((3,) if transient and path != "later" else (1,) if path != "round" else (5, 10, 11))


async def test_a_server_that_is_busy_is_asked_again(server: str, mover: Mover) -> None:
    uri = f"{server}/busy/2/x"
    async with asyncio.timeout(10):
        assert Path((await mover.localize([uri], BOX))[uri]).read_bytes() == b"at last"
    assert Handler.asked == {"/busy/2/x": 3}


async def test_what_a_server_has_packed_is_unpacked_but_not_a_file_that_is_packed(server: str, mover: Mover) -> None:
    uris = [f"{server}/packed/gzip/9999/{name}" for name in ("a.txt", "a.txt.gz")]
    async with asyncio.timeout(10):
        paths = await mover.localize(uris, BOX)
    assert Path(paths[uris[0]]).read_bytes() == b"data" * 1000
    assert gzip.decompress(Path(paths[uris[1]]).read_bytes()) == b"data" * 1000


async def test_what_is_beyond_the_length_that_a_server_says_is_not_the_file(server: str, mover: Mover) -> None:
    async with asyncio.timeout(10):
        [path] = (await mover.localize([f"{server}/longer"], BOX)).values()
    assert Path(path).read_bytes() == b"four"


async def test_what_does_not_end_leaves_the_disk_some_room(
    server: str, mover: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "RESERVE", shutil.disk_usage(tmp_path).free - (80 << 20))
    async with asyncio.timeout(20):
        with pytest.raises(SiteError, match=r"no room for it: it does not end, and .* bytes left\n  make room there, or set HYFLOW_HOME"):
            await mover.localize([f"{server}/endless"], BOX)
    assert nothing_left(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the disk that is always full")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(SiteError, match="it cannot be kept here: no space left on device"):
        web._write("http://h/x", full, b"x")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, which makes a certificate")
async def test_a_certificate_that_nobody_trusts(mover: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, made = str(tmp_path / "key"), str(tmp_path / "cert")
    certify(key, made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    serving = Sealed(("127.0.0.1", 0), Handler)
    serving.socket = context.wrap_socket(serving.socket, server_side=True)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        uri = f"https://localhost:{serving.server_port}/ok"
        async with asyncio.timeout(10):
            with pytest.raises(SiteError, match=r"certificate is not trusted: self.signed certificate\n  .* SSL_CERT_FILE") as caught:
                await mover.localize([uri], BOX)
            assert not caught.value.transient
            monkeypatch.setenv("SSL_CERT_FILE", made)
            assert Path((await mover.localize([uri], BOX))[uri]).read_bytes() == b"data of /ok"
    finally:
        serving.shutdown()
        serving.server_close()
        thread.join()


def certify(key: str, made: str) -> None:
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *words.split(), "-keyout", key, "-out", made], check=True, capture_output=True)


class Sealed(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Who does not trust us goes away."""


@pytest.mark.parametrize("name", ["..", ".", "", "a%0Ab", "%2e%2e", "a%2F..%2Fb", "%00", "-rf", "~", "%24(x)", "caf%E9"])
async def test_names_in_addresses_lead_nowhere_else(server: str, mover: Mover, tmp_path: Path, name: str) -> None:
    async with asyncio.timeout(10):
        [path] = (await mover.localize([f"{server}/ok/x/{name}"], BOX)).values()
    assert os.path.realpath(path) == path
    assert Path(path).parent.parent.parent == tmp_path / "data"
    assert Path(path).read_bytes().startswith(b"data of /ok/")


@pytest.mark.parametrize("uri", ["http://ada:pa/ss@h/x", "http://h:port/x", "http://[::1/x", "http://ada:hush@h:99999/x", "http:///x"])
async def test_addresses_that_are_none(mover: Mover, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PAUSES", (0.01,))
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="this is no address that can be fetched") as caught:
            await mover.localize([uri], BOX)
    assert "hush" not in str(caught.value) and "ss@" not in str(caught.value) and "ada" not in str(caught.value)


@pytest.mark.parametrize(("code", "transient"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
def test_no_machine_of_this_name(code: int, transient: bool) -> None:
    told = web._failed("http://nobody.invalid/x", urllib.error.URLError(socket.gaierror(code, "as the system says it")))
    assert str(told).startswith("http://nobody.invalid/x: there is no machine of this name\n  look at the name of the server")
    assert told.transient is transient



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


async def test_nobody_listens(mover: Mover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PAUSES", (0.01,))
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match="refused"):
            await mover.localize(["http://127.0.0.1:9/x"], BOX)


@pytest.mark.parametrize("uri", ["ftp://h/x", "s3://user:hush@h/x?sig=hush", "urn:x"])
async def test_other_addresses_are_not_understood(mover: Mover, uri: str) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(SiteError, match=r"nobody knows how to read this kind of address\n  files, and addresses") as caught:
            await mover.localize([uri], BOX)
    assert "hush" not in str(caught.value)


async def test_long_names_are_cut(server: str, mover: Mover) -> None:
    uri = f"{server}/ok/{'x' * 300}.txt"
    async with asyncio.timeout(10):
        [path] = (await mover.localize([uri], BOX)).values()
    assert len(os.path.basename(path)) == 255
    assert path.endswith(".txt")
