"""
One question to a member by HTTP/2, for the probes that ask over HTTP.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txbalancer.core.hcexpr import MOST_BODY, Answer
from txbalancer.errors import BadResponse
from txbalancer.http1.limits import Limits as HeadLimits
from txbalancer.http2.faults import ConnectionFault, name_of
from txbalancer.http2.frames import PREFACE
from txbalancer.http2.heads import read_response
from txbalancer.http2.limits import Limits
from txbalancer.http2.literals import Literals
from txbalancer.http2.requesting import Requesting
from txbalancer.http2.settings import greeting
from txbalancer.http2.stream import Stream
from txbalancer.http2.tables import Field
from txbalancer.probes.line import Line
from txbalancer.probes.talk import Talk, talking

_LIMITS = Limits(streams=1, window=65535, connection_window=65535)
_HEADS = HeadLimits()


def ask(line: Line, secure: bool, lines: list[bytes], reads: bool) -> Deferred[Answer]:
    """
    Ask a member, and hang up whatever comes of it. Cancelling it hangs up, too.

    @param lines: the head of the request, pseudo headers first.
    @param reads: whether the body must come, too.
    @return: fires with the answer; fails with L{BadResponse} for what is none.
    """
    asking: Any = talking(line, _Asking(line, secure, lines, reads))
    found: Deferred[Answer] = asking
    return found


class _Asking(Talk):
    """
    The connection: sends one request and waits for its answer.
    """

    def __init__(self, line: Line, secure: bool, lines: list[bytes], reads: bool) -> None:
        super().__init__(line, secure, b"", None)
        self._connection = _Connection(_LIMITS, Literals())
        self._stream = _Stream(self._connection, lines, reads, self)

    def _begin(self) -> None:
        transport: Any = self.transport
        if self._secure and transport.negotiatedProtocol != b"h2":
            self.done.errback(BadResponse("no agreement on HTTP/2"))
            return
        self._connection.add(self._stream)
        lines = self._stream.asks
        self._line.sent(b"\r\n".join([*lines, b"", b""]))
        self._stream.send(lines, b"", True)
        transport.write(PREFACE + greeting(_LIMITS, server=False) + self._taken())

    def _taken(self) -> bytes:
        out = b"".join(self._connection.out)
        self._connection.out.clear()
        return out

    def dataReceived(self, data: bytes) -> None:
        """
        Read what the member says, and answer what it asks.
        """
        if self.done.called:
            return
        try:
            self._connection.receive(data, 0.0)
        except ConnectionFault as fault:
            if not self.done.called:
                self.done.errback(BadResponse(f"HTTP/2: {name_of(fault.code)}: {fault}"))
            return
        transport: Any = self.transport
        transport.write(self._taken())

    def answered(self, fields: list[Field], body: bytes) -> None:
        """
        Take the answer, with as much of its body as there is or is wanted.
        """
        if not self.done.called:
            answer: Any = Answer(int(fields[0][1]), tuple(fields[1:]), body)
            self.done.callback(answer)

    def told(self, fields: list[Field]) -> None:
        """
        Note the head of an answer.
        """
        text = [b": ".join(field) for field in fields]
        self._line.received(b"\r\n".join([*text, b"", b""]))

    def failed(self, error: BadResponse) -> None:
        """
        There is no answer.
        """
        if not self.done.called:
            self.done.errback(Failure(error))


class _Connection(Requesting):
    """
    A connection with one stream.
    """

    __slots__ = ()

    def abused(self, what: str) -> None:
        """
        The fault that follows says it all.
        """


class _Stream(Stream):
    """
    The stream: an answer, and the beginning of its body.

    @ivar asks: the head of the request.
    """

    __slots__ = ("_asking", "_fields", "_left", "_pieces", "_reads", "asks")

    def __init__(
        self, connection: Requesting, asks: list[bytes], reads: bool, asking: _Asking
    ) -> None:
        super().__init__(connection, connection.next)
        self.asks, self._reads, self._asking = asks, reads, asking
        self._fields: list[Field] = []
        self._pieces: list[bytes] = []
        self._left = MOST_BODY

    def received_fields(self, fields: list[Field], ended: bool) -> None:
        """
        Take a head, or trailers, which are of no interest.
        """
        if not self._fields:
            try:
                head = read_response(fields, _HEADS)
            except BadResponse as error:
                self._asking.failed(error)
                return
            if head.status < 200:
                return
            self._fields = fields
            self._asking.told(fields)
        if ended or not self._reads:
            self._finish()

    def received_data(self, data: bytes, ended: bool) -> None:
        """
        Keep; the rest of a long body is of no interest.
        """
        self.consumed(len(data))
        self._pieces.append(data[: self._left])
        self._left -= len(data)
        if not self._fields:
            self._asking.failed(BadResponse("a body before its head"))
        elif ended or self._left <= 0:
            self._finish()

    def _finish(self) -> None:
        self._asking.answered(self._fields, b"".join(self._pieces))

    def broke_off(self, code: int) -> None:
        """
        The member reset the stream, or does not take it.
        """
        self._asking.failed(BadResponse(f"the stream was reset: {name_of(code)}"))

    def drained(self) -> None:
        """
        Nothing waits.
        """
