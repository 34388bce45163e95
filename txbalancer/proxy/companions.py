"""
Connections to a member that began with a PROXY header: each is one client's alone.

They are used again for that client's next request and end with its connection, as
HAProxy's do; nobody else's request may go over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txbalancer.core.request import Peer

if TYPE_CHECKING:
    from txbalancer.proxy.member_link import MemberLink


class Companions:
    """
    Those of one member's pool.

    @ivar idle: connections without an exchange, the one unused for longest first.
    """

    __slots__ = ("_whose", "idle")

    def __init__(self) -> None:
        self.idle: dict[MemberLink, None] = {}
        self._whose: dict[MemberLink, Peer] = {}

    def __len__(self) -> int:
        return len(self._whose)

    def owns(self, connection: MemberLink) -> bool:
        """
        Tell whether a connection is some client's alone.
        """
        return connection in self._whose

    def own(self, connection: MemberLink, peer: Peer) -> None:
        """
        Note whose a new connection is.
        """
        self._whose[connection] = peer

    def take(self, peer: Peer) -> MemberLink | None:
        """
        Return a client's idle connection, if it has a usable one.
        """
        for connection in tuple(peer.companions or ()):
            if connection in self.idle:
                self._wake(connection, peer)
                if connection.fresh():
                    return connection
                connection.close()
        return None

    def put(self, connection: MemberLink) -> bool:
        """
        Keep a connection for its client's next request.

        @return: whether that may come; the connection is to be closed otherwise.
        """
        peer = self._whose.get(connection)
        if peer is None or peer.companions is None:
            return False
        peer.companions = {*peer.companions, connection}
        self.idle[connection] = None
        return True

    def discard(self, connection: MemberLink) -> None:
        """
        Forget a connection that is gone.
        """
        peer = self._whose.pop(connection, None)
        if peer is not None and connection in self.idle:
            self._wake(connection, peer)

    def oldest(self) -> MemberLink | None:
        """
        Return the connection that was unused for longest.
        """
        return next(iter(self.idle), None)

    def _wake(self, connection: MemberLink, peer: Peer) -> None:
        del self.idle[connection]
        if peer.companions is not None:
            peer.companions = frozenset(peer.companions) - {connection}


def dismiss(peer: Peer) -> None:
    """
    Close what was kept for a client that is gone.
    """
    kept, peer.companions = peer.companions, None
    for connection in kept or ():
        connection.close(polite=True)
