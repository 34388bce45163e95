"""
Heads by the line, for tests of the parser.
"""

from __future__ import annotations

from txbalancer.http1.answers import parse_response
from txbalancer.http1.heads import RequestHead, ResponseHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request

DEFAULT = Limits()


def request(
    *lines: bytes, start: bytes = b"GET / HTTP/1.1", limits: Limits = DEFAULT
) -> RequestHead:
    """
    Parse a request of a start line, a Host and C{lines}.
    """
    return parse_request(b"\r\n".join((start, b"Host: www.example.com", *lines)), limits)


def bare_request(*lines: bytes, limits: Limits = DEFAULT) -> RequestHead:
    """
    Parse a request of nothing but C{lines}.
    """
    return parse_request(b"\r\n".join(lines), limits)


def response(
    *lines: bytes, start: bytes = b"HTTP/1.1 200 OK", limits: Limits = DEFAULT
) -> ResponseHead:
    """
    Parse an answer of a start line and C{lines}.
    """
    return parse_response(b"\r\n".join((start, *lines)), limits)
