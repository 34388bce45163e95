"""
Limits of connections, before anything is done for them: what is over one is closed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txbalancer.core.limitkeys import Keys, peer_key_of
from txbalancer.proxy.limiter import Limiter
from txbalancer.proxy.throttle import Throttle

if TYPE_CHECKING:
    from txbalancer.proxy.site import Site

PER_CLIENT = "connections-per-client"
IN_ALL = "max-connections"


class Door:
    """
    Stands before what makes the protocols of a listener, TLS included.
    """

    log = Logger()

    def __init__(
        self,
        site: Site,
        factory: Any,
        limiters: Sequence[Limiter],
        full: Callable[[], int],
        keys: Keys,
    ) -> None:
        """
        @param limiters: of new connections.
        @param full: returns how many connections the service has, when there may not be more.
        @param keys: tells clients apart.
        """
        self._site, self._factory, self._full = site, factory, full
        self._limits = tuple((each, peer_key_of(each.spec.key, keys)) for each in limiters)
        self._throttle = Throttle(10.0)

    def buildProtocol(self, address: Any) -> Any:
        """
        Make the protocol of a new connection, or none.
        """
        client = getattr(address, "host", "")
        if self._refuses(client if isinstance(client, str) else ""):
            return None
        return self._factory.buildProtocol(address)

    def _refuses(self, client: str) -> bool:
        most = self._full()
        if most:
            self._refuse(IN_ALL, client, f"the service has {most} connections")
            return True
        site = self._site
        if not client or site.exempt(client):
            return False
        most = site.spec.connections_per_client
        if most and site.clients is not None and site.clients.count(client) >= most:
            self._refuse(PER_CLIENT, client, f"it has {most} connections")
            return True
        return any([self._is_over(each, key(client), client) for each, key in self._limits])

    def _is_over(self, limiter: Limiter, key: int, client: str) -> bool:
        now = self._site.now()
        if not limiter.take(key, now):
            return False
        limiter.tell(f"listener {self._site.spec.name}", client, now)
        if limiter.spec.dry_run:
            return False
        self._site.refused["limit"] += 1
        return True

    def _refuse(self, option: str, client: str, why: str) -> None:
        self._site.refused[option] += 1
        more = self._throttle.permit(self._site.now())
        if more is not None:
            self.log.warn(
                "listener {listener}: {client} is refused: {why}, all that {option} allows{more}",
                listener=self._site.spec.name,
                client=client or "a unix socket's client",
                why=why,
                option=option,
                more=more,
            )
