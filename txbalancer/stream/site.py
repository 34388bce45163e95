"""
A listener of connections at work.
"""

from __future__ import annotations

from typing import Any

from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.outcome import Outcome
from txbalancer.errors import ClientError
from txbalancer.http1.heads import RequestHead
from txbalancer.proxy.refusals import Refusal
from txbalancer.proxy.site import Site
from txbalancer.stream.channel import StreamChannel
from txbalancer.stream.exchange import StreamExchange
from txbalancer.stream.request import Connection


class StreamSite(Site):
    """
    Makes a L{StreamChannel} for each connection and finds the balancer for it.

    @cvar exchange: what is begun for each.
    @cvar wanted: what stands for a request of those that get no exchange.
    """

    wanted: type[Connection] = Connection

    exchange: type[StreamExchange] = StreamExchange
    _peeked: tuple[MountTable | None, bool] = (None, False)

    @property
    def peeks(self) -> bool:
        """
        Whether a connection's mount depends on what its client says in TLS.
        """
        table, found = self._peeked
        if table is not self.table:
            conditions = [each for mount in self.table.mounts for each in mount.spec.conditions]
            found = any(each.kind in ("host", "alpn") for each in conditions)
            self._peeked = self.table, found
        return found

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the client side of a new connection.
        """
        return StreamChannel(self)

    def route(self, channel: StreamChannel, wanted: Connection) -> None:
        """
        Hand a connection to the target of the first mount that takes it.
        """
        request: Any = wanted
        client: Any = channel
        found = self.table.find(request)
        if found is None:
            channel.refuse(NoMount("no mount takes the connection"))
            return
        mount, path = found
        mount.target.begin(self, client, wanted, mount, path)

    def turn_away(self, channel: Any, head: RequestHead, mount: Mount, refusal: Refusal) -> None:
        """
        Close a connection for which there is no room.
        """
        now = self.now()
        self.runtime.finish(
            Outcome(
                request=head,
                peer=channel.peer,
                status=refusal.status,
                reason=refusal.reason,
                balancer=refusal.balancer,
                started=self.runtime.wall() - (now - channel.since),
                duration=now - channel.since,
                queue=refusal.queue,
            )
        )
        channel.finished()

    def dismiss(self, channel: StreamChannel, error: ClientError) -> None:
        """
        Record a connection that got no exchange.
        """
        now = self.now()
        more = self._throttle.permit(now)
        if more is not None:
            self.log.debug(
                "{listener}: {client}: {error}{more}",
                listener=self.spec.name,
                client=channel.peer.client,
                error=str(error),
                more=more,
            )
        request: Any = self.wanted(channel.peer)
        duration = now - channel.since
        self.runtime.finish(
            Outcome(
                request=request,
                peer=channel.peer,
                status=error.status,
                reason=error.reason,
                started=self.runtime.wall() - duration,
                duration=duration,
            )
        )


class NoMount(ClientError):
    """
    No mount of the listener takes what the client asked for.
    """

    status = 404
    reason = "no-mount"
