"""
The service's own pages where the data path has processes of its own: workers pass requests for
them on to the supervisor, by a unix socket for each listener.
"""

from __future__ import annotations

from random import Random
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.mounts import Mount
from txbalancer.core.networks import UNIX
from txbalancer.core.registry import Registry
from txbalancer.core.specs import (
    BalancerSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    ToBalancer,
    ToHealth,
    ToHeartbeat,
    ToManager,
    ToMetrics,
    ToResource,
    ToStatus,
)
from txbalancer.http1.heads import RequestHead
from txbalancer.net.introduction import WHOLE
from txbalancer.proxy.mounted import MountedBalancer
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.site import Site
from txbalancer.services.told import PassedOn

OWN = (ToHealth, ToHeartbeat, ToManager, ToMetrics, ToResource, ToStatus)
"""Targets that are served where all is known: by the supervisor."""

_HOUR = 3600.0


def inner_path(folder: str, listener: str) -> str:
    """
    Return the path of the supervisor's socket for a listener; no listener's name makes it that
    of a box, or of the file that locks another listener's.
    """
    return f"{folder}/{listener}.own"


def inner_listener(spec: ListenerSpec, folder: str) -> ListenerSpec:
    """
    Return what the supervisor serves for a listener: what workers pass on, each connection
    with the client's address and what is known of its TLS before it.
    """
    return ListenerSpec(
        spec.name,
        endpoint=(f"unix:{inner_path(folder, spec.name)}:mode=600",),
        accept_proxy=(UNIX,),
        server_name=spec.server_name,
        max_connections=0,
        reserved=True,
        max_head=spec.max_head * 2,
        max_url=spec.max_url,
        max_line=spec.max_line,
        max_headers=spec.max_headers + 10,
        underscores=spec.underscores,
        keepalive_timeout=_HOUR,
        keepalive_requests=0,
    )


class Inside:
    """
    Makes the targets of a worker's mounts that lead to the supervisor.

    @ivar secret: the supervisor's, which signs sticky cookies.
    """

    def __init__(self, folder: str, secret: bytes) -> None:
        """
        @param folder: where its sockets are.
        """
        self._folder = folder
        self.secret = secret
        self._resources: dict[str, BalancerResource] = {}
        self.registry: Registry | None = None

    def target(self, spec: MountSpec) -> InsideTarget:
        """
        Make the target of a mount.
        """
        return InsideTarget(self, spec)

    def resource(self, runtime: Runtime, listener: str) -> BalancerResource:
        """
        Return the way to the supervisor for a listener's requests.

        It has no name, so that counters and logs have these exchanges where a single process
        has them: with no member.
        """
        found = self._resources.get(listener)
        if found is None:
            path = inner_path(self._folder, listener)
            member = MemberSpec(
                f"unix:{path}|http://supervisor/",
                scheme="http",
                host="supervisor",
                port=80,
                socket=path,
                sendproxy=WHOLE,
                timeout=_HOUR,
                retry=0.0,
            )
            assert self.registry is not None
            balancer = Balancer(BalancerSpec("", (member,)), self.registry, Random(), plain=True)
            found = self._resources[listener] = BalancerResource(runtime, balancer)
            balancer.members[0].name = ""
            found.open_pools()
            balancer.members[0].pool.reserved = True
        return found


class _Mounted(MountedBalancer):
    def observe(self) -> None:
        super().observe()
        self.exchange = PassedOn


class InsideTarget:
    """
    One mount's way to the supervisor, where the same mount decides what the request gets.
    """

    def __init__(self, inside: Inside, spec: MountSpec) -> None:
        self._inside = inside
        self._spec = MountSpec(
            spec.label,
            "/",
            ToBalancer(""),
            reverse=False,
            preservehost=True,
            addheaders=False,
            addproto=False,
        )
        self._mounted: dict[str, MountedBalancer] = {}

    def begin(self, site: Site, channel: Any, head: RequestHead, mount: Mount, path: bytes) -> None:
        """
        Take a request, and pass it on as it came.
        """
        name = site.spec.name
        mounted = self._mounted.get(name)
        if mounted is None:
            resource = self._inside.resource(site.runtime, name)
            mounted = self._mounted[name] = _Mounted(resource, self._spec)
        mounted.begin(site, channel, head, mount, head.path)
