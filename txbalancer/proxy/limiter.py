"""
Rate limits at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txbalancer.core.limitkeys import Keys, key_of
from txbalancer.core.mounts import Mount
from txbalancer.core.ratelimits import Rates
from txbalancer.core.specs import LimitSpec
from txbalancer.http1.heads import RequestHead
from txbalancer.proxy.refusals import RATE, Refusal
from txbalancer.proxy.throttle import Throttle

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.site import Site


class Limiter:
    """
    One C{[limit:NAME]}: the only place where what it lets through is counted. It lives on
    across reloads, also for those who had to wait.

    @ivar passed: how many it let through.
    @ivar refused: how many it did not, or with C{dry-run} would not have.
    """

    log = Logger()

    __slots__ = ("_throttle", "passed", "refused", "spec", "table")

    def __init__(self, spec: LimitSpec, table: Rates) -> None:
        """
        @param table: remembers who came.
        """
        self.passed = self.refused = 0
        self._throttle = Throttle(10.0)
        self.configure(spec, table)

    def configure(self, spec: LimitSpec, table: Rates) -> None:
        """
        Take other options.

        @param table: the same as before, unless all begin anew.
        """
        self.spec, self.table = spec, table
        table.configure(spec.rate.per_second, spec.burst, spec.keys)

    def take(self, key: int, now: float) -> float:
        """
        Count one that comes; return for how many seconds it should not have, 0 for none.
        """
        wait = self.table.take(key, now)
        if wait:
            self.refused += 1
        else:
            self.passed += 1
        return wait

    def excuse(self) -> None:
        """
        Let the last one that should have had to wait through after all.
        """
        self.refused -= 1
        self.passed += 1

    def tell(self, where: str, client: str, now: float) -> None:
        """
        Log that somebody was over it, within reason.
        """
        more = self._throttle.permit(now)
        if more is not None:
            self.log.info(
                "{where}: {client} is over limit {limit} ({rate}/{unit}): {what}{more}",
                where=where,
                client=client or "a unix socket's client",
                limit=self.spec.name,
                rate=self.spec.rate.number,
                unit=self.spec.rate.unit,
                what="let through, for dry-run is on" if self.spec.dry_run else "refused",
                more=more,
            )


class RateLimited:
    """
    Stands before the target of a mount.
    """

    __slots__ = ("_limits", "_target", "_where")

    def __init__(self, target: Any, limiters: Sequence[Limiter], label: str, keys: Keys) -> None:
        """
        @param label: the mount's.
        @param keys: tells requests apart.
        """
        self._target, self._where = target, f"mount {label}"
        self._limits = tuple((each, key_of(each.spec.key, label, keys)) for each in limiters)

    def begin(
        self, site: Site, channel: ClientChannel, head: RequestHead, mount: Mount, path: bytes
    ) -> None:
        """
        Take a request at the end of its head.
        """
        now = site.now()
        for limiter, key in self._limits:
            wait = limiter.take(key(head), now)
            if not wait:
                continue
            if site.exempt(head.peer.client):
                limiter.excuse()
                continue
            limiter.tell(self._where, head.peer.client, now)
            if not limiter.spec.dry_run:
                refusal = Refusal(limiter.spec.status, RATE, wait)
                site.turn_away(channel, head, mount, refusal)
                return
            head.limited = limiter.spec.name
        self._target.begin(site, channel, head, mount, path)
