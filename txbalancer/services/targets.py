"""
From specs to the things that serve: balancers with pools, and mounts with targets.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from txbalancer.control.journal import Journal
from txbalancer.control.telemetry import Telemetry
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.ratelimits import Rates
from txbalancer.core.registry import Registry
from txbalancer.core.reload import rehearse
from txbalancer.core.schemes import for_streams
from txbalancer.core.specs import (
    BalancerSpec,
    FixedStatus,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    NotProxied,
    Redirect,
    ServiceSpec,
    ToBalancer,
    ToHealth,
    ToHeartbeat,
    ToManager,
    ToMember,
    ToMetrics,
    ToResource,
    ToStatus,
)
from txbalancer.core.standing import Flip
from txbalancer.proxy.local import RedirectTarget, StatusTarget
from txbalancer.proxy.mounted import MountedBalancer
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.web import WebTarget
from txbalancer.services.discovery import Discovery
from txbalancer.services.flips import FlipLog
from txbalancer.services.guards import Guards
from txbalancer.services.heartbeat import HeartbeatLoad, HeartbeatResource
from txbalancer.services.inside import OWN, Inside
from txbalancer.services.limits import Limits
from txbalancer.services.making import making
from txbalancer.services.modes import make_pool
from txbalancer.services.pages import Pages
from txbalancer.services.steering import Steering
from txbalancer.services.vetting import try_tls
from txbalancer.stream.exchange import StreamTarget

if TYPE_CHECKING:
    from txbalancer.services.faces import Faces

SECRET = secrets.token_bytes(32)
"""Signs sticky cookies for which the configuration has no secret; new in every process."""


class Prepared(NamedTuple):
    """
    What is to be put in place for a configuration, when nothing can fail any more.

    @ivar balancers: live ones and new ones; C{plain}: those of lone members.
    @ivar resources: of plugins, by their names.
    @ivar tables: remember the rates of limits.
    """

    spec: ServiceSpec
    balancers: dict[str, BalancerResource]
    plain: dict[MemberSpec, BalancerResource]
    resources: dict[str, WebTarget]
    tables: dict[str, Rates]


class Targets:
    """
    Every balancer of a service, live across reloads.

    @ivar balancers: named ones by name.
    @ivar plain: lone members of mounts (C{to = http://…}) by their spec.
    @ivar limits: what else stands before targets.
    @ivar guards: what stands before targets that not everybody may use.
    @ivar journal: what happened to them; C{telemetry}: what they served.
    @ivar steering: changes the balancers at run time.
    @ivar discovery: asks sources for further members.
    @ivar pages: those on which the service shows itself.
    @ivar on_flip: called with each change of a member's state; C{on_alarm}: with each of a whole
        balancer.
    @ivar secret: signs sticky cookies where the configuration has no secret.
    """

    def __init__(
        self,
        runtime: Runtime,
        registry: Registry,
        heartbeats: HeartbeatLoad | None = None,
        limits: Limits | None = None,
        inside: Inside | None = None,
        make_resource: Callable[..., BalancerResource] = BalancerResource,
    ) -> None:
        """
        @param inside: where the service's own pages are, if in another process.
        @param make_resource: makes what stands for a balancer.
        """
        self._inside = inside
        self._make_resource = make_resource
        self.on_flip: Callable[[Flip, BalancerResource], object] = lambda flip, resource: None
        self.on_alarm: Callable[[Alarm, BalancerResource], object] = lambda alarm, resource: None
        self.secret = SECRET if inside is None else inside.secret
        self._runtime = runtime
        self._registry = registry
        self._heartbeats = heartbeats or HeartbeatLoad(1000)
        self.balancers: dict[str, BalancerResource] = {}
        self.plain: dict[MemberSpec, BalancerResource] = {}
        self._by_listener: dict[str, MountTable] = {}
        self._resources: dict[str, WebTarget] = {}
        self.guards = Guards(runtime, lambda: self.secret)
        self.limits = limits or Limits()
        self._finish = runtime.finish
        self.journal = Journal(lambda: runtime.wall())
        self.telemetry = Telemetry(
            runtime.reactor, lambda: (each.balancer for each in self.resources())
        )
        self.steering = Steering(runtime, registry, self.journal, self.telemetry)
        self.pages = Pages(self.steering, self.resources)
        self.discovery = Discovery(runtime, self.steering, registry)
        self.steering.facts.discovery = self.discovery.views_of
        self.pages.sources.discovery = self.discovery.views

    def install(self, spec: ServiceSpec) -> None:
        """
        Make the live balancers and mounts be those of C{spec}.

        @raise StartError: as L{prepare}; nothing changes then.
        """
        self.publish(self.prepare(spec))

    def prepare(self, spec: ServiceSpec) -> Prepared:
        """
        Make what is new, and try all else that may fail. Nothing changes.

        @raise StartError: when a member's TLS files or a mount's C{auth-file} cannot be
            used, or a plugin fails.
        """
        try_tls(spec, self.balancers)
        for mount in spec.mounts:
            self.guards.wrap(mount, None)
        resources = self._resources.copy()
        for mount in spec.mounts:
            if isinstance(mount.target, ToResource) and mount.target.name not in resources:
                resources[mount.target.name] = self._web(mount.label, mount.target.name)
        balancers = {each.name: self._prepared(each) for each in spec.balancers}
        plain = self._prepared_plain(spec)
        return Prepared(spec, balancers, plain, resources, self.limits.prepare(spec))

    def publish(self, prepared: Prepared) -> None:
        """
        Put in place what was prepared; members that are gone finish what they have.
        """
        spec, balancers, plain = prepared.spec, prepared.balancers, prepared.plain
        self._resources = prepared.resources
        self.limits.install(spec, self.secret, prepared.tables)
        for each in spec.balancers:
            balancers[each.name].reconfigure(each)
        for lone in plain.values():
            lone.open_pools()
        tables = self._tables(spec, balancers, plain)
        leaving = [
            resource
            for name, resource in self.balancers.items()
            if balancers.get(name) is not resource
        ]
        leaving += [each for key, each in self.plain.items() if plain.get(key) is not each]
        self.balancers, self.plain, self._by_listener = balancers, plain, tables
        finish = self.limits.over(self._finish)
        if finish is not self._finish:
            self._runtime.finish = finish
        self.steering.install(spec, balancers)
        for resource in leaving:
            resource.leave()

    def table(self, listener: ListenerSpec) -> MountTable:
        """
        Return the mounts of a listener of the configuration, with their targets.
        """
        return self._by_listener[listener.name]

    def _tables(
        self,
        spec: ServiceSpec,
        balancers: dict[str, BalancerResource],
        plain: dict[MemberSpec, BalancerResource],
    ) -> dict[str, MountTable]:
        """
        Divide the mounts: connections are not for those of HTTP requests, nor requests for those
        of connections; and a listener may have a balancer of its own.
        """
        streams = {each.name for each in spec.listeners if each.mode != "http"}
        kinds: dict[bool, list[Mount]] = {False: [], True: []}
        for order, each in enumerate(spec.mounts):
            stream = for_streams(each.conditions, streams)
            make = self._stream_mount if stream else self._mount
            kinds[stream].append(make(order, each, balancers, plain))
        tables = {kind: MountTable(found) for kind, found in kinds.items()}
        found = {each.name: tables[each.mode != "http"] for each in spec.listeners}
        for listener in spec.listeners:
            if listener.to:
                whole = MountSpec(listener.name, "/", ToBalancer(listener.to))
                found[listener.name] = MountTable((self._stream_mount(0, whole, balancers, plain),))
        return found

    def checked(self, balancer: str, member: str, result: Any, counts: bool = True) -> None:
        """
        Feed a probe's result to the member's verdict.

        @param counts: not of a member that is not checked, where somebody just wanted to know.
        """
        resource = self.balancers.get(balancer)
        if resource is not None:
            resource.checked(member, result, counts=counts)

    def wants_checks(self, balancer: str, member: str) -> bool:
        """
        Tell whether a member is to be checked: all but stopped ones (APACHE C11).
        """
        resource = self.balancers.get(balancer)
        found = resource.member(member) if resource is not None else None
        return found is not None and not found.flags & flags.STOPPED

    def resources(self) -> list[BalancerResource]:
        """
        Return every balancer, named or plain.
        """
        return [*self.balancers.values(), *self.plain.values()]

    def _prepared(self, spec: BalancerSpec) -> BalancerResource:
        """
        Return a balancer: the live one as it is, if it can take the spec, else a new one.
        """
        live = self.balancers.get(spec.name)
        with making(f"[balancer:{spec.name}]"):
            if live is None:
                return self._resource(spec)
            rehearse(live.balancer, spec)
        return live

    def _prepared_plain(self, spec: ServiceSpec) -> dict[MemberSpec, BalancerResource]:
        """
        Return the lone members of mounts, the live ones among them as they are.
        """
        plain: dict[MemberSpec, BalancerResource] = {}
        for mount in spec.mounts:
            if isinstance(mount.target, ToMember) and mount.target.member not in plain:
                member = mount.target.member
                # The mount's mapping has the member's path in it already.
                lone = BalancerSpec(member.url, (replace(member, path=""),))
                plain[member] = self.plain.get(member) or self._resource(lone, True)
        return plain

    def _resource(self, spec: BalancerSpec, plain: bool = False) -> BalancerResource:
        balancer = Balancer(spec, self._registry, Random(), secret=self.secret, plain=plain)
        resource = self._make_resource(self._runtime, balancer, make_pool)
        told = FlipLog(self._runtime, spec.name, self.journal)
        balancer.on_flip = lambda flip: self._flipped(flip, resource, told)
        balancer.on_alarm = lambda alarm: self._alarmed(alarm, resource, told)
        resource.open_pools()
        return resource

    def _flipped(self, flip: Flip, resource: BalancerResource, told: FlipLog) -> None:
        """
        Tell people about a change of a member's state, and requests that wait for one.
        """
        if flags.usable(flip.after):
            self._runtime.reactor.callLater(0, resource.serve_waiting)
        self.on_flip(flip, resource)
        # What a worker sees its supervisor tells, once for all.
        if self._inside is None:
            told.tell(flip)

    def _alarmed(self, alarm: Alarm, resource: BalancerResource, told: FlipLog) -> None:
        """
        Do the same about a change of a whole balancer.
        """
        self._runtime.reactor.callLater(0, resource.serve_waiting)
        self.on_alarm(alarm, resource)
        if self._inside is None:
            told.alarm(alarm)

    def _mount(
        self,
        order: int,
        spec: MountSpec,
        balancers: dict[str, BalancerResource],
        plain: dict[MemberSpec, BalancerResource],
    ) -> Mount:
        if isinstance(spec.target, ToManager) and spec.encodedslashes == "off":
            # The API has URLs of members in its paths, of which nothing is a file's.
            spec = replace(spec, encodedslashes="nodecode")
        mount = Mount(spec, order)
        if self._inside is not None and isinstance(spec.target, OWN):
            # Who may have it, and how often, is judged there.
            mount.target = self._inside.target(spec)
        else:
            target = self.guards.wrap(spec, self._target(spec, balancers, plain))
            mount.target = self.limits.rated(spec, target)
        return mount

    def _target(
        self,
        spec: MountSpec,
        balancers: dict[str, BalancerResource],
        plain: dict[MemberSpec, BalancerResource],
    ) -> Any:
        target = spec.target
        if isinstance(target, ToBalancer):
            resource = balancers[target.name]
            return self.limits.gated(spec, resource, MountedBalancer(resource, spec, balancers))
        if isinstance(target, ToMember):
            resource = plain[target.member]
            return self.limits.gated(spec, resource, MountedBalancer(resource, spec, balancers))
        if isinstance(target, Redirect):
            return RedirectTarget(target.status)
        if isinstance(target, FixedStatus):
            return StatusTarget(target.status, "ok")
        if isinstance(target, NotProxied):
            return StatusTarget(404, "not-proxied")
        if isinstance(target, ToManager):
            return self._faces().manager(target)
        if isinstance(target, ToStatus):
            return self._faces().status()
        if isinstance(target, ToMetrics):
            return self._faces().metrics()
        if isinstance(target, ToHealth):
            return self._faces().health(target)
        if isinstance(target, ToHeartbeat):
            heartbeats = HeartbeatResource(self._heartbeats, lambda: self._runtime.now())
            return WebTarget(heartbeats, forms=False)
        assert isinstance(target, ToResource)
        return self._resources[target.name]

    def _faces(self) -> Faces:
        # A process that shows none is smaller, and sooner there, without what they need.
        from txbalancer.services.faces import Faces

        return Faces(self.steering, self.pages.sources)

    def _stream_mount(
        self,
        order: int,
        spec: MountSpec,
        balancers: dict[str, BalancerResource],
        plain: dict[MemberSpec, BalancerResource],
    ) -> Mount:
        mount = Mount(spec, order)
        target = spec.target
        if isinstance(target, ToBalancer):
            resource = balancers[target.name]
        else:
            assert isinstance(target, ToMember)
            resource = plain[target.member]
        mount.target = StreamTarget(resource)
        if resource.gate is not None:
            mount.target = self.limits.gated(spec, resource, mount.target)
        return mount

    def _web(self, label: str, name: str) -> WebTarget:
        """
        Make a plugin's resource, once, so that its sessions outlive reloads.

        @param label: of a mount that leads there.
        """
        with making(f"[mount:{label}] to: resource:{name}"):
            return WebTarget(self._registry.resources[name].make_resource())
