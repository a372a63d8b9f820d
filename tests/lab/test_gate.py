"""The gate of the lab forwards, counts, holds and breaks connections as it is told. On the loopback network alone."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sshlab import Gate

PROGRAM = Path(__file__).with_name("gate.py")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A gate at `port`, which leads to a server that sends back all that it is sent."""

    gate: Gate
    port: int

    def tell(self, line: str) -> str:
        return self.gate.tell(line)

    def count(self) -> dict[str, int]:
        return self.gate.count()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


def echo(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def answer(client: socket.socket) -> None:
    with client:
        try:
            while data := client.recv(1 << 16):
                client.sendall(data)
        except OSError:
            return


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Entrance]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as free:
        made = Entrance(Gate(tmp_path / "control"), free.getsockname()[1])
        free.close()
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        places = [f"127.0.0.1:{made.port}", f"127.0.0.1:{server.getsockname()[1]}"]
        with subprocess.Popen([sys.executable, str(PROGRAM), str(made.gate.control), *places]) as process:
            wait_for(made)
            yield made
            process.terminate()
        server.shutdown(socket.SHUT_RDWR)


def wait_for(gate: Entrance) -> None:
    for _ in range(500):
        try:
            gate.connect().close()
        except OSError:
            time.sleep(0.02)
        else:
            break
    while gate.count()["open"]:
        time.sleep(0.02)
    gate.tell("reset-count")


def exactly(client: socket.socket, length: int) -> bytes:
    """So many bytes, or fewer where the connection ends before."""
    data = b""
    while len(data) < length and (more := client.recv(length - len(data))):
        data += more
    return data


def test_it_forwards_all_and_then_the_end(gate: Entrance) -> None:
    sent = bytes(range(256)) * 4096
    with gate.connect() as client:
        writing = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
        writing.start()
        assert exactly(client, len(sent) + 1) == sent
        writing.join()
    counts = gate.count()
    assert (counts["connections"], counts["to_server"], counts["to_client"]) == (1, len(sent), len(sent))


def test_it_counts_turns(gate: Entrance) -> None:
    with gate.connect() as client:
        for word in (b"one", b"two", b"three"):
            client.sendall(word)
            assert exactly(client, len(word)) == word
        assert gate.count() == {"connections": 1, "to_server": 11, "to_client": 11, "turns": 3, "open": 1}
    assert gate.tell("reset-count") == "ok"
    assert gate.count()["turns"] == 0


def test_it_cuts_what_is_open_and_takes_new_connections(gate: Entrance) -> None:
    with gate.connect() as client, gate.connect() as other:
        for each in (client, other):
            each.sendall(b"x")
            assert each.recv(1) == b"x"
        assert gate.tell("cut") == "ok"
        for each in (client, other):
            with pytest.raises(ConnectionResetError):
                each.recv(1)
    with gate.connect() as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"


def test_it_forwards_nothing_while_it_stalls(gate: Entrance) -> None:
    with gate.connect() as client:
        assert gate.tell("stall") == "ok"
        client.sendall(b"held")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert gate.tell("go") == "ok"
        client.settimeout(10)
        assert exactly(client, 4) == b"held"


def test_it_refuses_new_connections_alone(gate: Entrance) -> None:
    with gate.connect() as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert gate.tell("refuse") == "ok"
        with gate.connect() as refused:
            assert refused.recv(1) == b""
        client.sendall(b"y")
        assert client.recv(1) == b"y"
        assert gate.tell("accept") == "ok"
    with gate.connect() as client:
        client.sendall(b"z")
        assert client.recv(1) == b"z"


def test_it_gives_so_many_bytes_and_then_a_reset(gate: Entrance) -> None:
    assert gate.tell("truncate 100000") == "ok"
    with gate.connect() as client:
        client.sendall(b"x" * 200_000)
        assert exactly(client, 100_000) == b"x" * 100_000
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with gate.connect() as client:
        client.sendall(b"x" * 200_000)
        assert len(exactly(client, 200_000)) == 200_000


def test_it_delays_each_way_and_keeps_the_order(gate: Entrance) -> None:
    assert gate.tell("delay 100") == "ok"
    sent = bytes(range(200))
    with gate.connect() as client:
        began = time.monotonic()
        for byte in sent:
            client.sendall(bytes([byte]))
        assert exactly(client, len(sent)) == sent
        assert time.monotonic() - began >= 0.2


def test_it_names_a_command_that_it_does_not_know(gate: Entrance) -> None:
    assert gate.tell("delay soon") == "error: no such command: delay soon"
