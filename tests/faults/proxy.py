"""A TCP proxy before PostgreSQL that counts the protocol's messages and cuts the line at one of them.

``to_server`` k: the k-th message of the client is not passed on. ``to_client`` k: the k-th answer is not passed on, so
the server has done what it was told. Then the line is dropped (closed), reset (RST) or stalls (stays open, says nothing).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass

WAYS = ("drop", "reset", "stall")
SIDES = ("to_server", "to_client")


@dataclass
class Cut:
    """Where and how. ``times`` so often, on as many connections; counted from the moment it is armed."""

    side: str
    at: int
    way: str
    times: int = 1


class Proxy:
    """Listens on ``port`` (speaks no TLS: ``sslmode=disable&gssencmode=disable``); ``arm`` a cut, look at ``seen``."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.cut: Cut | None = None
        self.seen = dict.fromkeys(SIDES, 0)
        self.words: dict[str, list[str]] = {side: [] for side in SIDES}
        self.lines: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut: Cut | None) -> None:
        with self.lock:
            self.cut = cut
            self.seen = dict.fromkeys(SIDES, 0)
            self.words = {side: [] for side in SIDES}

    def close(self) -> None:
        self.listener.close()
        for line in self.lines:
            for end in line:
                end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                return
            for end in (client, server):  # messages are passed on one by one, and none may wait for the next
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines.append((client, server))
            for side, here, there in (("to_server", client, server), ("to_client", server, client)):
                threading.Thread(target=self._carry, args=(side, here, there), daemon=True).start()

    def _carry(self, side: str, here: socket.socket, there: socket.socket) -> None:
        """Pass on message by message: a type, a length, a body; the client's first has no type."""
        begun = side == "to_client"
        with contextlib.suppress(OSError):
            while True:
                word = self._exactly(here, 1) if begun else b""
                length = self._exactly(here, 4)
                body = self._exactly(here, struct.unpack("!i", length)[0] - 4)
                is_hello = not begun
                begun = True
                if not is_hello and (way := self._cut_here(side, word)):
                    self._end(way, here, there)
                    break
                there.sendall(word + length + body)
        for end in (here, there):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut_here(self, side: str, word: bytes) -> str:
        with self.lock:
            self.seen[side] += 1
            self.words[side].append(word.decode())
            cut = self.cut
            if cut is None or cut.side != side or self.seen[side] != cut.at or cut.times < 1:
                return ""
            cut.times -= 1
            self.seen = dict.fromkeys(SIDES, 0)
            return cut.way

    @staticmethod
    def _end(way: str, here: socket.socket, there: socket.socket) -> None:
        if way == "stall":  # both ends stay open, nothing is carried in this direction, until one end gives up
            while here.recv(65536):
                pass
            return
        for end in (here, there):
            if way == "reset":
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                # wakes whoever reads from it, else the system keeps it open for them and sends no RST
                end.shutdown(socket.SHUT_RD if way == "reset" else socket.SHUT_RDWR)
            end.close()

    @staticmethod
    def _exactly(here: socket.socket, length: int) -> bytes:
        found = b""
        while len(found) < length:
            part = here.recv(length - len(found))
            if not part:
                raise OSError("closed")
            found += part
        return found
