"""
A request on its way to the member that was chosen: its head, its body, and what is
kept of the body for another attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer import errors
from txbalancer.core.headers import request_lines
from txbalancer.core.member import Member
from txbalancer.core.mounts import Mount
from txbalancer.core.upgrade import may_upgrade
from txbalancer.proxy.served import Served

if TYPE_CHECKING:
    from txbalancer.proxy.fcgi_params import Params
    from txbalancer.proxy.member_link import MemberLink
    from txbalancer.proxy.mounted import MountedBalancer

_REPLAYED = 65536
"""Bytes of a request's body that are kept for another attempt; Apache keeps 16384 (F3)."""


class Forwarding(Served):
    """
    Sends a request to a member, once or again.

    @ivar member: the member of the current attempt, or of the last one.
    @ivar upgrade: protocol offered to the member, or C{b""}.
    """

    __slots__ = (
        "_connection",
        "_kept",
        "_kept_size",
        "_mount",
        "_mounted",
        "_path",
        "_request_done",
        "_trailers",
        "member",
        "upgrade",
    )

    _connection: MemberLink | None
    _kept: list[bytes] | None
    _kept_size: int
    _mount: Mount
    _mounted: MountedBalancer
    _path: bytes
    _request_done: bool
    _trailers: list[bytes]
    member: Member | None
    upgrade: bytes

    def _send(self, connection: MemberLink) -> None:
        """
        Send the head over a connection, and what there is of the body.

        @raise ClientError: the member's protocol has no room for such a request.
        """
        self._connection = connection
        head = self.head
        member = self.member
        assert member is not None
        pool = member.pool
        rules = self._mounted.bare_rules if pool.side.carries_client else self._mounted.rules
        target = pool.base + self._path
        if head.query is not None and not rules.noquery:
            target = target + b"?" + head.query
        lines = request_lines(
            head.lines,
            head.noted,
            rules,
            head.peer,
            head.host,
            pool.host,
            head.version,
        )
        if head.upgrade:
            # An earlier member's offer does not hold for this one.
            self.upgrade = b""
            manner = self._mounted.manner
            speaks = pool.side.continues and (manner is None or not manner.old)
            if speaks and may_upgrade(head.upgrade, member.spec.upgrade):
                self.upgrade = head.upgrade
                lines += (b"Connection: Upgrade", b"Upgrade: " + head.upgrade)
        exchange: Any = self
        kept = self._kept
        if kept is None and self._request_done:
            member.transferred += connection.begin(
                exchange, head.method, target, lines, head.body, False, self._mounted.manner
            )
            return
        self._send_with_body(connection, target, lines)

    def _send_with_body(self, connection: MemberLink, target: bytes, lines: list[bytes]) -> None:
        """
        Send a head and as much of the body as there is.

        With C{ping} the member is asked first whether it is there; meanwhile the client
        has to wait (APACHE W54).
        """
        head = self.head
        member = self.member
        assert member is not None
        done = self._request_done
        expects = head.expects and not done
        manner = self._mounted.manner
        asks = connection.pool.spec.ping > 0 and (manner is None or not manner.old)
        if not connection.continues:
            asks = False
            if expects:
                expects = head.expects = False
                self.channel.interim(b"HTTP/1.1 100 Continue", [])
        if expects or asks:
            lines.append(b"Expect: 100-continue")
        exchange: Any = self
        member.transferred += self.bytes_in + connection.begin(
            exchange, head.method, target, lines, head.body, expects, manner
        )
        if asks:
            connection.ask()
        asks = connection.asks
        for piece in self._kept or ():
            connection.write_body(piece)
        if asks:
            if not done and not self.channel.paused:
                self.channel.pause()
        else:
            self._keep_little()
        if done:
            connection.end_body(self._trailers)
        elif self.channel.paused and not connection.stuck and not asks:
            self.channel.resume()

    @property
    def params(self) -> Params:
        """
        What the mount has FastCGI members told.
        """
        return self._mounted.params

    def asked(self) -> None:
        """
        The member wants the body, or has answered without it.
        """
        self._keep_little()
        self.member_unblocked()

    def _keep_little(self) -> None:
        if self._kept_size > _REPLAYED:
            self._kept = None

    def member_unblocked(self) -> None:
        """
        The member takes more: go on reading the client.
        """
        raise NotImplementedError

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
                if connection is None:
                    if not self.channel.paused:
                        self.channel.pause()
                elif not connection.asks:
                    self._kept = None
        if connection is not None:
            assert self.member is not None
            self.member.transferred += len(data)
            try:
                connection.write_body(data)
            except errors.ClientError as error:
                self.client_error(error)

    def request_sink(self) -> Any:
        """
        Return the transport by which bytes of the request's body may go to the member as they
        are, or C{None} where they may not, or are kept for another attempt.
        """
        connection = self._connection
        if connection is None or self._kept is not None:
            return None
        return connection.sink()

    def request_moved(self, size: int) -> None:
        """
        Count a piece of the request's body that went to the member without coming up here.
        """
        self.bytes_in += size
        assert self.member is not None
        self.member.transferred += size

    def request_end(self, trailers: list[bytes]) -> None:
        """
        Pass on the end of the request's body.
        """
        self._request_done = True
        self._trailers = trailers
        if self._connection is not None:
            self._connection.end_body(trailers)
