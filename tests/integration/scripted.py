"""
Members whose behaviour a test writes down, one thread for each connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Request:
    """
    The head of a request, and the connection it came over.

    @ivar began: how much of its body came along with the head.
    @ivar left: bytes of its body that are still to be read.
    """

    def __init__(self, head: bytes, began: int, connection: socket.socket) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        self.query = {key: each[0] for key, each in parse_qs(urlsplit(self.target).query).items()}
        self.connection = connection
        self.began = began
        self.left = int(self.headers.get("content-length", "0")) - began

    def read(self, most: int = 65536) -> int:
        """
        Read a piece of the body and return its size.
        """
        size = len(self.connection.recv(min(most, self.left)))
        if not size:
            raise ConnectionError("the request ended within its body")
        self.left -= size
        return size

    def answer(self, body: bytes) -> None:
        """
        Answer 200 with a body, once the request is complete.
        """
        while self.left:
            self.read()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.connection.sendall(head + body)


Reply = Callable[[Request], bool]
"""Answers a request, whose body it may read; tells whether the connection goes on."""


class ScriptedMember:
    """
    Listens on a free port of 127.0.0.1 for the length of a C{with} block.
    """

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        """
        @param tls: makes it speak TLS.
        """
        self._reply = reply
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = int(self._listening.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            left = [self._listening, *self._open]
        for each in left:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(60.0)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            try:
                self._converse(connection)
            finally:
                connection.close()
                with self._lock:
                    self._open.discard(connection)

    def _converse(self, connection: socket.socket) -> None:
        goes_on = True
        while goes_on:
            buffer = b""
            while b"\r\n\r\n" not in buffer:
                if not (data := connection.recv(65536)):
                    return
                buffer += data
            head, _, rest = buffer.partition(b"\r\n\r\n")
            goes_on = self._reply(Request(head, len(rest), connection))


class Gate:
    """
    A member that answers paths with C{slow} only once the gate is open, and all else at once.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._opened: set[str] = set()
        self._all = False
        self._changed = threading.Condition()

    def open(self, *idents: str) -> None:
        """
        Let the requests with these ids through, or without any id every one.
        """
        with self._changed:
            self._opened.update(idents)
            self._all = self._all or not idents
            self._changed.notify_all()

    def await_waiting(self, count: int) -> None:
        """
        Wait until so many requests have come to the gate.
        """
        with self._changed:
            came = self._changed.wait_for(lambda: self._waiting >= count, 15.0)
        assert came, f"{self._waiting} of {count} slow requests reach the member"

    def reply(self, request: Request) -> bool:
        """
        Answer with the request's id.
        """
        ident = request.query["id"]
        if "slow" in request.target:
            with self._changed:
                self._waiting += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._all or ident in self._opened, 30.0)
        request.answer(f"{ident} gate".encode())
        return True
