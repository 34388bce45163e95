"""
Members that speak AJP and FastCGI, and note what they are asked, the same for both sides.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Self

from tests.ajp import container
from tests.differential.members import PATIENCE
from tests.fastcgi.application import Application

Told = dict[str, str]
"""What a member was told, each thing by a name."""

# Ports and addresses differ from run to run, or between the sides; the rest is Apache's own.
OF_A_RUN = frozenset(
    [
        "ajp:AJP_REMOTE_PORT",
        "ajp:AJP_LOCAL_ADDR",
        "REMOTE_PORT",
        "SERVER_ADDR",
        "SERVER_SOFTWARE",
        "header:x-tag",
        "HTTP_X_TAG",
    ]
)


class PacketMembers:
    """
    One member of each protocol on free ports of 127.0.0.1.

    @ivar ports: by C{ajp} and C{fcgi}.
    @ivar told: what came with a tag.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, bytes]]) -> None:
        """
        @param answers: by protocol and by the value of C{X-Answer} in a request; C{ok} otherwise.
        """
        self._answers = answers
        self.told: dict[str, Told] = {}
        self._listening = {"ajp": socket.create_server(("127.0.0.1", 0))}
        self._listening["fcgi"] = socket.create_server(("127.0.0.1", 0))
        self.ports = {name: each.getsockname()[1] for name, each in self._listening.items()}

    def __enter__(self) -> Self:
        for name, listening in self._listening.items():
            threading.Thread(target=self._accept, args=(name, listening), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for listening in self._listening.values():
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _accept(self, name: str, listening: socket.socket) -> None:
        serve = self._ajp if name == "ajp" else self._fcgi
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            threading.Thread(target=self._until_end, args=(serve, connection), daemon=True).start()

    def _until_end(self, serve: Callable[[socket.socket], bool], connection: socket.socket) -> None:
        with connection:
            try:
                while serve(connection):
                    pass
            except (EOFError, OSError):
                return

    def _note(self, told: Told, tag: str, answer: str, kind: str) -> bytes:
        self.told[tag] = {name: value for name, value in told.items() if name not in OF_A_RUN}
        return self._answers[kind][answer or "ok"]

    def _ajp(self, connection: socket.socket) -> bool:
        packet = _packet(connection)
        if packet == container.CPING[4:]:
            connection.sendall(container.CPONG)
            return True
        found = container.asked(packet)
        headers: dict[str, str] = {}
        for raw, value in found.headers:
            name = raw.lower().decode()
            headers[name] = ", ".join(filter(None, (headers.get(name), value.decode())))
        body, size = b"", int(headers.get("content-length", "0"))
        while len(body) < size:
            body += container.body(_packet(connection))
            if len(body) < size:
                connection.sendall(container.ask())
        if headers.get("transfer-encoding"):
            connection.sendall(container.ask())
            while piece := container.body(_packet(connection)):
                body += piece
                connection.sendall(container.ask())
        told = {
            "method": found.method.decode(),
            "protocol": found.protocol.decode(),
            "path": found.path.decode(),
            "address": str(found.address),
            "name": found.name.decode(),
            "port": str(found.port),
            "secure": str(found.secure),
            "body": body.decode(),
            **{f"header:{name}": value for name, value in headers.items()},
            **{f"ajp:{name}": value.decode() for name, value in found.attributes.items()},
        }
        connection.sendall(self._note(told, headers["x-tag"], headers.get("x-answer", ""), "ajp"))
        return True

    def _fcgi(self, connection: socket.socket) -> bool:
        application = Application()
        while not (application.requests and application.requests[-1].ended):
            head = _read(connection, 8)
            size, padding = struct.unpack(">HB", head[4:7])
            application.read(head + _read(connection, size + padding))
        found = application.requests[-1]
        told = {**found.params, "body": found.body.decode(), "keeps": str(found.keeps)}
        answer = self._note(told, told["HTTP_X_TAG"], told.get("HTTP_X_ANSWER", ""), "fcgi")
        connection.sendall(answer)
        return found.keeps


def _packet(connection: socket.socket) -> bytes:
    (size,) = struct.unpack(">xxH", _read(connection, 4))
    return _read(connection, size)


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
