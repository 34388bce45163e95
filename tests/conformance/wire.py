"""
Both ends of the wire for conformance scenarios: a raw client and scripted members.

They block, in threads of their own, and know nothing of the code under test; every wait
is bounded by C{PATIENCE}, so that a scenario fails and never hangs.
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

PATIENCE = 5.0

Headers = list[tuple[bytes, bytes]]


class Wire:
    """
    A socket to read from by the line, the number, or the end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.buffer = b""
        self.received = b""

    def fill(self) -> bool:
        """
        Read some more; False at the end.
        """
        data = self.socket.recv(65536)
        self.buffer += data
        self.received += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        """
        Read up to and with C{mark}.
        """
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"the end instead of {mark!r}, after {self.buffer!r}")
        found, _, self.buffer = self.buffer.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        """
        Read a number of bytes.
        """
        while len(self.buffer) < size:
            if not self.fill():
                raise EOFError(f"the end after {len(self.buffer)} of {size} bytes")
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def rest(self) -> bytes:
        """
        Read to the end.
        """
        while self.fill():
            pass
        found, self.buffer = self.buffer, b""
        return found

    def chunked(self) -> tuple[bytes, Headers]:
        """
        Read a chunked body and its trailers.
        """
        data = b""
        while size := int(self.until(b"\r\n").partition(b";")[0], 16):
            data += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        trailers = []
        while (line := self.until(b"\r\n")) != b"\r\n":
            trailers.append(_pair(line))
        return data, trailers

    def send(self, data: bytes) -> None:
        """
        Send everything.
        """
        self.socket.sendall(data)

    def done_sending(self) -> None:
        """
        Half-close: the other side reads the end, and may still send.
        """
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """
        Close with FIN.
        """
        self.socket.close()

    def reset(self) -> None:
        """
        Close with RST.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def _pair(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip()


@dataclass
class Head:
    """
    A head as it was on the wire.

    @ivar raw: its bytes with the empty line.
    """

    raw: bytes

    @property
    def start(self) -> bytes:
        """
        The request or status line.
        """
        return self.raw.partition(b"\r\n")[0]

    @property
    def headers(self) -> Headers:
        """
        Name and value of each line, in order.
        """
        return [_pair(line) for line in self.raw.split(b"\r\n")[1:-2]]

    def all(self, name: str) -> list[bytes]:
        """
        Return every value of a header.
        """
        wanted = name.lower().encode()
        return [value for found, value in self.headers if found.lower() == wanted]

    def get(self, name: str) -> bytes | None:
        """
        Return the value of a header that must not be repeated.
        """
        found = self.all(name)
        assert len(found) < 2, f"{name} is repeated: {found}"
        return found[0] if found else None


@dataclass
class Request(Head):
    """
    A request as a member got it.
    """

    body: bytes = b""
    trailers: Headers = field(default_factory=list)


@dataclass
class Answer(Head):
    """
    An answer as a client got it.

    @ivar complete: whether its body ended as its framing says.
    """

    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    complete: bool = True

    @property
    def status(self) -> int:
        """
        The status code.
        """
        return int(self.start.split(b" ")[1])


class Client(Wire):
    """
    A client that sends bytes and reads answers strictly.
    """

    def __init__(self, port: int) -> None:
        super().__init__(socket.create_connection(("127.0.0.1", port), PATIENCE))

    def head(self) -> Answer:
        """
        Read the head of an answer.
        """
        return Answer(self.until(b"\r\n\r\n"))

    def answer(self, method: bytes = b"GET") -> Answer:
        """
        Read one answer, interim ones too.
        """
        found = self.head()
        if method == b"HEAD" or found.status < 200 or found.status in (204, 304):
            return found
        length = found.get("Content-Length")
        try:
            if found.get("Transfer-Encoding") is not None:
                assert length is None
                assert found.get("Transfer-Encoding") == b"chunked"
                found.body, found.trailers = self.chunked()
            elif length is not None:
                found.body = self.exactly(int(length))
            else:
                found.body = self.rest()
        except (EOFError, ConnectionResetError):
            found.body, found.complete = self.buffer, False
        return found

    def ask(self, *lines: bytes, start: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> Answer:
        """
        Send a request with a Host and C{lines}, and read its answer.
        """
        self.send(request(*lines, start=start, body=body))
        return self.answer(start.split(b" ")[0])

    def is_closed(self) -> bool:
        """
        Wait for the end of the connection; False when something else comes.
        """
        if self.buffer:
            return False
        try:
            return not self.fill()
        except ConnectionResetError:
            return True


def request(*lines: bytes, start: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> bytes:
    """
    Write a request with a Host.
    """
    return b"\r\n".join((start, b"Host: www.example.com", *lines, b"", body))


def started(line: bytes) -> tuple[bytes, bytes]:
    """
    Return how an answer with this status line begins, for clients of HTTP/1.1 and of HTTP/2.
    """
    return line, b"HTTP/2 " + line[9:12]


class MemberSide(Wire):
    """
    A member's end of one connection.
    """

    def __init__(self, sock: socket.socket, member: Member) -> None:
        super().__init__(sock)
        self.member = member

    def head(self) -> Request:
        """
        Read the head of a request, and note it.
        """
        found = Request(self.until(b"\r\n\r\n"))
        self.member.requests.put(found)
        return found

    def read(self) -> Request:
        """
        Read a whole request, and note it.
        """
        found = Request(self.until(b"\r\n\r\n"))
        if found.get("Transfer-Encoding") is not None:
            found.body, found.trailers = self.chunked()
        elif (length := found.get("Content-Length")) is not None:
            found.body = self.exactly(int(length))
        self.member.requests.put(found)
        return found


Script = Callable[[MemberSide], None]


def answers(*texts: bytes) -> Script:
    """
    Script: read whole requests; answer the n-th with the n-th text, the last for ever.
    """

    def script(side: MemberSide) -> None:
        number = 0
        while True:
            side.read()
            side.send(texts[min(number, len(texts) - 1)])
            number += 1

    return script


def says(*texts: bytes) -> Script:
    """
    Script: read a head, send these bytes, close.
    """

    def script(side: MemberSide) -> None:
        side.head()
        for text in texts:
            side.send(text)

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Member:
    """
    A TCP server that follows a script on each connection; the last script repeats.

    @ivar requests: what came, in order.
    @ivar sides: every connection so far.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts or (answers(OK),)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.requests: queue.Queue[Request] = queue.Queue()
        self.sides: list[MemberSide] = []
        self.faults: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            side = MemberSide(sock, self)
            script = self._scripts[min(len(self.sides), len(self._scripts) - 1)]
            self.sides.append(side)
            self._run(self._follow, script, side)

    def _follow(self, script: Script, side: MemberSide) -> None:
        try:
            script(side)
        except (EOFError, OSError):
            pass  # the balancer ended the connection: for the client's end to judge
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            side.close()

    def request(self) -> Request:
        """
        Return the next request that came, waiting for it.
        """
        return self.requests.get(timeout=PATIENCE)

    @property
    def received(self) -> bytes:
        """
        Every byte that came, over all connections.
        """
        return b"".join(side.received for side in self.sides)

    def stop(self) -> None:
        """
        Close everything and wait for the threads; faults of a script come to light here.
        """
        # A close alone does not wake a thread that waits in accept().
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for side in list(self.sides):
            with suppress(OSError):
                side.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        if self.faults:
            raise self.faults[0]
