"""
Heads of HTTP/2 messages: fields in, the same values out as from the lines of HTTP/1.

What breaks the rules of HTTP/2 itself is L{Malformed}; what HTTP/1 would refuse as well is
refused with the same status (RFC 9113 section 8).
"""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus

from txbalancer.errors import BadResponse, BalancerError, ClientError
from txbalancer.http1.fields import content_length, joined
from txbalancer.http1.heads import CHUNKED, NO_BODY, RequestHead, ResponseHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import (
    NOT_IN_TRAILERS,
    REQUEST_NOTED,
    REQUEST_TAKEN,
    RESPONSE_NOTED,
    RESPONSE_TAKEN,
    UNDERSCORE,
    is_token,
    show,
)
from txbalancer.http1.requests import METHODS, hosts_seen, valid_host
from txbalancer.http2.faults import Malformed
from txbalancer.http2.fields import Fields, check
from txbalancer.http2.tables import Field

_REQUEST = Fields(REQUEST_NOTED, REQUEST_TAKEN)
_RESPONSE = Fields(RESPONSE_NOTED, RESPONSE_TAKEN)
_PATH = re.compile(rb"(/[!\"$->@-~\x80-\xff]*)(?:\?([!\"$-~\x80-\xff]*))?").fullmatch
_USUAL = frozenset((b":method", b":scheme", b":authority", b":path"))
_PSEUDO = _USUAL | {b":protocol"}
_PSEUDO_SIZE = 512
"""Bytes of pseudo headers, the path left out, at most."""
_SCHEMES = (b"https", b"http")


class StreamHead(RequestHead):
    """
    The head of a request that came by HTTP/2.
    """

    __slots__ = ()

    version = b"2.0"


def read_request(fields: list[Field], ended: bool, limits: Limits) -> RequestHead:
    """
    Read the head of a request; its C{peer} is left to the caller.

    @param ended: whether there is no body.
    @raise Malformed: when the stream is to be reset.
    @raise ClientError: what is wrong, with the status to answer.
    """
    count = 0
    for name, _ in fields:
        if name[:1] != b":":
            break
        count += 1
    pseudo = dict(fields[:count])
    rest = fields[count:]
    if len(rest) > limits.headers:
        raise ClientError(f"more than {limits.headers} header fields", 431)
    lines, notes = _REQUEST.sort(rest, Malformed)
    noted = dict(notes)
    cookies = 0
    if len(noted) != len(notes):
        noted = joined(notes, Malformed)
        cookies = sum(name == b"cookie" for name, _ in notes)
    head = StreamHead()
    head.lines, head.noted = lines, noted
    head.minor, head.keep_alive = 1, True
    head.upgrade = head.trace = b""
    head.user = None
    _control(head, pseudo, count, limits)
    _check_sizes(fields, lines, notes, limits)
    if UNDERSCORE in noted:
        del noted[UNDERSCORE]
        head.lines = _underscored(rest, lines, limits.underscores)
    if cookies > 1:
        # HTTP/1 has them in one line (RFC 9113 8.2.3).
        head.lines = [line for line in head.lines if line[:7] != b"cookie:"]
        head.lines.append(b"cookie: " + noted[b"cookie"])
    head.expects = False
    if b"expect" in noted:
        if noted[b"expect"].lower() != b"100-continue":
            raise ClientError("an expectation other than 100-continue", 417)
        head.expects = not ended
    length = noted.get(b"content-length")
    head.body = NO_BODY if ended else CHUNKED
    if length is not None and not head.upgrade:
        head.body = content_length(length, Malformed)
        if ended and head.body:
            raise Malformed("no body, but a Content-Length")
    if head.upgrade:
        # What follows is for the tunnel.
        head.body = NO_BODY
    return head


def _control(head: RequestHead, pseudo: dict[bytes, bytes], count: int, limits: Limits) -> None:
    """
    Read the pseudo headers. Source: RFC 9113 8.3.1.
    """
    if len(pseudo) != count or not pseudo.keys() <= _PSEUDO:
        raise Malformed("a pseudo header that is unknown or repeated")
    method = pseudo.get(b":method", b"")
    if method not in METHODS:
        _unusual_method(head, method, pseudo)
    elif b":protocol" in pseudo:
        raise Malformed("a protocol without CONNECT")
    head.method = method if not head.upgrade else b"GET"
    target = pseudo.get(b":path", b"")
    if pseudo.get(b":scheme") not in _SCHEMES:
        raise Malformed("no scheme that is served")
    match = _PATH(target) if len(target) <= limits.url else None
    if match is not None:
        head.path, head.query = match.groups()
    elif len(target) > limits.url:
        raise ClientError(f"a target longer than {limits.url} bytes", 414)
    elif target == b"*" and method == b"OPTIONS":
        head.path, head.query = target, None
    else:
        raise Malformed(f"no path: {show(target)}")
    head.target = target
    _authority(head, pseudo.get(b":authority"))


