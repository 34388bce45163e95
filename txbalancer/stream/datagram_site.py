"""
A listener of datagrams at work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txbalancer.core.specs import ListenerSpec
from txbalancer.net.datagrams import Client, DatagramPort
from txbalancer.proxy.throttle import Throttle
from txbalancer.stream.datagram_channel import DatagramChannel
from txbalancer.stream.datagram_exchange import DatagramExchange
from txbalancer.stream.request import Connection
from txbalancer.stream.site import StreamSite

OF_CLIENT = "sessions-per-client"


class Datagrams(Connection):
    """
    A session of datagrams as mounts, lbmethods and logs see it.
    """

    __slots__ = ()

    @property
    def method(self) -> bytes:
        """
        What is balanced, where requests have a method.
        """
        return b"UDP"


class DatagramSite(StreamSite):
    """
    Makes a session for each client that is not known, within limits.
    """

    exchange = DatagramExchange
    wanted = Datagrams

    def __init__(self, *arguments: Any) -> None:
        """
        @param arguments: as of L{Site<txbalancer.proxy.site.Site>}.
        """
        self._limits_told = Throttle(10.0)
        self._expected: dict[tuple[Client, bytes], str] = {}
        self._expected_until = 0.0
        super().__init__(*arguments)

    @staticmethod
    def _per_client(spec: ListenerSpec) -> int:
        """
        Return how many sessions each client may have; 0 for any number.
        """
        return spec.sessions_per_client

    def received(self, port: DatagramPort, client: Client, local: bytes, data: bytes) -> None:
        """
        Begin a session with a datagram, if there may be one more.
        """
        spec = self.spec
        if self.draining:
            return
        if self.runtime.turnstile.closed and not spec.reserved:
            self.refused["memory-limit"] += 1
            return
        most, of_one, clients = spec.max_connections, spec.sessions_per_client, self.clients
        if most and self._share is None and len(self.channels) >= most:
            self._drop("max-connections", most)
            return
        host = client[0]
        if clients is not None and clients.count(host) >= of_one and not self.exempt(host):
            self._drop(OF_CLIENT, of_one)
            return
        if self._share is not None and not self._share.take(most):
            self._drop("max-connections", most)
            return
        if clients is not None:
            clients.opened(host)
        channel: Any = DatagramChannel(self, port, client, local, data)
        self.channels.add(channel)
        self.accepted += 1
        self.route(channel, Datagrams(channel.peer))

    def known(self) -> list[list[Any]]:
        """
        Return the clients that have a member: address, local address, member. Of JSON's types.
        """
        channels: Any = self.channels
        return [found for channel in channels if (found := channel.described())]

    def expect(self, sessions: Iterable[Any]) -> None:
        """
        Have clients of another process come to the members that they had there.

        @param sessions: as of L{known}.
        """
        for client, local, member in sessions:
            self._expected[tuple(client), bytes.fromhex(local)] = member
        self._expected_until = self.now() + self.spec.session_timeout

    def expected(self, client: Client, local: bytes) -> str:
        """
        Return the member that a new session's client had elsewhere; empty for none.
        """
        if not self._expected:
            return ""
        if self.now() > self._expected_until:
            self._expected.clear()
        return self._expected.pop((client, local), "")

    def _drop(self, option: str, most: int) -> None:
        self.refused[option] += 1
        more = self._limits_told.permit(self.now())
        if more is not None:
            self.log.warn(
                "listener {listener}: {most} sessions are all that {option} allows: what"
                " would begin more is dropped{more}",
                listener=self.spec.name,
                most=most,
                option=option,
                more=more,
            )

    def closed(self, channel: Any) -> None:
        """
        Forget a session.
        """
        self.channels.discard(channel)
        if self._share is not None:
            self._share.give()
        if self.clients is not None:
            self.clients.closed(channel.host)
