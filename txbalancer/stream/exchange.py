"""
One balanced connection: elect, connect, relay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer import errors
from txbalancer.core.mounts import Mount
from txbalancer.core.passive.tally import UNTIMED
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.guarded import GuardedExchange
from txbalancer.proxy.tunnel import Tunnel

if TYPE_CHECKING:
    from txbalancer.proxy.resource import BalancerResource
    from txbalancer.stream.channel import StreamChannel
    from txbalancer.stream.request import Connection
    from txbalancer.stream.site import StreamSite

RELAYED = 200
"""Status of a connection that reached a member, as nginx has it for streams."""


class StreamTarget:
    """
    A balancer as the target of a mount for connections.

    @ivar resource: the balancer.
    """

    __slots__ = ("resource",)

    failonstatus: frozenset[int] = frozenset()

    def __init__(self, resource: BalancerResource) -> None:
        self.resource = resource

    def begin(
        self, site: StreamSite, channel: StreamChannel, head: Connection, mount: Mount, path: bytes
    ) -> None:
        """
        Find a member for a connection, and relay it.
        """
        site.exchange(self, channel, head, mount, path).start()


class StreamExchange(GuardedExchange):
    """
    A connection of a client, and the one to a member that carries it on.

    Until a member has taken it, another can be tried: what the client sent is still here.
    """

    __slots__ = ()

    def __init__(
        self,
        target: StreamTarget,
        channel: StreamChannel,
        head: Connection,
        mount: Mount,
        path: bytes,
    ) -> None:
        # The phases before the first byte are those of a request without a body.
        mounted: Any = target
        client: Any = channel
        request: Any = head
        super().__init__(mounted, client, request, mount, path)

    def _send(self, connection: Any) -> None:
        """
        Relay from here on.
        """
        member = self.member
        channel: Any = self.channel
        assert member is not None
        self._connection = connection
        self._answered = True
        self.status = RELAYED
        now = self.runtime.now()
        balancer = self._target.balancer
        balancer.settle(self.head, member, now)
        if balancer.watched:
            took = now - self.started - self._queue_time if self.attempts == 1 else UNTIMED
            balancer.answered(member, self.status, took, now)
        connection.attach(self)
        listener = channel.site.spec
        idle = min(listener.idle_timeout or NEVER, member.spec.tunneltimeout)
        until = self.started + listener.lifetime if listener.lifetime else NEVER
        tunnel = Tunnel(self, channel, connection, idle, self.runtime.now, until)
        rest = channel.relay()
        if rest:
            tunnel.from_client(rest)
        if channel.ended and channel.tunnel is tunnel:
            tunnel.client_eof()

    def _fail(self, error: errors.BalancerError) -> None:
        """
        Close: there is no other way to tell the client.
        """
        self.status = error.status
        self._target.log_failure(self, error)
        self._complete(error.reason)
