"""
The way of a request to a member: elect, begin, forward, and perhaps again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer import errors
from txbalancer.core import retry
from txbalancer.core.balancer import Session
from txbalancer.core.flags import IGNORE_ERRORS
from txbalancer.core.member import Member
from txbalancer.core.mounts import Mount
from txbalancer.core.variables import Choice, Facts
from txbalancer.http1.heads import NO_BODY, RequestHead
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.local import page, start_line
from txbalancer.proxy.queueing import Queueing

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.member_link import MemberLink
    from txbalancer.proxy.mounted import MountedBalancer


class Attempts(Queueing):
    """
    Finds a member for a request and gets the request there, in as many attempts as it takes.
    """

    __slots__ = (
        "_answered",
        "_charged",
        "_error",
        "_first_byte",
        "_reused",
        "_waits",
        "attempts",
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
        self.member = None
        self._connection = None
        self._error: errors.BalancerError | None = None
        self._session: Session | None = None
        self._tried: tuple[tuple[Member, str], ...] = ()
        self._request_done = done = head.body == NO_BODY or head.body == 0
        self._kept = None if done else []
        self._trailers = []
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
        session = balancer.session(self.head, now) if balancer.sticky else None
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
        self._lose(self._error or errors.NoMemberAvailable("no member is available"))

    # -- begin

    def _begin(self, member: Member) -> None:
        self.member = member
        self._charged = True
        self.attempts += 1
        connection = member.pool.take()
        if connection is None:
            self._open(member)
        else:
            self._reused = True
            try:
                self._send(connection)
            except errors.ClientError as error:
                self.client_error(error)

    def _open(self, member: Member) -> None:
        self._waits = True
        self._reused = False
        self._since = self.runtime.now()
        member.pool.acquire(self)

    def connected(self, connection: MemberLink) -> None:
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
        try:
            self._send(connection)
        except errors.ClientError as error:
            self.client_error(error)

    # -- retry

    def attempt_failed(self, error: errors.BalancerError, untouched: bool = True) -> None:
        """
        An attempt ended before the head of an answer: blame, and try again or give up.

        @param untouched: the member has said nothing at all.
        """
        member = self.member
        assert member is not None
        connection = self._connection
        # Of a request that waits for the member's go-ahead there is nothing to be undone.
        sent = connection is not None and not connection.asks
        balancer = self._target.balancer
        budget = balancer.budget
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
            affordable=budget is None or budget.affords(balancer.in_flight),
        )
        if decision is retry.Decision.FRESH:
            self._connection = None
            self._open(member)
            return
        self._leave_member()
        self._target.log_fault(member, error)
        balancer.failed(member, error, now, self._reused and untouched)
        if isinstance(error, errors.ResponseTimeout) and balancer.spec.failontimeout:
            balancer.force_error(member, error.reason, now)
        self._tried += ((member, error.reason),)
        self._error = error
        if decision is retry.Decision.ELSEWHERE:
            if budget is not None:
                budget.take(self)
            self._again()
        else:
            self._lose(balancer.denied(error) if decision is retry.Decision.DENIED else error)

    def _lose(self, error: errors.BalancerError) -> None:
        """
        Give up for the fault of members.
        """
        self._target.balancer.lost(error, self.runtime.now())
        self._fail(error)

    @property
    def settled(self) -> bool:
        """
        Whether no further attempt can follow.
        """
        return self._answered or self.finished

    def expired(self, now: float) -> None:
        """
        Waiting has been too long.
        """
        if self._waits and self.member is not None:
            self.attempt_failed(self.member.pool.queue_timeout())
        else:
            self._note_wait(queued=True)
            self.no_member()

    # -- the end of an attempt, or of all

    def _leave_member(self) -> None:
        """
        End the current attempt, whatever its state.
        """
        connection, member = self._connection, self.member
        self._connection = None
        if self._waits and member is not None:
            self._note_wait(member.pool.cancel(self))
            self._waits = False
        elif self.deadline != NEVER:
            self._note_wait(queued=True)
        self._rest()
        if connection is not None:
            connection.close()
        self._release()

    def _release(self) -> None:
        if self._charged and self.member is not None:
            self._charged = False
            self._target.balancer.release(self.member)

    def _fail(self, error: errors.BalancerError) -> None:
        """
        Answer that it did not work.
        """
        self.status = error.status
        if isinstance(error, errors.MemberError) and error.status in self._mounted.failonstatus:
            # Whoever made the status, it is the final one of this member's (APACHE F20).
            assert self.member is not None
            text = f"answered {error.status}: {error.reason}"
            self._target.balancer.force_error(self.member, text, self.runtime.now())
        lines: list[bytes] = []
        if error.status == 503:
            session = self._session if isinstance(error, errors.SessionRefused) else None
            only = () if session is None else session.members
            lines.append(b"Retry-After: %d" % self._target.retry_after(only))
        self._target.log_failure(self, error)
        self._send_page(start_line(error.status), error.reason, self._target.explain(error), lines)
        self._complete(error.reason)

    def _send_page(self, start: bytes, reason: str, text: str, more: list[bytes]) -> None:
        """
        Answer with a page of our own.

        @param more: further header lines.
        """
        mounted = self._mounted
        date = self.runtime.date_line()
        lines, body = page(self.head, self.status, reason, text, date)
        lines += more
        if mounted.editor is not None:
            lines = mounted.editor.edit(lines, self.facts(), False)
        sent = b"" if self.head.method == b"HEAD" else body
        self.bytes_out = len(sent)
        self.channel.respond(start, lines, len(body), sent, True)

    def facts(self) -> Facts:
        """
        Return what variables of header edits are read from.
        """
        head, runtime = self.head, self.runtime
        elapsed = runtime.now() - self.started
        name = self._mounted.rules.server_name or head.peer.server_name
        return Facts(head, name, runtime.wall() - elapsed, elapsed, self._choice())

    def _choice(self) -> Choice:
        member, session = self.member, self._session
        balancer = self._target.balancer
        if member is None:
            return Choice(balancer.spec.name)
        return Choice(
            balancer.spec.name,
            member.name,
            member.route.decode(),
            None if session is None else (session.name, session.route),
            self._route_changed(member),
        )

    @property
    def session_route(self) -> bytes:
        """
        The route in the session, C{b""} without one.
        """
        return self._session.route if self._session is not None else b""

    def _route_changed(self, member: Member) -> bool:
        """
        Tell whether the session is on a member that it did not name (APACHE S30).
        """
        session = self._session
        return self._target.balancer.sticky and (session is None or member not in session.members)

    def _complete(self, reason: str = "ok") -> None:
        if self.finished:
            return
        self._release()
        self.finish(reason)
        self.channel.finished()
