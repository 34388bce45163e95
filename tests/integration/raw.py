"""
Members and clients that only send and take bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable
from typing import Self

PIECE = 1 << 18


class RawMember:
    """
    Listens on a free port of 127.0.0.1 for the length of a C{with} block; each connection is
    served in a thread of its own.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listening.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(120.0)
                threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            self._serve(connection)


def send(connection: socket.socket, block: bytes, size: int) -> str:
    """
    Send a block again and again, up to a size; return the hash of it all.
    """
    digest = hashlib.blake2b()
    while size:
        piece = memoryview(block)[: min(size, len(block))]
        connection.sendall(piece)
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


def take(connection: socket.socket, size: int, began: bytes = b"") -> str:
    """
    Take exactly so many bytes; return their hash.

    @param began: the first of them, taken already.
    """
    digest, buffer = hashlib.blake2b(began), bytearray(PIECE)
    size -= len(began)
    while size:
        taken = connection.recv_into(buffer, min(size, PIECE))
        if not taken:
            raise EOFError(f"{size} bytes are missing")
        digest.update(memoryview(buffer)[:taken])
        size -= taken
    return digest.hexdigest()


def both_ways(connection: socket.socket, block: bytes, size: int) -> tuple[str, str]:
    """
    Send and take so many bytes at once; return the hashes of what was sent and taken.
    """
    sent: list[str] = []
    sending = threading.Thread(target=lambda: sent.append(send(connection, block, size)))
    sending.start()
    taken = take(connection, size)
    sending.join(120.0)
    return sent[0], taken