def _unusual_method(head: RequestHead, method: bytes, pseudo: dict[bytes, bytes]) -> None:
    if method != b"CONNECT":
        if not is_token(method) or b":protocol" in pseudo:
            raise Malformed(f"no method: {show(method)}")
        return
    if b":protocol" not in pseudo:
        if b":path" in pseudo or b":scheme" in pseudo or b":authority" not in pseudo:
            raise Malformed("CONNECT with a path or without an authority")
        raise ClientError("CONNECT is not served", 405)
    if pseudo[b":protocol"] != b"websocket":
        raise ClientError("a protocol other than websocket", 501)
    # RFC 8441: what HTTP/1.1 does by Upgrade.
    head.upgrade = b"websocket"


def _authority(head: RequestHead, authority: bytes | None) -> None:
    host = head.noted.get(b"host")
    if authority is None:
        if host is None:
            raise ClientError("no authority")
        authority = host
    elif host is None:
        head.noted[b"host"] = authority
    elif host.lower() != authority.lower():
        raise Malformed("a Host that is not the authority")
    # HTTP/1 knows an empty Host, so that it may have been seen.
    if not authority or not (authority in hosts_seen or valid_host(authority)):
        if b"@" in authority:
            raise Malformed("a user in the authority")
        raise ClientError(f"an invalid authority: {show(authority)}")
    head.host = authority


def _check_sizes(
    fields: list[Field], lines: list[bytes], notes: list[Field], limits: Limits
) -> None:
    # At least as much as there is: some fields are noted and passed on.
    total = sum(map(len, lines)) + sum([len(name) + len(value) for name, value in notes])
    total += 4 * len(fields) + limits.url + _PSEUDO_SIZE
    if total <= limits.line and total <= limits.head:
        return
    longest = max(map(len, lines), default=0)
    longest = max([longest, *(len(name) + len(value) for name, value in notes)])
    if longest > limits.line:
        raise ClientError(f"a header field longer than {limits.line} bytes", 431)
    # As long as it would be in HTTP/1.
    if sum([len(name) + len(value) + 4 for name, value in fields]) > limits.head:
        raise ClientError(f"a head over {limits.head} bytes", 431)


def _underscored(fields: list[Field], lines: list[bytes], underscores: str) -> list[bytes]:
    """
    Do with names that have an underscore as the limits say.
    """
    if underscores == "drop":
        return lines
    if underscores == "refuse":
        name = next(name for name, _ in fields if b"_" in name)
        raise ClientError(f"a header name with an underscore: {show(name)}")
    passed = set(lines)
    made = [b"%b: %b" % field for field in fields]
    return [
        line for line, (name, _) in zip(made, fields, strict=True) if b"_" in name or line in passed
    ]


def read_response(fields: list[Field], limits: Limits) -> ResponseHead:
    """
    Read the head of an answer.

    @raise BadResponse: what is wrong with it.
    """
    if not fields or fields[0][0] != b":status":
        raise BadResponse("no status")
    status = fields[0][1]
    if not status.isdigit() or len(status) != 3 or status < b"100" or status == b"101":
        raise BadResponse(f"no status: {show(status)}")
    if len(fields) > limits.headers + 1:
        raise BadResponse(f"more than {limits.headers} header fields")
    lines, notes = _RESPONSE.sort(fields[1:], BadResponse)
    total = sum(map(len, lines))
    if total > limits.line or total > limits.head:
        longest = max(map(len, lines))
        if longest > limits.line:
            raise BadResponse(f"a header field longer than {limits.line} bytes")
        if total > limits.head:
            raise BadResponse(f"a head over {limits.head} bytes")
    noted = dict(notes)
    if len(noted) != len(notes):
        noted = joined(notes, BadResponse)
    if UNDERSCORE in noted:
        del noted[UNDERSCORE]
        lines = _underscored(fields[1:], lines, "keep")
    head = ResponseHead()
    head.start = _start_line(status)
    head.status, head.minor = int(status), 1
    head.lines, head.noted = lines, noted
    head.chunked, head.keep_alive, head.length = False, True, -1
    if b"content-length" in noted:
        head.length = content_length(noted[b"content-length"], BadResponse)
    return head


def read_trailers(fields: list[Field], error: type[BalancerError], limits: Limits) -> list[bytes]:
    """
    Check trailers and keep those that may be passed on, as lines.

    @raise BalancerError: of the class C{error}, when there is a pseudo header among them, or
        one that is no field, or when there are more than a head may have: a block of some
        kilobytes can repeat a field of the table until it takes hundreds of megabytes.
    """
    if len(fields) > limits.headers:
        raise error(f"more than {limits.headers} trailers")
    if sum(len(name) + len(value) for name, value in fields) > limits.head:
        raise error(f"trailers over {limits.head} bytes")
    kept = []
    for name, value in fields:
        check(name, value, error)
        if name not in NOT_IN_TRAILERS and b"_" not in name:
            kept.append(b"%b: %b" % (name, value))
    return kept


@cache
def _start_line(status: bytes) -> bytes:
    try:
        phrase = HTTPStatus(int(status)).phrase
    except ValueError:
        phrase = "Status"
    return b"HTTP/1.1 %b %b" % (status, phrase.encode("ascii"))
