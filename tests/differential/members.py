"""
Members that log each byte they get and answer by script, the same ones for both sides.

A request finds its script by the value of its C{X-Tag} header, so both sides and many
cases can be under way at once.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

PATIENCE = 15.0
TAG = b"X-Tag"


@dataclass(frozen=True, slots=True)
class Pause:
    """
    Script step: say nothing for so many seconds.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Mark:
    """
    Script step without a parameter.
    """

    name: str


BODY = Mark("read the request's body, which else is read before the first step")
UNREAD = Mark("the request's body is never read")
HOLD = Mark("wait until the test releases this request")
CLOSE = Mark("close the connection")
RESET = Mark("reset the connection")
ECHO = Mark("send back whatever comes until the end")

Step = bytes | Pause | Mark
Script = Sequence[Step]

OK: Script = (b"HTTP/1.1 200 OK\r\nX-Member: INDEX\r\nContent-Length: 2\r\n\r\nmINDEX",)


@dataclass(slots=True)
class Received:
    """
    A request as it came to a member.

    @ivar index: which member it was.
    @ivar head: from the request line to the last header line, as sent.
    @ivar body: decoded if it was chunked.
    @ivar whole: whether the body came to its end.
    """

    index: int
    head: bytes
    body: bytes = b""
    whole: bool = True


