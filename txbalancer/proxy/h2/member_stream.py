"""
A stream to a member: the member side of one exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.errors import PingTimeout, ResponseTimeout
from txbalancer.http1.heads import NO_BODY, ResponseHead
from txbalancer.http2.faults import CANCEL
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.h2.answer_stream import AnswerStream
from txbalancer.proxy.h2.websocket import accept_line, is_key
from txbalancer.proxy.pressure import block, unblock

if TYPE_CHECKING:
    from txbalancer.proxy.exchange import Exchange
    from txbalancer.proxy.h2.member_connection import H2MemberConnection
    from txbalancer.proxy.manner import Manner


class MemberStream(AnswerStream):
    """
    What L{Exchange<txbalancer.proxy.exchange.Exchange>} knows as its connection to a member.

    @ivar keep: whether the rest of an unwanted answer is worth reading: a stream costs nothing.
    @ivar asks: whether the body waits for the member to answer a ping.
    @ivar stuck: whether the member does not take what is sent.
    """

    carries_client = False
    continues = True
    keep = False
    last = False

    __slots__ = ("_held_back", "_held_end", "_tunnels", "asks", "stuck")

    def __init__(self, link: H2MemberConnection, reused: bool) -> None:
        super().__init__(link, reused)
        self.asks = self.stuck = self._tunnels = False
        self._held_back: list[bytes] = []
        self._held_end: list[bytes] | None = None

    # -- the request

    def begin(
        self,
        exchange: Exchange,
        method: bytes,
        target: bytes,
        lines: list[bytes],
        body: int,
        expects: bool,
        manner: Manner | None,
    ) -> int:
        """
        Send the head of a request; see L{MemberLink<txbalancer.proxy.member_link.MemberLink>}.
        """
        self.exchange = exchange
        self._method = method
        authority = lines[0][6:]
        lines[0] = b":authority: " + authority
        lines[:0] = [b":method: " + method, self.link.scheme_line, b":path: " + target]
        if exchange.upgrade:
            self._tunnels = self.connection.extended and exchange.upgrade == b"websocket"
            if self._tunnels:
                lines[0] = b":method: CONNECT"
                lines[4:] = [each for each in lines[4:] if not is_key(each)]
                lines.insert(4, b":protocol: websocket")
        if body >= 0:
            lines.append(b"content-length: %d" % body)
        if b"trailers" in exchange.head.noted.get(b"te", b""):
            lines.append(b"te: trailers")
        if not expects and b"Expect: 100-continue" in lines:
            # To see whether the member is there a ping does better.
            lines.remove(b"Expect: 100-continue")
        self.request_sent = sent = body in (NO_BODY, 0)
        self.pool.runtime.deadlines.add(self)
        self.deadline = self.pool.now() + self.pool.timeout if sent or expects else NEVER
        self.link.begun()
        self.send(lines, b"", sent and not self._tunnels)
        self.link.flush()
        return sum(map(len, lines))

    def ask(self) -> None:
        """
        Hold back the body of the request just begun until the member answers a ping.
        """
        self.asks = True
        self.deadline = self.pool.now() + self.pool.spec.ping
        self.link.ask(self)

    def answered(self) -> None:
        """
        The member is there: send what was held back.
        """
        if not self.asks:
            return
        self.asks = False
        self.deadline = NEVER
        held, end = self._held_back, self._held_end
        self._held_back, self._held_end = [], None
        for piece in held:
            self.write_body(piece)
        if end is not None:
            self.end_body(end)
        if self.exchange is not None:
            self.exchange.asked()

    def write_body(self, data: bytes) -> None:
        """
        Send a piece of the request's body.
        """
        if self.asks:
            self._held_back.append(data)
        elif not self.sent_end:
            if not self.stuck:
                self.deadline = NEVER
            self.send_data(data)
            self._wrote()

    def end_body(self, trailers: list[bytes]) -> None:
        """
        Send the end of the request's body; from now on the member's silence counts.
        """
        if self.asks:
            self._held_end = trailers
            return
        self.request_sent = True
        if not self.sent_end:
            self.send_data(b"", True, trailers)
            self._wrote()
        if not self.paused and self.tunnel is None:
            self.deadline = self.pool.now() + self.pool.timeout

    def sink(self) -> None:
        """
        Nothing goes to the member as it is: there are frames around it.
        """

    def _wrote(self) -> None:
        self.link.flush()
        if self.queued and not self.stuck:
            self._waiting = self.queued
            block(self)

    def drained(self) -> None:
        """
        The member took what was waiting.
        """
        unblock(self)

    # -- the answer

    def finish(self) -> None:
        """
        The answer is complete: what is left of the request is not wanted.
        """
        if self.number in self.connection.streams:
            self.reset(CANCEL)
        self.let_go()

    def _take_head(self, head: ResponseHead, ended: bool) -> None:
        if self._tunnels and 200 <= head.status < 300:
            self._stand(head)
        else:
            super()._take_head(head, ended)

    def _stand(self, head: ResponseHead) -> None:
        """
        A tunnel stands: tell the exchange so in the words of HTTP/1.1.
        """
        exchange = self.exchange
        assert exchange is not None
        self._begun = True
        self.deadline = NEVER
        head.start, head.status = b"HTTP/1.1 101 Switching Protocols", 101
        head.noted[b"upgrade"] = b"websocket"
        head.lines += accept_line(exchange.head)
        link: Any = self
        exchange.switched(head, link, b"")

    def close(self, polite: bool = False) -> None:
        """
        Give up what is still under way.
        """
        if self.number in self.connection.streams:
            self.reset(CANCEL)
        self.let_go()
        self.link.flush()

    def let_go(self) -> None:
        """
        Have nothing to do with the exchange any more.
        """
        self.deadline = NEVER
        self.pool.runtime.deadlines.discard(self)
        self.exchange = self.tunnel = None
        if self._held:
            # Nobody takes it any more, and the connection's window is everybody's.
            self.connection.consumed(sum(map(len, self._held)))
            self._held.clear()
            self.link.flush()
        self._answer = None
        self.sent_end = True
        self.queued = 0
        self.link.freed()

    # -- a tunnel

    def half_close(self) -> None:
        """
        Send no more, but go on reading.
        """
        if not self.sent_end:
            self.send_data(b"", True)
            self._wrote()

    # -- flow and time

    def pause(self) -> None:
        """
        Hold what comes: the client does not keep up.
        """
        self.paused = True
        self.deadline = NEVER

    def resume(self) -> None:
        """
        Go on with the answer.
        """
        self.paused = False
        if self.exchange is not None and self.tunnel is None and self.request_sent:
            self.deadline = self.pool.now() + self.pool.timeout
        self._deliver()
        self.link.flush()

    def expired(self, now: float) -> None:
        """
        Act on the member's silence.
        """
        spec = self.pool.spec
        if self.stuck and self._moving():
            self.deadline = now + spec.timeout
            return
        self.deadline = NEVER
        if self.number in self.connection.streams:
            self.reset(CANCEL)
        self.link.flush()
        if self.asks:
            self.lost(PingTimeout(f"{spec.url}: silent for {spec.ping:g} s (ping)"))
        elif self._begun:
            self.lost(ResponseTimeout("no more of the answer in time"))
        else:
            exchange = self.exchange
            self.let_go()
            if exchange is not None:
                text = f"no answer within {spec.timeout:g} s"
                exchange.attempt_failed(ResponseTimeout(text), untouched=False)
