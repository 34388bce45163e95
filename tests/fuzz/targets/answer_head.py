"""
Heads of answers: what is taken means the same to h11 and to llhttp.

The first byte chooses the method that is answered.
"""

from __future__ import annotations

from contextlib import suppress

from tests.http1 import payloads
from tests.http1.test_oracles import check_response
from txbalancer.errors import BadResponse
from txbalancer.http1.answers import parse_response
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import drop_bad_lines

SEEDS = [b"G" + each for each in payloads.RESPONSES] + [b"H" + payloads.RESPONSES[0]]
WORDS = [
    *b"Content-Length|Transfer-Encoding|chunked|Connection|close|keep-alive|Upgrade".split(b"|"),
    *b"HTTP/1.1 200 OK|HTTP/1.0 204|304|101|100|\r\n|\r\n |: |, |Location|Set-Cookie".split(b"|"),
]
_LIMITS = [Limits(), Limits(headers=3, line=30)]


def ours(data: bytes) -> None:
    """
    Read it; only a member's fault is to come of it, and nothing is dropped that frames.
    """
    head = data[1:].partition(b"\r\n\r\n")[0]
    for limits in _LIMITS:
        with suppress(BadResponse):
            parse_response(head, limits)
    better = drop_bad_lines(head)
    with suppress(BadResponse):
        parse_response(better, _LIMITS[0])


def one(data: bytes) -> None:
    """
    The same, and compare.
    """
    ours(data)
    check_response(data[1:].partition(b"\r\n\r\n")[0], b"HEAD" if data[:1] == b"H" else b"GET")
