"""
Heads of HTTP/1 messages as values: bytes in, a head out, or a refusal with its reason.

A head is read whole, once its empty line is there. The loop over the lines is
the hottest code of the proxy: header lines that only pass through are checked
and kept as they are, never taken apart (ADR 0001).
"""

from __future__ import annotations

import re
from typing import Any

from txbalancer.errors import BadResponse, BalancerError, ClientError
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import (
    HARMLESS,
    IDENTITY,
    NOT_IN_TRAILERS,
    REQUEST_NOTED,
    REQUEST_TAKEN,
    RESPONSE_NOTED,
    RESPONSE_TAKEN,
    UNDERSCORE,
    Lines,
    has_control,
    is_token,
    show,
)

NO_BODY = -1
"""No body is announced."""
CHUNKED = -2
"""The body is chunked."""
UNTIL_CLOSE = -3
"""The body lasts until the connection closes (answers only)."""

_REQUEST_LINES = Lines(REQUEST_NOTED, REQUEST_TAKEN)
_RESPONSE_LINES = Lines(RESPONSE_NOTED, RESPONSE_TAKEN)

# Less than RFC 3986 has: an escape or "..", as in b.test%2e, may be another host to a member.
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|\.?(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]*)(?::[0-9]{0,5})?"
).fullmatch
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)([^#]*)", re.IGNORECASE).fullmatch
_MOST_HOSTS = 1024
hosts_seen: set[bytes] = set()
"""Hosts that are valid, up to a bound."""
_MOST_STATUSES = 256
_NOT_NAMES = frozenset((b"close", b"keep-alive", b"upgrade", b""))
_statuses_seen: dict[bytes, tuple[int, int]] = {}
_IN_REQUEST_LINE = HARMLESS.translate(None, b"\t")
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"}
# Method, target, its path and query, minor version: nothing that _request_line would refuse.
_USUAL_REQUEST_LINE = re.compile(
    rb"(%b) ((/[!\"$->@-~\x80-\xff]*)(?:\?([!\"$-~\x80-\xff]*))?) HTTP/1\.([01])"
    % b"|".join(sorted(METHODS))
).fullmatch


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


def parse_request(data: bytes, limits: Limits) -> RequestHead:
    """
    Read the head of a request; its C{peer} is left to the caller.

    @param data: the head without its empty line: lines divided by CRLF.
    @raise ClientError: what is wrong, with the status to answer: 400, 405, 414, 417, 431,
        501 or 505.
    """
    lines = data.split(b"\r\n")
    head = RequestHead()
    usual = _USUAL_REQUEST_LINE(lines[0])
    if usual is not None and len(lines[0]) <= limits.url:
        head.method, head.target, head.path, head.query, minor = usual.groups()
        head.minor = 1 if minor == b"1" else 0
        head.host = b""
    else:
        _request_line(head, lines[0], limits)
    if len(lines) > limits.headers + 1:
        raise ClientError(f"more than {limits.headers} header lines", 431)
    if len(data) > limits.line and max(map(len, lines[1:]), default=0) > limits.line:
        raise ClientError(f"a header line longer than {limits.line} bytes", 431)
    noted = _headers(head, lines, _REQUEST_LINES, limits.underscores, ClientError)
    if noted.get(b"host") not in hosts_seen or head.host:
        _request_host(head, noted)
    else:
        head.host = noted[b"host"]
    connection = noted.get(b"connection")
    head.upgrade = head.trace = b""
    head.expects = False
    head.user = None
    if (connection is None or connection == b"keep-alive") and b"expect" not in noted:
        head.keep_alive = head.minor == 1 or connection is not None
    else:
        _request_connection(head, noted, limits.kept)
    if b"transfer-encoding" in noted:
        head.body = _chunked(noted, head.minor, ClientError)
    elif b"content-length" in noted:
        head.body = content_length(noted[b"content-length"], ClientError)
    else:
        head.body = NO_BODY
    return head


def parse_response(data: bytes, limits: Limits) -> ResponseHead:
    """
    Read the head of an answer, as strictly as a request's.

    @raise BadResponse: what is wrong with it.
    """
    lines = data.split(b"\r\n")
    head = ResponseHead()
    _status_line(head, lines[0])
    if len(lines) > limits.headers + 1:
        raise BadResponse(f"more than {limits.headers} header lines")
    if len(data) > limits.line and max(map(len, lines)) > limits.line:
        raise BadResponse(f"a header line longer than {limits.line} bytes")
    noted = _headers(head, lines, _RESPONSE_LINES, "keep", BadResponse)
    head.chunked = False
    head.length = -1
    if b"transfer-encoding" in noted:
        head.chunked = _chunked(noted, head.minor, BadResponse) == CHUNKED
    elif b"content-length" in noted:
        head.length = content_length(noted[b"content-length"], BadResponse)
    connection = noted.get(b"connection")
    if connection is None:
        head.keep_alive = head.minor == 1
    elif connection == b"keep-alive" or connection == b"close":
        head.keep_alive = connection == b"keep-alive"
    else:
        tokens = _tokens(connection)
        head.keep_alive = b"close" not in tokens and (head.minor == 1 or b"keep-alive" in tokens)
        _drop_named(head.lines, noted, tokens)
    return head


def _headers(
    head: RequestHead | ResponseHead,
    lines: list[bytes],
    known: Lines,
    underscores: str,
    error: type[BalancerError],
) -> dict[bytes, bytes]:
    """
    Sort the header lines of a head into those that are passed on and those that are noted.
    """
    del lines[0]
    kept, pairs = known.sort(lines, error)
    noted = dict(pairs)
    if len(noted) != len(pairs):
        noted = joined(pairs, error)
    if UNDERSCORE in noted:
        kept = _underscored(lines, kept, known, underscores, error)
        del noted[UNDERSCORE]
    head.lines = kept
    head.noted = noted
    return noted


def joined(pairs: list[tuple[bytes, bytes]], error: type[BalancerError]) -> dict[bytes, bytes]:
    """
    Note each name once, repeated ones joined; those that frame or route may not be repeated.
    """
    noted: dict[bytes, bytes] = {}
    for key, value in pairs:
        if key not in noted:
            noted[key] = value
        elif key in (b"host", b"content-length", b"transfer-encoding"):
            raise error(f"more than one {key.decode().title()}")
        else:
            noted[key] += (b"; " if key == b"cookie" else b", ") + value
    return noted


def _underscored(
    lines: list[bytes],
    kept: list[bytes],
    known: Lines,
    underscores: str,
    error: type[BalancerError],
) -> list[bytes]:
    """
    Do with names that have an underscore as the limits say.
    """
    if underscores == "drop":
        return kept
    names = {line: known.judge(line, error)[0] for line in lines}
    if underscores == "refuse":
        line = next(line for line in lines if names[line] is UNDERSCORE)
        raise error(f"a header name with an underscore: {show(line)}")
    passed = set(kept)
    return [line for line in lines if names[line] is UNDERSCORE or line in passed]


def parse_trailers(lines: list[bytes], error: type[BalancerError]) -> list[bytes]:
    """
    Check trailer lines and keep those that may be passed on. Source: RFC 9110 6.5.1.

    @raise BalancerError: of the class C{error}, when a line is no header line.
    """
    kept = []
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon or not is_token(name) or has_control(line):
            raise error(f"a malformed trailer line: {show(line)}")
        if name.lower() not in NOT_IN_TRAILERS and b"_" not in name:
            kept.append(line)
    return kept


def _request_line(head: RequestHead, line: bytes, limits: Limits) -> None:
    parts = line.split(b" ")
    if len(parts) != 3 or line.translate(None, _IN_REQUEST_LINE):
        raise ClientError(f"no request line of method, target and version: {show(line)}")
    method, target, version = parts
    if version == b"HTTP/1.1":
        head.minor = 1
    elif version == b"HTTP/1.0":
        head.minor = 0
    elif version[:5] == b"HTTP/" and version[5:6].isdigit():
        raise ClientError(f"version {show(version)} is not served", 505)
    else:
        raise ClientError(f"no HTTP version: {show(version)}")
    if method not in METHODS:
        if method == b"CONNECT":
            # In any form of target: the answer to it would have no end that HTTP knows of.
            raise ClientError("CONNECT is not served", 405)
        if not is_token(method):
            raise ClientError(f"no method: {show(method)}")
    if len(target) > limits.url:
        raise ClientError(f"a target longer than {limits.url} bytes", 414)
    head.method = method
    head.target = target
    head.host = b""
    if target[:1] != b"/":
        target = _unusual_target(head, target)
    if b"#" in target:
        raise ClientError("a fragment in the target")
    path, mark, query = target.partition(b"?")
    head.path = path
    head.query = query if mark else None


def _status_line(head: ResponseHead, line: bytes) -> None:
    known = _statuses_seen.get(line)
    if known is None:
        known = _read_status_line(line)
        if len(_statuses_seen) < _MOST_STATUSES:
            _statuses_seen[line] = known
    head.start = line
    head.status, head.minor = known


def _read_status_line(line: bytes) -> tuple[int, int]:
    code = line[9:12]
    if (
        line[:9] not in (b"HTTP/1.1 ", b"HTTP/1.0 ")
        or not code.isdigit()
        or code < b"100"
        or line[12:13] not in (b" ", b"")
        or len(code) != 3
        or has_control(line)
    ):
        raise BadResponse(f"no HTTP/1 status line: {show(line)}")
    return int(code), 1 if line[7:8] == b"1" else 0


def _unusual_target(head: RequestHead, target: bytes) -> bytes:
    """
    Accept C{*} for OPTIONS and absolute URLs; return the path and query.
    """
    if target == b"*" and head.method == b"OPTIONS":
        return target
    match = _ABSOLUTE(target)
    if match is None or b"@" in match[1] or not valid_host(match[1]):
        raise ClientError(f"no usable target: {show(target)}")
    head.host = match[1]
    rest: bytes = match[2]
    if not rest and head.method == b"OPTIONS":
        return b"*"  # RFC 9112 3.2.4
    return rest if rest[:1] == b"/" else b"/" + rest


def _request_host(head: RequestHead, noted: dict[bytes, bytes]) -> None:
    host = noted.get(b"host")
    if host is None:
        if head.minor:
            raise ClientError("no Host")
        return
    if host not in hosts_seen and not valid_host(host):
        raise ClientError(f"an invalid Host: {show(host)}")
    if not head.host:
        # RFC 9112 3.2.2: the authority of an absolute target goes before Host.
        head.host = host


def valid_host(host: bytes) -> bool:
    """
    Tell whether C{host} can be the authority of a request: a name or address, and a port.
    """
    if _HOST(host) is None or len(host) > 255:
        return False
    if len(hosts_seen) < _MOST_HOSTS:
        hosts_seen.add(host)
    return True


def _request_connection(
    head: RequestHead, noted: dict[bytes, bytes], kept: frozenset[bytes]
) -> None:
    connection = noted.get(b"connection")
    if connection is None:
        head.keep_alive = head.minor == 1
    else:
        tokens = _tokens(connection)
        head.keep_alive = b"close" not in tokens and (head.minor == 1 or b"keep-alive" in tokens)
        if b"upgrade" in tokens and head.minor:
            head.upgrade = noted.get(b"upgrade", b"")
        _drop_named(head.lines, noted, tokens - kept)
    if b"expect" in noted:
        if noted[b"expect"].lower() != b"100-continue":
            raise ClientError("an expectation other than 100-continue", 417)
        head.expects = head.minor == 1


def _tokens(value: bytes) -> set[bytes]:
    return {token.strip(b" \t") for token in value.lower().split(b",")}


def _drop_named(lines: list[bytes], noted: dict[bytes, bytes], tokens: set[bytes]) -> None:
    """
    Drop the headers that Connection names, which are this connection's own (RFC 9110 7.6.1).

    What frames the message or tells who a client is is not up to Connection.
    """
    named = tokens - _NOT_NAMES - IDENTITY
    if not named:
        return
    lines[:] = [line for line in lines if line.partition(b":")[0].lower() not in named]
    for name in named:
        if name not in (b"host", b"content-length", b"transfer-encoding", b"expect"):
            noted.pop(name, None)


def _chunked(noted: dict[bytes, bytes], minor: int, error: type[BalancerError]) -> int:
    if b"content-length" in noted:
        raise error("both Content-Length and Transfer-Encoding")
    if minor == 0:
        raise error("Transfer-Encoding in HTTP/1.0")
    coding = noted[b"transfer-encoding"].lower()
    if coding == b"chunked":
        return CHUNKED
    codings = [each.strip(b" \t") for each in coding.split(b",")]
    if error is ClientError and codings[-1] == b"chunked" and b"chunked" not in codings[:-1]:
        # RFC 9112 6.1: a coding that is not understood is 501, and the framing is still clear.
        raise ClientError(f"a transfer coding other than chunked: {show(coding)}", 501)
    raise error(f"a Transfer-Encoding that is not just chunked: {show(coding)}")


def content_length(value: bytes, error: type[BalancerError]) -> int:
    """
    Read a Content-Length.

    @raise BalancerError: of the class C{error}, when it is no number.
    """
    if not value.isdigit() or len(value) > 18:
        raise error(f"a Content-Length that is no number: {show(value)}")
    return int(value)
