"""
A session of datagrams: elect, relay both ways, and perhaps elect again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from txbalancer import errors
from txbalancer.core.balancer import Session
from txbalancer.core.flags import IGNORE_ERRORS
from txbalancer.core.mounts import Mount
from txbalancer.core.passive.tally import UNTIMED
from txbalancer.stream.exchange import RELAYED, StreamExchange, StreamTarget

if TYPE_CHECKING:
    from txbalancer.stream.datagram_channel import DatagramChannel
    from txbalancer.stream.datagram_member import DatagramLink
    from txbalancer.stream.request import Connection

_FORMER = b"former"
"""Why a client has its member: it had it in another process."""

_KEPT = 16
"""Datagrams that are kept for another member, for as long as nothing has answered them."""

_REPLAYED = 1.0
"""Seconds within which the network says that nobody took a datagram. Those that were sent
before may have been taken, and are not sent a second time."""

_DRAINED = 1.0
"""Seconds of silence after which a session is over while the service stops."""


class DatagramExchange(StreamExchange):
    """
    A client's datagrams, and the member that they go to.
    """

    __slots__ = ("_answers", "_asked", "_idle", "_pending", "_responses")

    def __init__(
        self,
        target: StreamTarget,
        channel: DatagramChannel,
        head: Connection,
        mount: Mount,
        path: bytes,
    ) -> None:
        client: Any = channel
        super().__init__(target, client, head, mount, path)
        spec = channel.site.spec
        self._responses = spec.responses
        self._idle = spec.session_timeout
        self._asked = 1
        self._answers = 0
        self.bytes_in = len(channel.first)
        # What no member has answered yet, with when it was sent, if it was.
        self._pending: deque[tuple[float | None, bytes]] = deque([(None, channel.first)], _KEPT)

    def start(self) -> None:
        """
        Go on with the member that the client had in another process, else find one.
        """
        channel: Any = self.channel
        name = channel.expected()
        balancer = self._target.balancer
        former = balancer.named.get(name)
        if former is not None and former.usable:
            self._session = Session(_FORMER, former.route, (former,))
            member = balancer.follow(self._session, self.started)
            if member is not None:
                self._begin(member)
                return
        super().start()

    @property
    def settled(self) -> bool:
        """
        Whether it has an answer, or is over.
        """
        return self._answers > 0 or self.finished

    def connected(self, connection: Any) -> None:
        """
        Take a socket that was made; that says nothing of the member yet.
        """
        self._waits = False
        self._rest()
        self._connect_time += self.runtime.now() - self._since
        self._send(connection)

    # -- datagrams

    def request_data(self, data: bytes) -> None:
        """
        Pass on a datagram of the client's.
        """
        self.bytes_in += len(data)
        self._asked += 1
        link: Any = self._connection
        if link is None:
            self._pending.append((None, data))
            return
        member = self.member
        assert member is not None
        if not member.usable:
            self._pending.append((None, data))
            self._leave_member()
            self._again()
            return
        now = self.runtime.now()
        self._pending.append((now, data))
        member.transferred += len(data)
        link.deadline = now + self._patience()
        link.send(data)

    def _send(self, connection: Any) -> None:
        """
        Relay from here on, what has come before first.
        """
        member = self.member
        assert member is not None
        link: DatagramLink = connection
        self._connection = connection
        self.status = RELAYED
        now = self.runtime.now()
        self._target.balancer.settle(self.head, member, now)
        link.exchange = self
        link.deadline = now + self._patience()
        waiting = [data for _, data in self._pending]
        self._pending = deque([(now, data) for data in waiting], _KEPT)
        for data in waiting:
            if self._connection is not connection:
                return
            member.transferred += len(data)
            link.send(data)

    def from_member(self, data: bytes) -> None:
        """
        Pass on a datagram of the member's.
        """
        now = self.runtime.now()
        member = self.member
        assert member is not None
        if not self._answers:
            self._first_byte = now - self.started
            self._target.balancer.connected(member)
            if self._target.balancer.watched:
                took = self._first_byte if self.attempts == 1 else UNTIMED
                self._target.balancer.answered(member, self.status, took, now)
        self._answers += 1
        self._pending.clear()
        self.bytes_out += len(data)
        member.read += len(data)
        channel: Any = self.channel
        channel.respond(data)
        if self._responses and not self._outstanding():
            self._end()
        else:
            link: Any = self._connection
            link.deadline = now + self._patience()

    # -- time

    def _outstanding(self) -> int:
        return (self._responses or 0) * self._asked - self._answers

    def _patience(self) -> float:
        """
        Return how long the member may be silent now.
        """
        member = self.member
        assert member is not None
        if self._outstanding() > 0:
            return member.spec.timeout
        return min(self._idle, member.spec.tunneltimeout)

    def silent(self) -> None:
        """
        Nobody said anything for as long as that may be.
        """
        if self._outstanding() <= 0 or not self._pending:
            self._end()
            return
        member = self.member
        assert member is not None
        error = errors.ResponseTimeout(f"{member.name}: no answer in {member.spec.timeout:g} s")
        if not self._answers:
            self.status = error.status
        self._break(error)

    def drain(self) -> None:
        """
        End with the last answer that is to be expected, or after a short silence.
        """
        self._idle = min(self._idle, _DRAINED)
        link: Any = self._connection
        if link is not None and self._outstanding() <= 0:
            link.deadline = min(link.deadline, self.runtime.now() + self._idle)

    # -- failures

    def refused(self, error: errors.Refused) -> None:
        """
        The member is not there. What it has not answered goes to another one: within this
        session if that has not heard anything yet, and else in a new one.
        """
        oldest = self.runtime.now() - _REPLAYED
        waiting = [each for each in self._pending if each[0] is None or each[0] >= oldest]
        self._pending = deque(waiting, _KEPT)
        if not self._answers and waiting:
            self.attempt_failed(error)
            return
        channel: Any = self.channel
        self._break(error)
        for _, data in waiting:
            channel.again(data)

    def attempt_failed(self, error: errors.BalancerError, untouched: bool = True) -> None:
        """
        The member could not be reached: try another, or give up.
        """
        member, balancer = self.member, self._target.balancer
        assert member is not None
        self._blame(error)
        self._error = error
        most = 0 if member.flags & IGNORE_ERRORS else balancer.maxattempts
        budget = balancer.budget
        if self.attempts > most:
            self._lose(error)
        elif budget is None:
            self._again()
        elif budget.affords(balancer.in_flight):
            budget.take(self)
            self._again()
        else:
            self._lose(balancer.denied(error))

    def _blame(self, error: errors.BalancerError) -> None:
        member = self.member
        assert member is not None
        self._leave_member()
        self._target.balancer.failed(member, error, self.runtime.now(), False)
        self._tried += ((member, error.reason),)

    def _break(self, error: errors.MemberError) -> None:
        """
        End for a failure of the member's that no other one can make good.
        """
        self._blame(error)
        self._target.balancer.lost(error, self.runtime.now())
        self._complete(error.reason)

    def _end(self) -> None:
        self._leave_member()
        self._complete()
