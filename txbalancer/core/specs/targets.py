"""
Where mounts lead.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core.specs.member import MemberSpec


@dataclass(frozen=True, slots=True)
class ToBalancer:
    """
    Target: a balancer, with a path that is put before what the mount leaves.
    """

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToMember:
    """
    Target: one member without a balancer around it; it never goes into error.
    """

    member: MemberSpec


@dataclass(frozen=True, slots=True)
class NotProxied:
    """
    Target C{!}: this URL is not proxied, so nothing is here: 404.
    """


@dataclass(frozen=True, slots=True)
class Redirect:
    """
    Target: an answer that sends the client elsewhere.

    @ivar location: a URL; C{$host} stands for the request's host, C{$1} for a group of a match.
    """

    status: int
    location: str


@dataclass(frozen=True, slots=True)
class FixedStatus:
    """
    Target: an answer with this status and a small page.
    """

    status: int


@dataclass(frozen=True, slots=True)
class ToResource:
    """
    Target: a Twisted web resource, by the name of its L{IMountable} plugin.
    """

    name: str


@dataclass(frozen=True, slots=True)
class ToManager:
    """
    Target C{manager:}: the page that shows and steers balancers.

    @ivar balancers: names of those it shows; empty for all.
    """

    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToStatus:
    """
    Target C{server-status:}: counters of the service, as mod_status shows them.
    """


@dataclass(frozen=True, slots=True)
class ToMetrics:
    """
    Target C{metrics:}: what was counted and measured, for Prometheus.
    """


@dataclass(frozen=True, slots=True)
class ToHealth:
    """
    Target C{health:}: 200 while each of some balancers can serve, 503 otherwise.

    @ivar balancers: their names; empty for all.
    """

    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToHeartbeat:
    """
    Target C{heartbeat:}: takes load reports by POST, as mod_heartmonitor does (APACHE A24).
    """


Target = (
    ToBalancer
    | ToMember
    | NotProxied
    | Redirect
    | FixedStatus
    | ToResource
    | ToManager
    | ToStatus
    | ToMetrics
    | ToHealth
    | ToHeartbeat
)