class Members:
    """
    Members on free ports of 127.0.0.1, and one port that refuses.

    @ivar ports: by the member's index.
    @ivar refusing: a port on which nobody listens, and that nobody else gets.
    """

    def __init__(self, count: int) -> None:
        self._lock = threading.Condition()
        self._tags = itertools.count()
        self._scripts: dict[bytes, Script] = {}
        self._received: dict[bytes, list[Received]] = defaultdict(list)
        self._released: set[bytes] = set()
        # A bound socket keeps the port while its member is down.
        self._reserved = [_reserve() for _ in range(count + 1)]
        *self.ports, self.refusing = (each.getsockname()[1] for each in self._reserved)
        self._listening: dict[int, socket.socket] = {}
        self._open: dict[socket.socket, int] = {}
        for index in range(count):
            self.up(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        for index in list(self._listening):
            self.down(index)
        for each in self._reserved:
            each.close()

    # -- what tests say

    def expect(self, script: Script) -> bytes:
        """
        Say how a request will be answered by the member that gets it first.

        @return: the tag that the request is to have.
        """
        tag = b"%08d" % next(self._tags)
        with self._lock:
            self._scripts[tag] = script
        return tag

    def received(self, tag: bytes) -> list[Received]:
        """
        Return what came with a tag, in order.
        """
        with self._lock:
            return list(self._received[tag])

    def wait(self, tag: bytes, count: int = 1) -> bool:
        """
        Wait until so many requests with this tag have come.
        """
        with self._lock:
            return self._lock.wait_for(lambda: len(self._received[tag]) >= count, PATIENCE)

    def release(self, *tags: bytes) -> None:
        """
        Let held requests go on: those with these tags, or all.
        """
        with self._lock:
            self._released.update(tags or [b"*"])
            self._lock.notify_all()

    def down(self, index: int) -> None:
        """
        Close a member's port and connections: from now on it refuses.
        """
        listening = self._listening.pop(index)
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        with self._lock:
            ended = [each for each, of in self._open.items() if of == index]
        for each in ended:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def up(self, index: int) -> None:
        """
        Open a member's port.
        """
        listening = _bound(self.ports[index])
        listening.listen(128)
        self._listening[index] = listening
        threading.Thread(target=self._accept, args=(index, listening), daemon=True).start()

    # -- what members do

    def _accept(self, index: int, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connection.settimeout(PATIENCE)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open[connection] = index
                threading.Thread(target=self._serve, args=(index, connection), daemon=True).start()

    def _serve(self, index: int, connection: socket.socket) -> None:
        # An idle connection waits for its next request as long as it likes.
        with contextlib.suppress(OSError, EOFError):
            reader = Reader(connection)
            while self._exchange(index, reader):
                pass
        with self._lock:
            del self._open[connection]
        connection.close()

    def _exchange(self, index: int, reader: Reader) -> bool:
        reader.socket.settimeout(None)
        head = reader.until(b"\r\n\r\n")
        reader.socket.settimeout(PATIENCE)
        tag = field(head, TAG)
        received = Received(index, head, whole=False)
        with self._lock:
            # What is tried a second time is answered.
            script = self._scripts.pop(tag, OK)
            self._received[tag].append(received)
            self._lock.notify_all()
        if BODY not in script and UNREAD not in script:
            reader.body(received)
        for step in script:
            if step is BODY:
                reader.body(received)
            elif step is not UNREAD and not self._act(step, index, tag, reader):
                return False
        return True

    def _filled(self, text: bytes, index: int) -> bytes:
        """
        Put in the member's number and, for C{{0}} and the like, members' addresses.
        """
        for each, port in enumerate(self.ports):
            text = text.replace(b"{%d}" % each, b"127.0.0.1:%d" % port)
        return text.replace(b"INDEX", b"%d" % index)

    def _act(self, step: Step, index: int, tag: bytes, reader: Reader) -> bool:
        match step:
            case bytes():
                reader.socket.sendall(self._filled(step, index))
            case Pause():
                # The peer's end ends it, so that nobody waits for a case that is over.
                return reader.quiet(step.seconds)
            case Mark() if step is HOLD:
                with self._lock:
                    self._lock.wait_for(lambda: self._released & {tag, b"*"}, PATIENCE)
            case Mark() if step is ECHO:
                while data := reader.read():
                    reader.socket.sendall(data)
                return False
            case Mark() if step is RESET:
                linger = struct.pack("ii", 1, 0)
                reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            case _:
                return False
        return True


class Reader:
    """
    A socket to read from by the mark, the number, or the end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.buffer = b""

    def fill(self) -> None:
        """
        Read some more, or raise L{EOFError} at the end.
        """
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def read(self) -> bytes:
        """
        Return what is there, or wait for more; empty at the end.
        """
        if not self.buffer:
            with contextlib.suppress(EOFError):
                self.fill()
        found, self.buffer = self.buffer, b""
        return found

    def until(self, mark: bytes) -> bytes:
        """
        Read up to a mark, which is dropped.
        """
        while mark not in self.buffer:
            self.fill()
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def exactly(self, size: int) -> bytes:
        """
        Read a number of bytes.
        """
        while len(self.buffer) < size:
            self.fill()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def chunk(self) -> bytes:
        """
        Read one chunk; empty when it was the last, with its trailers.
        """
        size = int(self.until(b"\r\n").partition(b";")[0], 16)
        if size:
            data = self.exactly(size)
            self.exactly(2)
            return data
        while self.until(b"\r\n"):
            pass
        return b""

    def body(self, received: Received) -> None:
        """
        Read the body of a request into its record, as far as it comes.
        """
        if b"chunked" in field(received.head, b"Transfer-Encoding").lower():
            while data := self.chunk():
                received.body += data
        else:
            left = int(field(received.head, b"Content-Length") or b"0")
            while left:
                if not self.buffer:
                    self.fill()
                data = self.exactly(min(left, len(self.buffer)))
                received.body += data
                left -= len(data)
        received.whole = True

    def quiet(self, seconds: float) -> bool:
        """
        Wait; tell whether the peer was still there at the end.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self.fill()
            except TimeoutError:
                break
        self.socket.settimeout(PATIENCE)
        return True


def field(head: bytes, name: bytes) -> bytes:
    """
    Return the value of a header line, empty without one.
    """
    start = name.lower() + b":"
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(start):
            return line[len(start) :].strip()
    return b""


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def _reserve() -> socket.socket:
    return _bound(0)
