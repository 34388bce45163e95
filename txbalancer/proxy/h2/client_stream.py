"""
A stream of a client: the client side of one exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from txbalancer.errors import ClientError, ClientGone, ClientTimeout
from txbalancer.http2.faults import CANCEL, INTERNAL_ERROR
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.request_stream import RequestStream
from txbalancer.proxy.hsts import with_hsts

_LINGER = 5.0
"""Seconds for which a client may still send after its answer."""
_MOST_SKIPPED = 4 * 1024**2
"""Bytes that it may send then."""


class ClientStream(RequestStream):
    """
    What L{Exchange<txbalancer.proxy.exchange.Exchange>} knows as its client's channel.
    """

    __slots__ = ()

    # -- the answer

    def interim(self, start: bytes, lines: list[bytes]) -> None:
        """
        Pass on a 1xx answer.
        """
        if not self.sent_end:
            self.send([b":status: " + start[9:12], *lines], b"", False)
            self.channel.flush()
        if self._receiving and not self.paused:
            self._await_body()

    def respond(
        self,
        start: bytes,
        lines: list[bytes],
        body: int,
        data: bytes,
        done: bool,
        trailers: Sequence[bytes] = (),
    ) -> None:
        """
        Send the head of an answer and what is there of its body.
        """
        if self.sent_end:
            return
        status = start[9:12]
        if self._handshake is not None and status[:1] == b"2":
            # It would mean that the tunnel stands (RFC 8441 5).
            status = b"502"
        if body >= 0:
            lines.append(b"content-length: %d" % body)
        hsts = self.channel.site.hsts
        if hsts:
            with_hsts(lines, hsts, self.peer.secure)
        self.send([b":status: " + status, *lines], data, done, trailers)
        self._wrote()

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the answer's body.
        """
        if not self.sent_end:
            self.send_data(data)
            self._wrote()

    def end_body(self, trailers: Sequence[bytes]) -> None:
        """
        Send the end of the answer's body.
        """
        if not self.sent_end:
            self.send_data(b"", True, trailers)
            self._wrote()

    def _wrote(self) -> None:
        self.channel.flush()
        if self.queued and not self._blocked:
            self._blocked = True
            self._waiting = self.queued
            self._watch(self.channel.site.now() + self.channel.site.spec.write_timeout)
            if self.tunnel is not None:
                self.tunnel.client_blocked()
            elif self.exchange is not None:
                self.exchange.client_blocked()

    def finished(self) -> None:
        """
        The exchange is over: so is the stream, once all of the answer is sent.
        """
        self.exchange = None
        self.consumed(sum(map(len, self._held)))
        self._held.clear()
        if self.tunnel is None and not self.sent_end and not self._blocked:
            # A tunnel that is over ends here.
            self.send_data(b"", True)
        if self.sent_end:
            self._over()
            self.channel.flush()

    def ended_sending(self) -> None:
        """
        The last of the answer went out, perhaps long after the exchange.
        """
        if self.exchange is None:
            self._over()

    def _over(self) -> None:
        if self.received_end or self.number not in self.connection.streams:
            self._rest()
        elif self._receiving and self._body_began != NEVER:
            # Clients that are reset while they send may lose the answer; they get some time.
            self._receiving = False
            self._skippable = _MOST_SKIPPED
            self._watch(self.channel.site.now() + _LINGER)
        else:
            # The rest of the request is not wanted (RFC 9113 8.1).
            self.reset()
            self._rest()

    def abort(self) -> None:
        """
        Reset the stream, so that the client can tell that its answer is not complete.
        """
        self.exchange = None
        if self.number in self.connection.streams:
            self.reset(INTERNAL_ERROR)
        self._rest()
        self.channel.flush()

    def broke_off(self, code: int) -> None:
        """
        The client reset the stream, or broke a rule on it.
        """
        self.lost(ClientGone("the client reset the stream"))

    def lost(self, error: ClientError) -> None:
        """
        The client takes no answer any more.
        """
        exchange, tunnel = self.exchange, self.tunnel
        self.sent_end = True
        self.queued = 0
        self._rest()
        if tunnel is not None:
            tunnel.client_gone()
        elif exchange is not None:
            self.exchange = None
            exchange.client_gone(error)

    # -- a tunnel

    def switch(self, start: bytes, lines: list[bytes]) -> bytes:
        """
        Send the head that says that the tunnel stands.

        @return: what the client sent already.
        """
        rest = b"".join(self._held)
        self._held.clear()
        self.consumed(len(rest))
        handshake, self._handshake = self._handshake, None
        if handshake is None or not handshake.accepts(lines):
            self._break_tunnel()
            return b""
        self.send([b":status: 200", *handshake.answer(lines)], b"", False)
        self._watch(self.deadline)
        self._wrote()
        return rest

    def _break_tunnel(self) -> None:
        self.send([b":status: 502"], b"", True)
        self.channel.flush()
        if self.tunnel is not None:
            self.tunnel.client_gone()

    def half_close(self) -> None:
        """
        Send no more, but go on reading.
        """
        self.end_body(())

    def getPeer(self) -> Any:
        return self.channel.transport.getPeer()

    def getHost(self) -> Any:
        return self.channel.transport.getHost()

    # -- flow and time

    def drained(self) -> None:
        """
        The client took what was waiting.
        """
        self._blocked = False
        self.deadline = NEVER
        if self.tunnel is not None:
            self.tunnel.client_unblocked()
        elif self.exchange is not None:
            self.exchange.client_unblocked()

    def expired(self, now: float) -> None:
        """
        Act on a client that makes no progress on this stream.
        """
        exchange = self.exchange
        self.deadline = NEVER
        if self._skippable:
            self._skip(self._skippable)
        elif self.tunnel is not None:
            self.tunnel.idle()
        elif self._blocked and self._moving():
            self.deadline = now + self.channel.site.spec.write_timeout
        elif self._blocked:
            self.reset(CANCEL)
            self.lost(ClientTimeout("the client does not read its answer"))
            self.channel.flush()
        elif exchange is not None and self._receiving:
            exchange.client_error(ClientTimeout("no more of the request's body in time"))
