"""
One request to a balancer and its answer: elect, try, perhaps try again, pass on.

The exchange decides nothing that C{core} can decide, and knows neither parser nor
socket: it drives a client side (L{ClientChannel}) and a member side
(L{MemberLink}), which call it back with what their peers do. The phases before
the response are in L{attempts}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from txbalancer import errors
from txbalancer.core.headers import response_lines
from txbalancer.core.member import Member
from txbalancer.core.outcome import Outcome
from txbalancer.core.passive.tally import UNTIMED
from txbalancer.http1.heads import NO_BODY, ResponseHead
from txbalancer.proxy.attempts import Attempts
from txbalancer.proxy.drain import Drain
from txbalancer.proxy.tunnel import Tunnel

if TYPE_CHECKING:
    from txbalancer.proxy.member_link import MemberLink

_BODILESS = (NO_BODY, 0)


class Exchange(Attempts):
    """
    One client request and its answer.
    """

    __slots__ = ()

    # -- response

    def interim(self, head: ResponseHead) -> None:
        """
        Pass on a 1xx answer; 100 only to a client that waits for it.
        """
        if head.status != 100 or self.head.expects:
            self._answered = True
            self.channel.interim(head.start, head.lines)

    def response(
        self, head: ResponseHead, body: int, data: bytes, done: bool, trailers: Sequence[bytes]
    ) -> None:
        """
        Pass on the head of the member's answer and what is there of its body.
        """
        if head.status in self._mounted.watched and self._watched(head, data, done):
            return
        lines = self._answer_lines(head)
        member = self.member
        assert member is not None
        size = len(data)
        member.read += len(head.start) + size
        self.bytes_out += size
        if body == NO_BODY and head.length >= 0 and head.status != 204:
            body = head.length
        if done:
            self._connection = None
        self.channel.respond(head.start, lines, body, data, done, trailers)
        if done:
            self._complete()

    def _answer_lines(self, head: ResponseHead) -> list[bytes]:
        """
        Note the head of an answer, and make the header lines that the client gets.
        """
        self._first_byte = self.runtime.now() - self.started
        self._answered = True
        self.answer = head
        self.status = head.status
        mounted = self._mounted
        request = self.head
        lines = response_lines(
            head.lines,
            head.noted,
            mounted.rules,
            mounted.reverse,
            request.peer,
            request.host,
            b"1.1" if head.minor else b"1.0",
        )
        if b"date" not in head.noted:
            lines.append(self.runtime.date_line())
        if mounted.changes:
            lines = head.lines = self._changed(lines)
        if head.minor == 0:
            head.start = b"HTTP/1.1" + head.start[8:]
        return lines

    def _changed(self, lines: list[bytes]) -> list[bytes]:
        """
        Add a sticky cookie, and make the header edits of the mount.
        """
        mounted = self._mounted
        lines += self._reminders()
        if mounted.editor is not None:
            lines = mounted.editor.edit(lines, self.facts(), True)
            if not any(line[:5].lower() == b"date:" for line in lines):
                lines.append(self.runtime.date_line())
        return lines

    def _reminders(self) -> Iterable[bytes]:
        if not self._mounted.remembers:
            return ()
        member, balancer = self.member, self._target.balancer
        assert member is not None
        balancer.settle(self.head, member, self.runtime.now())
        return balancer.remember(self.head, self._session, member)

    def _watched(self, head: ResponseHead, data: bytes, done: bool) -> bool:
        """
        Do what the status of an answer asks for; return whether it was answered otherwise.
        """
        status = head.status
        member, mounted = self.member, self._mounted
        assert member is not None
        if mounted.tells:
            own, whole = member.tally, mounted.tally
            if status < 500 and not (own.alert or whole.alert or mounted.times):
                # Nearly always: no news, and nothing to be judged at once.
                own.requests += 1
                whole.requests += 1
            else:
                self._tell(member, status)
        if status in mounted.failonstatus:
            self._target.balancer.force_error(member, f"answered {status}", self.runtime.now())
        if status not in mounted.overridden:
            return False
        member.read += len(head.start) + len(data)
        self._override(head, done)
        return True

    def _tell(self, member: Member, status: int) -> None:
        """
        Let the balancer know how a member answered, and how soon.
        """
        balancer = self._target.balancer
        now, seconds = self.runtime.now(), UNTIMED
        # Of a body that is sent, and of attempts that failed, others are to blame.
        if balancer.timing and self.attempts == 1 and self.head.body in _BODILESS:
            seconds = now - self.started - self._queue_time - self._connect_time
        balancer.answered(member, status, seconds, now)

    def _override(self, head: ResponseHead, done: bool) -> None:
        """
        Answer with a page of our own and the member's reason phrase (APACHE F22).
        """
        self._first_byte = self.runtime.now() - self.started
        self._answered = True
        self.status = head.status
        self.answer = head
        connection, self._connection = self._connection, None
        if connection is not None and not done:
            Drain(connection)
        lines = [
            line
            for line in head.lines
            if head.status == 401 and line[:17].lower() == b"www-authenticate:"
        ]
        start = b"HTTP/1.1" + head.start[8:]
        self._send_page(start, "error-override", "", [*lines, *self._reminders()])
        self._complete()

    def response_data(self, data: bytes) -> None:
        """
        Pass on a piece of the answer's body.
        """
        size = len(data)
        self.bytes_out += size
        assert self.member is not None
        self.member.read += size
        self.channel.write_body(data)

    def response_sink(self) -> Any:
        """
        Return the transport by which bytes of the answer's body may go to the client as they
        are, or C{None} where they may not.
        """
        sink = getattr(self.channel, "sink", None)
        return None if sink is None else sink()

    def response_moved(self, size: int) -> None:
        """
        Count a piece of the answer's body that went to the client without coming up here.
        """
        self.bytes_out += size
        assert self.member is not None
        self.member.read += size

    def response_end(self, trailers: Sequence[bytes]) -> None:
        """
        Pass on the end of the answer.
        """
        self._connection = None
        self.channel.end_body(trailers)
        self._complete()

    def response_broken(self, error: errors.MemberError) -> None:
        """
        The answer ended within its body: cut the client off, so that it can tell.
        """
        member = self.member
        assert member is not None
        self._leave_member()
        now = self.runtime.now()
        self._target.balancer.failed(member, error, now, False)
        self._target.balancer.lost(error, now)
        self._tried += ((member, error.reason),)
        self.finish(error.reason)
        self.channel.abort()

    def switched(self, head: ResponseHead, connection: MemberLink, data: bytes) -> None:
        """
        The member changed protocols: from here on bytes go both ways.
        """
        if self._mounted.tells and self.member is not None:
            self._tell(self.member, head.status)
        lines = self._answer_lines(head)
        lines += (b"Connection: Upgrade", b"Upgrade: " + head.noted[b"upgrade"])
        assert self.member is not None
        tunnel = Tunnel(
            self, self.channel, connection, self.member.spec.tunneltimeout, self.runtime.now
        )
        rest = self.channel.switch(head.start, lines)
        if data:
            tunnel.from_member(data)
        if rest:
            tunnel.from_client(rest)
        if self.channel.ended:
            tunnel.client_eof()

    def heard(self) -> None:
        """
        Note when the member said its first byte in a tunnel.
        """
        if not self._first_byte:
            self._first_byte = self.runtime.now() - self.started

    def tunnel_ended(self, reason: str) -> None:
        """
        Close the client's side of a tunnel.
        """
        self._connection = None
        self._complete(reason)

    # -- flow

    def client_blocked(self) -> None:
        """
        The client does not read: stop reading the member.
        """
        if self._connection is not None and self._answered:
            self._connection.pause()

    def client_unblocked(self) -> None:
        """
        The client reads again: go on reading the member.
        """
        if self._connection is not None and self._answered:
            self._connection.resume()

    def member_blocked(self) -> None:
        """
        The member does not take the request's body: stop reading the client.
        """
        if not self._request_done:
            self.channel.pause()

    def member_unblocked(self) -> None:
        """
        The member takes more: go on reading the client.
        """
        if self.channel.paused:
            self.channel.resume()

    # -- finish

    def client_error(self, error: errors.ClientError) -> None:
        """
        The client broke its request: no member is to blame.
        """
        if self.answer is not None:
            self.client_gone(error)
            self.channel.abort()
        else:
            self._leave_member()
            self._fail(error)

    def client_gone(self, error: errors.ClientError) -> None:
        """
        The client left: let the member go, without blame.
        """
        self._leave_member()
        self.finish(error.reason)

    def outcome(self) -> Outcome:
        """
        Make the record of this exchange.
        """
        member = self.member
        now = self.runtime.now()
        duration = now - self.started
        session = self._session
        route = b"" if member is None else member.route
        # In the order of the fields: naming twenty of them costs two microseconds.
        return tuple.__new__(
            Outcome,
            (
                self.head,
                self.head.peer,
                self.status,
                self.reason,
                self._target.balancer.spec.name,
                "" if member is None else member.name,
                route.decode() if route else "",
                self.attempts,
                self._target.balancer.sticky
                and member is not None
                and (session is None or member not in session.members),
                self._reused,
                tuple([(each.name, why) for each, why in self._tried]) if self._tried else (),
                self.bytes_in,
                self.bytes_out,
                self.runtime.wall() - duration,
                duration,
                self._queue_time,
                self._connect_time,
                self._first_byte,
                None if session is None else (session.name, session.route),
                self.answer,
            ),
        )
