"""
What is known of a connection before its member is chosen, in the form of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from txbalancer.core.request import Peer
from txbalancer.http1.heads import NO_BODY


class Connection:
    """
    A connection as mounts, lbmethods and logs see it: a request with nothing in it but its
    client and the name that it asked for.

    @ivar host: name that the client wants to speak to (SNI), or C{b""}.
    @ivar alpn: protocols that it offers or, where TLS ends here, the one agreed on.
    """

    __slots__ = ("alpn", "host", "peer")

    path = b"/"
    query: bytes | None = None
    version = upgrade = trace = b""
    user: bytes | None = None
    noted: Mapping[bytes, bytes] = MappingProxyType({})
    body = NO_BODY
    expects = False

    def __init__(self, peer: Peer, host: bytes = b"", alpn: tuple[bytes, ...] = ()) -> None:
        self.peer = peer
        self.host = host
        self.alpn = alpn

    @property
    def method(self) -> bytes:
        """
        What is balanced, where requests have a method.
        """
        return b"TCP"

    @property
    def target(self) -> bytes:
        """
        The name that was asked for, or C{-}, for logs.
        """
        return self.host or b"-"

    def header(self, name: bytes) -> bytes | None:
        """
        Return C{None}: there are no headers.
        """
        return None
