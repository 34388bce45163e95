"""
Finished exchanges for the tests of the access log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer


@dataclass
class FakeRequest:
    """
    A request head; headers by lower-case name.
    """

    method: bytes = b"GET"
    target: bytes = b"/shop/item?page=3"
    version: bytes = b"1.1"
    path: bytes = b"/shop/item"
    query: bytes | None = b"page=3"
    host: bytes = b"shop.example.org:8080"
    user: bytes | None = None
    trace: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def noted(self) -> dict[bytes, bytes]:
        return self.headers

    def header(self, name: bytes) -> bytes | None:
        return self.headers.get(name)


@dataclass
class FakeResponse:
    """
    A response head; headers by lower-case name.
    """

    headers: dict[bytes, bytes]

    def header(self, name: bytes) -> bytes | None:
        return self.headers.get(name)


def finished(**changes: Any) -> Outcome:
    """
    Make an outcome with something in every field.
    """
    usual = Outcome(
        request=cast(Any, FakeRequest()),
        peer=Peer("192.0.2.7", 40001, "web", True, b"www.example.org"),
        status=200,
        balancer="shop",
        member="http://10.0.0.1:9001",
        route="web1",
        attempts=1,
        bytes_in=11,
        bytes_out=1234,
        started=1795247861.25,
        duration=1.5,
        queue=0.001,
        connect=0.002,
        first_byte=0.25,
        sticky=(b"JSESSIONID", b"web1"),
    )
    return usual._replace(**changes)
