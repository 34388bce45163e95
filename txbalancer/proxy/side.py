"""
Where a request comes from when no L{ClientChannel} has read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.web.http_headers import Headers

from txbalancer.core.request import Peer
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request
from txbalancer.net.deadlines import NEVER

_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade"))
"""What is made anew, or does not go through other people's HTTP."""


class ClientSide:
    """
    What an L{Exchange<txbalancer.proxy.exchange.Exchange>} needs of its client side; the
    base of those that are no connection.

    @ivar exchange: what is in progress, or C{None}.
    @ivar paused: whether the exchange wants no more of the request's body for now.
    """

    tunnel = None
    transport: Any = None
    deadline = NEVER
    ended = False

    def __init__(self) -> None:
        self.exchange: Any = None
        self.paused = False

    def pause(self) -> None:
        """
        Send no more of the body for now.
        """
        self.paused = True

    def resume(self) -> None:
        """
        Go on with the body.
        """
        self.paused = False

    def interim(self, start: bytes, lines: list[bytes]) -> None:
        """
        Drop a 1xx answer, for which there is no way here.
        """

    def respond(
        self,
        start: bytes,
        lines: list[bytes],
        body: int,
        data: bytes,
        done: bool,
        trailers: Sequence[bytes] = (),
    ) -> None:
        """
        Take the head of an answer and what is there of its body.
        """
        raise NotImplementedError

    def write_body(self, data: bytes) -> None:
        """
        Take a piece of the answer's body.
        """
        raise NotImplementedError

    def end_body(self, trailers: Sequence[bytes]) -> None:
        """
        The answer's body is over; L{finished} follows.
        """

    def finished(self) -> None:
        """
        The exchange is over.
        """
        raise NotImplementedError

    def abort(self) -> None:
        """
        The answer broke off: whoever reads it must be able to tell.
        """
        raise NotImplementedError


def make_head(
    method: bytes, target: bytes, headers: Headers, body: int, peer: Peer, version: bytes
) -> RequestHead:
    """
    Make a head of a request that was read elsewhere, as strictly as if it came here.

    @param body: its length, L{NO_BODY} or L{CHUNKED}.
    @raise ClientError: when it would not be taken from a client either.
    """
    lines = [b"%b %b %b" % (method, target, version)]
    for name, values in headers.getAllRawHeaders():
        if name.lower() not in _FRAMING:
            lines += [name + b": " + value for value in values]
    if body >= 0:
        lines.append(b"Content-Length: %d" % body)
    elif body == CHUNKED:
        lines.append(b"Transfer-Encoding: chunked")
    else:
        assert body == NO_BODY
    head = parse_request(b"\r\n".join(lines), Limits(headers=len(lines)))
    head.peer = peer
    return head


def split_start(start: bytes) -> tuple[int, bytes]:
    """
    Split a status line into status and phrase.
    """
    _, status, *phrase = start.split(b" ", 2)
    return int(status), phrase[0] if phrase else b""


def add_lines(headers: Headers, lines: Iterable[bytes]) -> None:
    """
    Add header lines to headers.
    """
    for line in lines:
        name, _, value = line.partition(b":")
        headers.addRawHeader(name, value.strip(b" \t"))
