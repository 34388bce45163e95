"""
Heads of requests: bytes in, a head out, or a refusal with its reason.

A head is read whole, once its empty line is there. The loop over the lines is
the hottest code of the proxy: header lines that only pass through are checked
and kept as they are, never taken apart (ADR 0001).
"""

from __future__ import annotations

import re

from txbalancer.errors import ClientError
from txbalancer.http1.fields import chunked_body, content_length, drop_named, note, tokens_of
from txbalancer.http1.heads import NO_BODY, RequestHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import HARMLESS, REQUEST_NOTED, REQUEST_TAKEN, Lines, is_token, show

_LINES = Lines(REQUEST_NOTED, REQUEST_TAKEN)

# Less than RFC 3986 has: an escape or "..", as in b.test%2e, may be another host to a member.
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|\.?(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]*)(?::[0-9]{0,5})?"
).fullmatch
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)([^#]*)", re.IGNORECASE).fullmatch
_MOST_HOSTS = 1024
hosts_seen: set[bytes] = set()
"""Hosts that are valid, up to a bound."""
_IN_REQUEST_LINE = HARMLESS.translate(None, b"\t")
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"}
# Method, target, its path and query, minor version: nothing that _request_line would refuse.
_USUAL_REQUEST_LINE = re.compile(
    rb"(%b) ((/[!\"$->@-~\x80-\xff]*)(?:\?([!\"$-~\x80-\xff]*))?) HTTP/1\.([01])"
    % b"|".join(sorted(METHODS))
).fullmatch


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
    noted = note(head, lines, _LINES, limits.underscores, ClientError)
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
        head.body = chunked_body(noted, head.minor, ClientError)
    elif b"content-length" in noted:
        head.body = content_length(noted[b"content-length"], ClientError)
    else:
        head.body = NO_BODY
    return head


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
        tokens = tokens_of(connection)
        head.keep_alive = b"close" not in tokens and (head.minor == 1 or b"keep-alive" in tokens)
        if b"upgrade" in tokens and head.minor:
            head.upgrade = noted.get(b"upgrade", b"")
        drop_named(head.lines, noted, tokens - kept)
    if b"expect" in noted:
        if noted[b"expect"].lower() != b"100-continue":
            raise ClientError("an expectation other than 100-continue", 417)
        head.expects = head.minor == 1
