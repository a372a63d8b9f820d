"""The connection to hyflow: lines of JSON both ways, in as few system calls as can be."""

from __future__ import annotations

import contextlib
import socket
import time

CHUNK = 1 << 18


class Client:
    """One connected hyflow. `gone` once it has closed, or broken, its end; `since`: when the oldest line was left to be sent, or 0."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.gone = False
        self.since = 0.0
        self._rest = bytearray()
        self._out: list[bytes] = []

    def lines(self) -> list[bytes]:
        """The whole lines that have arrived. Half a line of one that is gone never was."""
        self.flush()
        try:
            data = self.connection.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return []
        self._rest += data
        if b"\n" not in data:
            return []
        whole, _, rest = bytes(self._rest).rpartition(b"\n")
        self._rest = bytearray(rest)
        return whole.split(b"\n")

    def has_more(self) -> bool:
        """Whether something can be read, be it the end."""
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass  # an end, too
        return True

    def send(self, line: bytes) -> None:
        self.since = self.since or time.monotonic()
        self._out.append(line)

    def flush(self) -> bool:
        """Send what the other side takes now; whether something is left."""
        if not self._out:
            return False
        data, self.since = b"".join(self._out), 0.0
        try:
            sent = self.connection.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._out.clear()
            return False
        self._out = [data[sent:]] if sent < len(data) else []
        return bool(self._out)

    def finish(self) -> None:
        """Send the rest and close."""
        self.connection.setblocking(True)
        self.connection.settimeout(5)
        with contextlib.suppress(OSError):
            self.connection.sendall(b"".join(self._out))
        self.connection.close()
