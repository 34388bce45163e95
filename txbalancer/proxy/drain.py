"""
The rest of an answer that nobody wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from txbalancer.errors import MemberError

if TYPE_CHECKING:
    from txbalancer.proxy.member_link import MemberLink

_MOST = 65536
"""Bytes that are read to keep a connection; a new one is cheaper than more."""


class Drain:
    """
    Takes the place of an exchange on a member's connection: reads its answer to the end,
    so that the connection can serve others, and closes it when that takes too much.
    """

    __slots__ = ("_connection", "_left")

    def __init__(self, connection: MemberLink) -> None:
        self._connection = connection
        self._left = _MOST
        exchange: Any = self
        if connection.request_sent and connection.keep:
            connection.exchange = exchange
            if connection.paused:
                connection.resume()
        else:
            connection.close()

    def response_data(self, data: bytes) -> None:
        """
        Drop it.
        """
        self._left -= len(data)
        if self._left < 0:
            self._connection.close()

    def response_sink(self) -> None:
        """
        Nobody wants it.
        """

    def response_end(self, trailers: Sequence[bytes]) -> None:
        """
        The connection is free already.
        """

    def response_broken(self, error: MemberError) -> None:
        """
        The connection is gone; the client has had its answer.
        """

    def member_blocked(self) -> None:
        """
        Nothing is sent.
        """

    member_unblocked = member_blocked
