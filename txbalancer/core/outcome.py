"""
How an exchange ended: one value that feeds counters, metrics and the access log.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from txbalancer.core.request import Peer, Request


class Response(Protocol):
    """
    The head of an answer, as far as records need it.
    """

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name, C{None} when absent.
        """


class Outcome(NamedTuple):
    """
    Made once for each exchange, whatever ended it.

    @ivar request: the head of the request; C{None} when it never was complete.
    @ivar peer: the client.
    @ivar status: status sent to the client; 0 when none was.
    @ivar reason: C{"ok"}, or the C{reason} of the error that ended it.
    @ivar balancer: name of the balancer; empty when the exchange did not get there.
    @ivar member: name of the member that answered or failed last; empty for none.
    @ivar route: that member's route.
    @ivar attempts: members tried, 0 when none was.
    @ivar route_changed: the session is on a member it did not name (APACHE S30).
    @ivar reused: the answer came over a connection that had carried a request before.
    @ivar tried: (member, reason) of each failed attempt.
    @ivar bytes_in: body bytes from the client; C{bytes_out}: body bytes to it.
    @ivar started: wall-clock time of the request's first byte.
    @ivar duration: seconds to the end of the answer.
    @ivar queue: seconds of waiting for a member or a connection.
    @ivar connect: seconds of connecting, 0 on a reused connection.
    @ivar first_byte: seconds to the first byte of the answer, 0 without one.
    @ivar sticky: the cookie or parameter that held a session, and the route in it.
    @ivar response: the head of the answer, the member's or one made here; C{None} where none came.
    """

    request: Request | None
    peer: Peer
    status: int
    reason: str = "ok"
    balancer: str = ""
    member: str = ""
    route: str = ""
    attempts: int = 0
    route_changed: bool = False
    reused: bool = False
    tried: tuple[tuple[str, str], ...] = ()
    bytes_in: int = 0
    bytes_out: int = 0
    started: float = 0.0
    duration: float = 0.0
    queue: float = 0.0
    connect: float = 0.0
    first_byte: float = 0.0
    sticky: tuple[bytes, bytes] | None = None
    response: Response | None = None

    def response_header(self, name: bytes) -> bytes | None:
        """
        Return a header of the answer by its lower-case name.
        """
        return self.response.header(name) if self.response is not None else None
