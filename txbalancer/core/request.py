"""
What the domain may see of a request, whatever protocol carried it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Protocol

_NOT_YET = (None, b"", b"")
_NO_FACTS: Mapping[str, bytes] = MappingProxyType({})


class Peer:
    """
    The client's end of a connection: one per connection, shared by its requests.

    @ivar client: the client's address without its port.
    @ivar local: the address that the client connected to; C{None} until somebody asks for it.
    @ivar port: the client's port, 0 when there is none (unix sockets).
    @ivar listener: name of the listener it came through.
    @ivar secure: whether the connection is under TLS.
    @ivar server_name: own name of the listener, for Via and X-Forwarded-Server.
    @ivar logged: free for the access log: what it says of the client.
    @ivar through: address of the proxy that told of the client, empty for a unix socket;
        C{None} where the client came itself.
    @ivar facts: what that proxy told beside addresses, by name.
    @ivar tls: returns what is known of the client's TLS, by its name in
        L{tlsnames<txbalancer.core.tlsnames>}; C{None} where TLS does not end here.
    @ivar companions: connections to members that are this client's alone, and end with it;
        C{None} where nobody ends them.
    @ivar told: what members are told of the client in other protocols than HTTP, by protocol;
        made and kept by who speaks them, C{None} before.
    @ivar forwarded: header lines that say so to members; made and kept by
        L{request_lines<txbalancer.core.headers.request_lines>}.
    """

    __slots__ = (
        "client",
        "companions",
        "facts",
        "forwarded",
        "listener",
        "local",
        "logged",
        "port",
        "secure",
        "server_name",
        "through",
        "tls",
        "told",
    )

    def __init__(
        self,
        client: str,
        port: int = 0,
        listener: str = "",
        secure: bool = False,
        server_name: bytes = b"localhost",
    ) -> None:
        self.client = client
        self.port = port
        self.local: str | None = None
        self.listener = listener
        self.secure = secure
        self.server_name = server_name
        self.logged = b""
        self.through: str | None = None
        self.tls: Callable[[str], bytes | None] | None = None
        self.facts: Mapping[str, bytes] = _NO_FACTS
        self.companions: Collection[Any] | None = None
        self.told: dict[str, Any] | None = None
        self.forwarded: tuple[object, bytes, bytes] = _NOT_YET

    def behind(self, client: str, port: int, secure: bool) -> Peer:
        """
        Return a client of whom this one, a proxy, tells.
        """
        made = Peer(client, port, self.listener, secure, self.server_name)
        made.local, made.facts, made.tls = self.local, self.facts, self.tls
        made.through = self.client
        return made


class Request(Protocol):
    """
    The head of a request, read-only for the domain.

    @ivar method: the method as sent, for example C{b"GET"}.
    @ivar path: the path of the target as sent, without the query; starts with C{/}, or is C{*}.
    @ivar query: what follows the first C{?}, or C{None} when there is none.
    @ivar host: the request's authority (of an absolute target, else of Host), or C{b""}.
    """

    method: bytes
    path: bytes
    query: bytes | None
    host: bytes
    peer: Peer

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name; repeated ones are joined by C{", "}
        (Cookie by C{"; "}), C{None} when absent.
        """
