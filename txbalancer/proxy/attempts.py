"""
The way of a request to a member: elect, begin, forward, and perhaps again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer import errors
from txbalancer.core import retry
from txbalancer.core.balancer import Session
from txbalancer.core.flags import IGNORE_ERRORS
from txbalancer.core.headers import request_lines
from txbalancer.core.member import Member
from txbalancer.core.mounts import Mount
from txbalancer.core.upgrade import may_upgrade
from txbalancer.http1.heads import NO_BODY, RequestHead
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.local import page, start_line
from txbalancer.proxy.served import Served

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.member_connection import MemberConnection
    from txbalancer.proxy.resource import MountedBalancer

_REPLAYED = 65536
"""Bytes of a request's body that are kept for another attempt; Apache keeps 16384 (F3)."""


class Attempts(Served):
    """
    Finds a member for a request and gets the request there, in as many attempts as it takes.

    @ivar member: the member of the current attempt, or of the last one.
    @ivar upgrade: protocol offered to the member, or C{b""}.
    @ivar deadline: when waiting, for a connection or for any member, has been too long.
    """

    __slots__ = (
        "_answered",
        "_charged",
        "_connect_time",
        "_connection",
        "_error",
        "_first_byte",
        "_kept",
        "_kept_size",
        "_mount",
        "_mounted",
        "_path",
        "_queue_time",
        "_request_done",
        "_reused",
        "_session",
        "_since",
        "_target",
        "_trailers",
        "_tried",
        "_waits",
        "attempts",
        "deadline",
        "member",
        "upgrade",
    )

    def __init__(
        self,
        mounted: MountedBalancer,
        channel: ClientChannel,
        head: RequestHead,
        mount: Mount,
        path: bytes,
    ) -> None:
        target = mounted.resource
        runtime = self.runtime = target.runtime
        self.channel = channel
        self.head = head
        self.started = runtime.now()
        self.status = self.bytes_in = self.bytes_out = 0
        self.reason = "ok"
        self.answer = None
        self.finished = False
        channel.exchange = self
        self._mounted = mounted
        self._target = target
        self._mount = mount
        self._path = path
        self.member: Member | None = None
        self._connection: MemberConnection | None = None
        self._error: errors.BalancerError | None = None
        self._session: Session | None = None
        self._tried: tuple[tuple[Member, str], ...] = ()
        self._request_done = done = head.body == NO_BODY or head.body == 0
        self._kept: list[bytes] | None = None if done else []
        self._trailers: list[bytes] = []
        self.attempts = self._kept_size = 0
        self._answered = self._reused = self._waits = self._charged = False
        self.upgrade = b""
        self.deadline = NEVER
        self._since = self._queue_time = self._connect_time = self._first_byte = 0.0

    # -- sticky, elect

    def start(self) -> None:
        """
        Find the first member and begin with it.
        """
        balancer = self._target.balancer
        now = self.started
        member = None
        session = balancer.session(self.head) if balancer.sticky else None
        if session is not None:
            self._session = session
            try:
                member = balancer.follow(session, now)
            except errors.SessionRefused as error:
                self._fail(error)
                return
        if member is None:
            member = balancer.elect(now, self.head)
            if member is None:
                self._since = now
                self._target.wait(self)
                return
        self._begin(member)

    def _again(self) -> None:
        """
        Elect another member after a failed attempt.
        """
        balancer = self._target.balancer
        now = self.runtime.now()
        tried = [member for member, _ in self._tried]
        try:
            member = None
            if self._session is not None:
                member = balancer.follow(self._session, now, tried)
            if member is None:
                # Alone, a member may be asked again, but not made to be silent twice.
                again = not isinstance(self._error, errors.ResponseTimeout)
                member = balancer.elect(now, self.head, tried, allow_tried=again)
        except errors.SessionRefused as error:
            self._fail(error)
            return
        if member is None:
            self._since = now
            self._target.wait(self)
        else:
            self._begin(member)

    def elected(self, member: Member) -> None:
        """
        Go on with a member that became available while this exchange waited for any.
        """
        self._rest()
        self._queue_time += self.runtime.now() - self._since
        self._begin(member)

    def no_member(self) -> None:
        """
        Give up: no member became available in time, or none beside those that failed.
        """
        self._rest()
        name = self._target.balancer.spec.name
        self._fail(self._error or errors.NoMemberAvailable(f"{name}: no member is available"))

    # -- begin, forward

    def _begin(self, member: Member) -> None:
        self.member = member
        self._charged = True
        self.attempts += 1
        connection = member.pool.take()
        if connection is None:
            self._open(member)
        else:
            self._reused = True
            self._send(connection)

    def _open(self, member: Member) -> None:
        self._waits = True
        self._reused = False
        self._since = self.runtime.now()
        member.pool.acquire(self)

    def connected(self, connection: MemberConnection) -> None:
        """
        Take a connection that was opened, or came free, for this exchange.
        """
        self._waits = False
        self._rest()
        waited = self.runtime.now() - self._since
        self._reused = connection.reused
        if connection.reused:
            self._queue_time += waited
        else:
            self._connect_time += waited
            assert self.member is not None
            self._target.balancer.connected(self.member)
        self._send(connection)

    def wait_until(self, deadline: float) -> None:
        """
        Wait in a queue, at most until C{deadline}.
        """
        self._rest()
        if deadline != NEVER:
            self.deadline = deadline
            self.runtime.deadlines.add(self)

    def _send(self, connection: MemberConnection) -> None:
        self._connection = connection
        head = self.head
        member = self.member
        assert member is not None
        pool = member.pool
        target = pool.base + self._path if head.path != b"*" else head.path
        if head.query is not None:
            target = target + b"?" + head.query
        lines = request_lines(
            head.lines,
            head.noted,
            self._mounted.rules,
            head.peer,
            head.host,
            pool.host,
            b"1.1" if head.minor else b"1.0",
        )
        if head.upgrade:
            # An earlier member's offer does not hold for this one.
            self.upgrade = b""
            if may_upgrade(head.upgrade, member.spec.upgrade):
                self.upgrade = head.upgrade
                lines += (b"Connection: Upgrade", b"Upgrade: " + head.upgrade)
        done = self._request_done
        expects = head.expects and not done
        if expects:
            lines.append(b"Expect: 100-continue")
        exchange: Any = self
        member.transferred += self.bytes_in + connection.begin(
            exchange, head.method, target, lines, head.body, expects
        )
        kept = self._kept
        if done and kept is None:
            return
        if kept:
            for piece in kept:
                connection.write_body(piece)
            if self._kept_size > _REPLAYED:
                self._kept = None
        if done and kept is not None:
            connection.end_body(self._trailers)
        if self.channel.paused and not connection.stuck and not self._request_done:
            self.channel.resume()

    def request_data(self, data: bytes) -> None:
        """
        Pass on a piece of the request's body, and keep a little for another attempt.
        """
        self.bytes_in += len(data)
        limit = self._mount.spec.max_body
        if limit and self.bytes_in > limit:
            self.client_error(errors.BodyTooLarge(f"a body over {limit} bytes"))
            return
        connection = self._connection
        kept = self._kept
        if kept is not None:
            kept.append(data)
            self._kept_size += len(data)
            if self._kept_size > _REPLAYED:
                if connection is not None:
                    self._kept = None
                elif not self.channel.paused:
                    self.channel.pause()
        if connection is not None:
            assert self.member is not None
            self.member.transferred += len(data)
            connection.write_body(data)

    # -- retry

    def request_end(self, trailers: list[bytes]) -> None:
        """
        Pass on the end of the request's body.
        """
        self._request_done = True
        self._trailers = trailers
        if self._connection is not None:
            self._connection.end_body(trailers)

    def attempt_failed(self, error: errors.BalancerError, untouched: bool = True) -> None:
        """
        An attempt ended before the head of an answer: blame, and try again or give up.

        @param untouched: the member has said nothing at all.
        """
        member = self.member
        assert member is not None
        sent = self._connection is not None
        balancer = self._target.balancer
        now = self.runtime.now()
        decision = retry.decide(
            error,
            method=self.head.method,
            sent=sent,
            replayable=self._kept is not None or self.head.body in (NO_BODY, 0),
            answered=self._answered,
            reused=self._reused and untouched,
            attempts=self.attempts,
            # A member that ignores errors keeps its requests, failed or not (APACHE F2, S26).
            maxattempts=0 if member.flags & IGNORE_ERRORS else balancer.maxattempts,
            client_there=not self.finished,
        )
        if decision is retry.Decision.FRESH:
            self._connection = None
            self._open(member)
            return
        self._leave_member()
        balancer.failed(member, error, now, self._reused and untouched)
        if isinstance(error, errors.ResponseTimeout) and balancer.spec.failontimeout:
            balancer.force_error(member, error.reason, now)
        self._tried += ((member, error.reason),)
        self._error = error
        if decision is retry.Decision.ELSEWHERE:
            self._again()
        else:
            self._fail(error)

    def expired(self, now: float) -> None:
        """
        Waiting has been too long.
        """
        self._rest()
        if self._waits and self.member is not None:
            pool = self.member.pool
            pool.cancel(self)
            self._queue_time += now - self._since
            self.attempt_failed(pool.queue_timeout())
        else:
            self._queue_time += now - self._since
            self.no_member()

    # -- the end of an attempt, or of all

    def _leave_member(self) -> None:
        """
        End the current attempt, whatever its state.
        """
        connection, member = self._connection, self.member
        self._connection = None
        if self._waits and member is not None:
            member.pool.cancel(self)
            self._waits = False
        self._rest()
        if connection is not None:
            connection.close()
        self._release()

    def _release(self) -> None:
        if self._charged and self.member is not None:
            self._charged = False
            self._target.balancer.release(self.member)

    def _rest(self) -> None:
        """
        Wait no more, in whatever queue.
        """
        if self.deadline != NEVER:
            self.deadline = NEVER
            self.runtime.deadlines.discard(self)
            self._target.forget(self)

    def _fail(self, error: errors.BalancerError) -> None:
        """
        Answer that it did not work.
        """
        self.status = error.status
        lines, body = page(
            self.head,
            error.status,
            error.reason,
            self._target.explain(error),
            self.runtime.date_line(),
        )
        if error.status == 503:
            lines.append(b"Retry-After: %d" % self._target.retry_after())
        sent = b"" if self.head.method == b"HEAD" else body
        self.bytes_out = len(sent)
        self._target.log_failure(self, error)
        self.channel.respond(start_line(error.status), lines, len(body), sent, True)
        self._complete(error.reason)

    def _complete(self, reason: str = "ok") -> None:
        if self.finished:
            return
        self._release()
        self.finish(reason)
        self.channel.finished()
