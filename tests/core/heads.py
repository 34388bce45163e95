"""
A request head for tests of the pure URL rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from txbalancer.core.request import Peer


@dataclass
class FakeRequest:
    """
    What the domain may see of a request, given by hand.
    """

    path: bytes = b"/"
    query: bytes | None = None
    host: bytes = b"www.example.com"
    method: bytes = b"GET"
    headers: dict[bytes, bytes] = field(default_factory=dict)
    peer: Peer = field(default_factory=lambda: Peer("192.0.2.7", 4711, "web"))

    def header(self, name: bytes) -> bytes | None:
        """
        Look a header up by its lower-case name.
        """
        return self.headers.get(name)
