"""
A connection of a probe that knows when it is ready: at once, or after the handshake of TLS.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txbalancer.core.dialog import Matcher
from txbalancer.probes.line import Line

MOST_BYTES = 65536
"""Bytes of a member's words that are kept to find something in them."""


class TooMuch(Exception):
    """
    A member says more than is read, and not what was waited for.
    """


@implementer(IHandshakeListener)
class Talk(Protocol):
    """
    Says something once the connection is ready, and waits for an answer.

    @ivar done: fires with what the member said, or fails.
    """

    def __init__(self, line: Line, secure: bool, says: bytes, waits_for: Matcher | None) -> None:
        """
        @param secure: whether it goes through TLS.
        @param waits_for: what the member has to say; C{None} if a connection is enough.
        """
        self.done: Deferred[bytes] = Deferred()
        self._line, self._secure = line, secure
        self._says, self._waits_for = says, waits_for
        self._said = b""

    def opened(self) -> None:
        """
        Begin, where there is no TLS.
        """
        if not self._secure:
            self._begin()

    def handshakeCompleted(self) -> None:
        """
        Begin, now that TLS is agreed on.
        """
        self._line.secured(self.transport)
        self._begin()

    def _begin(self) -> None:
        if self._waits_for is None:
            self.done.callback(b"")
            return
        if self._says:
            self._line.sent(self._says)
            transport: Any = self.transport
            transport.write(self._says)

    def dataReceived(self, data: bytes) -> None:
        """
        Look whether that was it.
        """
        if self.done.called or self._waits_for is None:
            return
        self._line.received(data)
        self._said += data
        if self._waits_for(self._said):
            self.done.callback(self._said)
        elif len(self._said) > MOST_BYTES:
            self.done.errback(TooMuch())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The member hung up before it had said what was waited for.
        """
        if not self.done.called:
            self.done.errback(reason)


class Talks(Factory):
    """
    Hands out one protocol, and does not log each connection, of which a check makes a new one.
    """

    noisy = False

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def buildProtocol(self, address: Any) -> Talk:
        """
        Return the protocol.
        """
        return self._talk


def talking(line: Line, talk: Talk) -> Deferred[bytes]:
    """
    Connect, talk, and hang up whatever comes of it. Cancelling it hangs up, too.
    """

    def finish(result: Any) -> Any:
        line.hang_up()
        return result

    connecting: Deferred[Any] = line.connect(Talks(talk))

    def connected(_: Any) -> Deferred[bytes]:
        talk.opened()
        return talk.done

    connecting.addCallback(connected)
    return connecting.addBoth(finish)
