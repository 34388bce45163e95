"""
Heads of HTTP/1 messages as values.

Whoever looks at a request or an answer looks at these, whatever it came in.
"""

from __future__ import annotations

from typing import Any

from txbalancer.http1.lines import REQUEST_NOTED, RESPONSE_NOTED

NO_BODY = -1
"""No body is announced."""
CHUNKED = -2
"""The body is chunked."""
UNTIL_CLOSE = -3
"""The body lasts until the connection closes (answers only)."""


class RequestHead:
    """
    The head of a request; provides L{Request<txbalancer.core.request.Request>}.

    @ivar peer: the client's end; set by the owner of the connection.
    @ivar target: the request target as sent.
    @ivar minor: 0 or 1 for HTTP/1.0 or HTTP/1.1.
    @ivar lines: header lines that may be passed on, as sent and in order.
    @ivar noted: lower-case name -> value of the headers that matter here.
    @ivar body: length of the body, L{NO_BODY} or L{CHUNKED}.
    @ivar keep_alive: whether the client can take another answer on this connection.
    @ivar trace: C{traceparent} that members are sent, where their mount asks for it, or C{b""}.
    @ivar upgrade: protocol that the client offers to change to, or C{b""}.
    @ivar expects: whether the client waits for 100 (Continue).
    @ivar user: who logged in or tried to; C{None} where nobody had to.
    @ivar visitor: what a mount's rules know of the client; not set where there are none.
    """

    __slots__ = (
        "body",
        "expects",
        "host",
        "keep_alive",
        "lines",
        "method",
        "minor",
        "noted",
        "path",
        "peer",
        "query",
        "target",
        "trace",
        "upgrade",
        "user",
        "visitor",
    )

    peer: Any
    user: bytes | None
    visitor: Any
    method: bytes
    target: bytes
    path: bytes
    query: bytes | None
    host: bytes
    minor: int
    lines: list[bytes]
    noted: dict[bytes, bytes]
    body: int
    keep_alive: bool
    trace: bytes
    upgrade: bytes
    expects: bool

    @property
    def version(self) -> bytes:
        """
        The protocol version as logged, C{b"1.1"} or C{b"1.0"}.
        """
        return b"1.1" if self.minor else b"1.0"

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name, repeated ones joined.
        """
        if name in REQUEST_NOTED:
            return self.noted.get(name)
        return find_header(self.lines, name)


class ResponseHead:
    """
    The head of an answer.

    @ivar start: the status line as sent.
    @ivar status: 100 to 999.
    @ivar lines: header lines that may be passed on, in order.
    @ivar noted: lower-case name -> value of the headers that matter here.
    @ivar length: value of Content-Length, or -1.
    @ivar chunked: whether the body is chunked.
    @ivar keep_alive: whether the member keeps the connection open after this answer.
    """

    __slots__ = ("chunked", "keep_alive", "length", "lines", "minor", "noted", "start", "status")

    start: bytes
    status: int
    minor: int
    lines: list[bytes]
    noted: dict[bytes, bytes]
    length: int
    chunked: bool
    keep_alive: bool

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name, repeated ones joined.
        """
        if name in RESPONSE_NOTED:
            return self.noted.get(name)
        return find_header(self.lines, name)

    def body(self, method: bytes) -> int:
        """
        Tell how the body of this answer to C{method} is framed. Source: RFC 9112 6.3.

        @return: a length, L{NO_BODY}, L{CHUNKED} or L{UNTIL_CLOSE}.
        """
        status = self.status
        if method == b"HEAD" or status == 204 or status == 304 or status < 200:
            return NO_BODY
        if self.chunked:
            return CHUNKED
        return self.length if self.length >= 0 else UNTIL_CLOSE


def find_header(lines: list[bytes], name: bytes) -> bytes | None:
    """
    Look a header up in raw lines by its lower-case name; repeated ones are joined.
    """
    size = len(name)
    found = [
        line[size + 1 :].strip(b" \t")
        for line in lines
        if line[size : size + 1] == b":" and line[:size].lower() == name
    ]
    return b", ".join(found) if found else None
