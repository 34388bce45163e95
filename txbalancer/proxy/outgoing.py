"""
How connections to members open, whatever they speak.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from txbalancer.errors import ConnectFailed, ConnectTimeout, TLSFailed
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.link import Link

if TYPE_CHECKING:
    from txbalancer.proxy.pool import MemberPool


def _silent(timeout: int) -> bool:
    return False


class Outgoing(Link):
    """
    A connection to a member.

    @ivar pool: the pool that it belongs to.
    @ivar opening: what opened the connection; the pool knows by it who waits.
    """

    __slots__ = ("_poll", "opening", "pool")

    pool: MemberPool

    def __init__(self, pool: MemberPool, opening: Any) -> None:
        self.pool = pool
        self.opening = opening
        self.transport: Any = None
        self.deadline = NEVER
        self._progress = -1
        self._poll: Callable[[int], Any] | None = None

    def makeConnection(self, transport: Any) -> None:
        """
        Take the transport; a TLS connection is ready only after its handshake.
        """
        self.transport = transport
        transport.registerProducer(self, True)
        self.pool.runtime.deadlines.add(self)
        if self.pool.secure:
            self.deadline = self.pool.now() + self.pool.spec.connectiontimeout
        else:
            self._ready()

    def _ready(self) -> None:
        """
        Offer the connection for use.
        """
        raise NotImplementedError

    def _prepare(self) -> None:
        """
        Set up what is the same for all, now that the connection can be used.
        """
        spec = self.pool.spec
        if not spec.socket and hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(spec.keepalive)
        self.deadline = NEVER

    def _poller(self) -> Callable[[int], Any]:
        """
        Make what tells whether something came since the reactor's last look.

        Under TLS records may come that are not for us, so there it is not asked.
        """
        self._poll = _silent
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket) and hasattr(select, "poll"):
            poller = select.poll()
            poller.register(handle.fileno(), select.POLLIN)
            self._poll = poller.poll
        return self._poll

    def expired(self, now: float) -> None:
        """
        Act on the member's silence.
        """
        raise NotImplementedError

    @property
    def secure(self) -> bool:
        """
        Whether the member is under TLS.
        """
        return self.pool.secure

    def _handshake_failed(self, text: str) -> None:
        self._opening_failed(TLSFailed(f"{self.pool.spec.url}: TLS: {text}"))

    def _handshake_timed_out(self) -> None:
        spec = self.pool.spec
        text = f"{spec.url}: no TLS handshake in {spec.connectiontimeout:g} s"
        self._opening_failed(ConnectTimeout(text))

    def _opening_failed(self, error: ConnectFailed) -> None:
        self.transport.unregisterProducer()
        self.transport.abortConnection()
        self.pool.opening_failed(self.opening, error)
