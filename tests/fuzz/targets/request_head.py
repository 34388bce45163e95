"""
Heads of requests: what is taken means the same to h11 and to llhttp.
"""

from __future__ import annotations

from contextlib import suppress

from tests.http1 import payloads
from tests.http1.test_oracles import check_request
from txbalancer.errors import ClientError
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request

SEEDS = payloads.REQUESTS
WORDS = [
    *b"Content-Length|Transfer-Encoding|chunked|Host".split(b"|"),
    *b"Connection|close|keep-alive|Upgrade".split(b"|"),
    *b"Expect: 100-continue|HTTP/1.1|HTTP/1.0|http://|OPTIONS *|TE".split(b"|"),
    *b"\r\n|\r\n |: |, |Cookie".split(b"|"),
]
_LIMITS = [
    Limits(),
    Limits(headers=3, line=30, url=20),
    Limits(underscores="refuse", kept=frozenset((b"x-a",))),
]


def ours(data: bytes) -> None:
    """
    Read it with several limits; only a client's fault is to come of it.
    """
    head = data.partition(b"\r\n\r\n")[0]
    for limits in _LIMITS:
        with suppress(ClientError):
            parse_request(head, limits)


def one(data: bytes) -> None:
    """
    The same, and compare.
    """
    ours(data)
    check_request(data.partition(b"\r\n\r\n")[0])
