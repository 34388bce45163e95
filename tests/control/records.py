"""
Finished exchanges for the tests of the access log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    headers: dict[bytes, bytes] = field(default_factory=dict)

    def header(self, name: bytes) -> bytes | None:
        return self.headers.get(name)


@dataclass
class FakeOutcome:
    """
    What an L{Outcome<txbalancer.core.outcome.Outcome>} shows to the log.
    """

    request: FakeRequest | None = field(default_factory=FakeRequest)
    peer: Peer = field(
        default_factory=lambda: Peer("192.0.2.7", 40001, "web", True, b"www.example.org")
    )
    balancer: str = "shop"
    member: str = "http://10.0.0.1:9001"
    route: str = "web1"
    status: int = 200
    reason: str = ""
    attempts: int = 1
    tried: tuple[tuple[str, str], ...] = ()
    bytes_in: int = 11
    bytes_out: int = 1234
    started: float = 1795247861.25
    duration: float = 1.5
    queue: float = 0.001
    connect: float = 0.002
    first_byte: float = 0.25
    sticky: tuple[bytes, bytes] | None = (b"JSESSIONID", b"web1")
    route_changed: bool = False
    response_headers: dict[bytes, bytes] = field(default_factory=dict)

    def response_header(self, name: bytes) -> bytes | None:
        return self.response_headers.get(name)
