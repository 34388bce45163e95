"""
The limits of a service: what stands before its mounts and listeners because of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from txbalancer.core.counting import Counting
from txbalancer.core.limitkeys import Keys
from txbalancer.core.outcome import Outcome
from txbalancer.core.ratelimits import Rates
from txbalancer.core.specs import ListenerSpec, MountSpec, ServiceSpec
from txbalancer.proxy.door import Door
from txbalancer.proxy.gated import Gated, give_back
from txbalancer.proxy.limiter import Limiter, RateLimited
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.site import Site
from txbalancer.services.making import making

Finish = Callable[[Outcome], None]
Sites = Callable[[], Iterable[Site]]


class Limits:
    """
    What limits are in force. What is not limited gets nothing put before it.

    @ivar limiters: rate limits by name; they outlive reloads.
    @ivar most: connections of all listeners but reserved ones; 0 = no limit.
    """

    def __init__(self, sites: Sites = tuple, counting: Counting | None = None) -> None:
        """
        @param sites: returns what serves the listeners that there are.
        @param counting: makes what counts.
        """
        self._sites = sites
        self._counting = counting or Counting()
        self._all = self._counting.connections(lambda: self.connections)
        self.limiters: dict[str, Limiter] = {}
        self._secret = b""
        self._keys = Keys(b"")
        self.most = 0
        self._gates = self._tickets = False

    def prepare(self, spec: ServiceSpec) -> dict[str, Rates]:
        """
        Return what is going to remember the rates of each limit of a configuration: of those that
        stay, what does already, unless another key means that all begin anew.

        @raise StartError: there is no memory for it.
        """
        found = {}
        for each in spec.limits:
            limiter = self.limiters.get(each.name)
            stays = limiter is not None and limiter.spec.key == each.key
            former = limiter.table if limiter is not None and stays else None
            with making(f"[limit:{each.name}]"):
                found[each.name] = self._counting.rates(each, former)
        return found

    def install(self, spec: ServiceSpec, secret: bytes, tables: Mapping[str, Rates]) -> None:
        """
        Take the limits of a configuration.

        @param secret: keeps others from aiming at somebody's rate.
        @param tables: what L{prepare} has returned for it.
        """
        if secret != self._secret:
            self._secret, self._keys = secret, Keys(secret)
        self.most = spec.service.max_connections
        self._gates = any(
            each.max_requests or each.requests_per_client
            for each in spec.listeners
            if each.mode == "http"
        )
        self._tickets |= self._gates or any(each.max_requests for each in spec.balancers)
        before, self.limiters = self.limiters, {}
        for each in spec.limits:
            limiter = before.get(each.name)
            if limiter is None:
                limiter = Limiter(each, tables[each.name])
            else:
                limiter.configure(each, tables[each.name])
            self.limiters[each.name] = limiter

    @property
    def connections(self) -> int:
        """
        How many connections the listeners of this process have that are not reserved.
        """
        counted = (each for each in self._sites() if not each.spec.reserved)
        return sum(len(each.channels) for each in counted if each.spec.mode != "udp")

    def _full(self) -> int:
        found = self._all()
        return found if self.most and found >= self.most else 0

    def load(self) -> tuple[int, int]:
        """
        Return how many more connections can be served, and how many are busy (APACHE A23).
        """
        ready = busy = 0
        for site in self._sites():
            busy += sum(channel.exchange is not None for channel in site.channels)
            ready += max(0, (site.spec.max_connections or 10000) - len(site.channels))
        return (min(ready, max(0, self.most - self.connections)) if self.most else ready), busy

    def over(self, finish: Finish) -> Finish:
        """
        Return what takes the outcome of each exchange: C{finish}, and where there are gates, or
        were, what gives places back.
        """
        if not self._tickets:
            return finish

        def finish_and_leave(outcome: Outcome) -> None:
            finish(outcome)
            if getattr(outcome.request, "ticket", None) is not None:
                give_back(outcome.request)

        return finish_and_leave

    # -- what is put before what

    def gated(self, spec: MountSpec, resource: BalancerResource, target: Any) -> Any:
        """
        Return the target of a mount that leads to a balancer, behind gates if there are any.
        """
        if not self._gates and resource.gate is None:
            return target
        name = resource.balancer.spec.name
        return Gated(target, resource.gate, name, spec.priority == "high")

    def rated(self, spec: MountSpec, target: Any) -> Any:
        """
        Return the target of a mount, behind the rate limits that it names.
        """
        if not spec.limit:
            return target
        return RateLimited(
            target, [self.limiters[each] for each in spec.limit], spec.label, self._keys
        )

    def door(self, spec: ListenerSpec, site: Site, factory: Any) -> Any:
        """
        Return what makes the protocols of a listener, behind its limits of connections.
        """
        all_of_them = self.most and not spec.reserved
        site.on_count = self._all if all_of_them and self._counting.several else None
        if not (all_of_them or spec.connections_per_client or spec.limit):
            return factory
        limiters = [self.limiters[each] for each in spec.limit]
        return Door(site, factory, limiters, self._full if all_of_them else _never, self._keys)


def _never() -> int:
    return 0
