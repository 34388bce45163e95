"""
The whole balancer as one Twisted service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from txbalancer.config import Check, Loaded, load
from txbalancer.config.diff import plan
from txbalancer.control.checks import CHECKS
from txbalancer.core import flags
from txbalancer.core.counters import Counters
from txbalancer.core.meters import tallied
from txbalancer.core.outcome import Outcome
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.values import counted
from txbalancer.errors import BalancerError
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.certificates import CertificateWatch
from txbalancer.services.checks import HealthChecks
from txbalancer.services.control import ControlSocket
from txbalancer.services.loads import MemberLoads
from txbalancer.services.logs import Logs
from txbalancer.services.persistence import Persistence
from txbalancer.services.plugins import load_registry
from txbalancer.services.ports import ListenerService, listener_for
from txbalancer.services.reloaded import tell_fault, tell_reload
from txbalancer.services.sockets import Socket
from txbalancer.services.stopping import Stopping
from txbalancer.services.targets import Targets


class BalancerService(MultiService):
    """
    Listeners, balancers, health checks and the access log of one configuration.

    Usable as a library: C{BalancerService(spec).setServiceParent(application)}.

    @ivar spec: the configuration in force.
    @ivar targets: the live balancers and mounts.
    @ivar telemetry: what was served, by listener, balancer and member.
    @ivar stopping: how far the end of all this is.
    """

    log = Logger()

    def __init__(
        self,
        spec: ServiceSpec,
        path: str = "",
        reactor: Any = None,
        registry: Registry | None = None,
        load: Callable[[str, Registry, Iterable[Check]], Loaded] = load,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        @param environment: of a process of its own, which has a socket for commands;
            C{None} for a part of somebody's program.
        @param path: the file that C{spec} came from, read again by L{reload_file}.
        @param load: how it is read.
        @param reactor: for tests; by default the running one.
        """
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor as installed

            reactor = installed
        self.spec = spec
        self.path = path
        self._load = load
        self.reactor = reactor
        self.registry = registry or load_registry()
        self.runtime = Runtime(reactor, self._finish)
        self.loads = MemberLoads(self.runtime, self.registry.loads, self._own_load)
        self.targets = Targets(self.runtime, self.registry, self.loads.heartbeats)
        self.telemetry = self.targets.telemetry
        self._measure = self.telemetry.meters.measure
        steering = self.targets.steering
        facts = steering.facts
        facts.counters, facts.load = self.telemetry.meters.select, self._own_load
        facts.connections = lambda: len(self._channels())
        facts.listeners = lambda: {
            name: len(each.site.channels) for name, each in self._listeners.items()
        }
        facts.config = path
        steering.tap.on_change = self._choose_log
        self.persistence = Persistence(steering)
        sources = self.targets.pages.sources
        sources.writes = self.persistence.record
        sources.listeners = lambda: [each.view() for each in self._listeners.values()]
        sources.stopping = lambda: self.stopping.begun
        sources.lost = lambda: self.logs.access.lost
        steering.on_checks = lambda balancer: self._apply_checks()
        if path:
            steering.reload_file = self.reload_file
        self.checks = HealthChecks(
            reactor,
            self.registry.probes,
            self._checked,
            on_sight=self._seen,
            wanted=self._check_wanted,
        )
        steering.probe_now = self.checks.now
        self.logs = Logs(reactor, self.targets.journal)
        self._choose_log()
        self._prepared = False
        self.control = ControlSocket(reactor, steering, environment)
        self.stopping = Stopping(self.runtime, self._channels)
        self._stopped: Deferred[None] | None = None
        self.certificates = CertificateWatch(
            self.runtime, self.targets, lambda: self._listeners.values()
        )
        self._listeners: dict[str, ListenerService] = {}
        self._leaving: list[ListenerService] = []

    # -- start

    def privilegedStartService(self) -> None:
        """
        Open the access log and every port, or fail before anything is served.

        @raise StartError: in one line, what cannot be had.
        """
        self._prepare()
        super().privilegedStartService()

    def startService(self) -> None:
        """
        Begin to serve.
        """
        self._prepare()
        super().startService()
        self.runtime.deadlines.start(self.runtime.now)
        self._apply_checks()
        self.loads.start(lambda: self.targets.balancers.values())
        self.runtime.pipes.allow(self.spec.service.splice)
        self.certificates.start(self.spec.service.tls_watch)
        self.persistence.start()
        self.control.use(self.spec.service.control)
        self.telemetry.start()
        self.targets.discovery.use(self.spec)
        self.targets.journal.note("start", "the service serves")
        self.log.info(
            "serving {listeners}, {balancers}, {mounts}",
            listeners=counted(len(self.spec.listeners), "listener"),
            balancers=counted(len(self.spec.balancers), "balancer"),
            mounts=counted(len(self.spec.mounts), "mount"),
        )

    def _prepare(self) -> None:
        if self._prepared:
            return
        self.logs.prepare(self.spec)
        self._use_logs()
        try:
            self.control.check(self.spec.service.control)
            self.loads.configure(self.spec.service)
            state = self.persistence.check(self.spec.service.state)
            self.targets.install(self.spec)
            self.persistence.load(state)
            for each in self.spec.listeners:
                listener = ListenerService(self.runtime, each, self.targets.table(each))
                listener.site.guards_identity = self.spec.guards_identity
                listener.open()
                self._listeners[each.name] = listener
                listener.setServiceParent(self)
        except BalancerError:
            for listener in self._listeners.values():
                listener.close()
                listener.disownServiceParent()
            self._listeners.clear()
            self.logs.close()
            self.loads.stop()
            raise
        self._prepared = True

    def _use_logs(self) -> None:
        self.logs.publish()
        self._choose_log()

    def _choose_log(self) -> None:
        self._log_outcome = self.targets.steering.tap.over(self.logs.access.log)

    # -- while it runs

    @property
    def counters(self) -> Counters:
        """
        What all listeners have served.
        """
        return tallied(self.telemetry.meters.by_key.values())

    def _finish(self, outcome: Outcome) -> None:
        self._measure(outcome)
        self._log_outcome(outcome)

    def _checked(self, balancer: str, member: str, result: Any) -> None:
        """
        Feed a probe's result to the member's verdict.
        """
        resource = self.targets.balancers.get(balancer)
        if resource is not None:
            resource.checked(member, result)

    def _seen(self, balancer: str, member: str, result: Any) -> None:
        """
        Note what somebody wanted to know of a member that is not checked.
        """
        resource = self.targets.balancers.get(balancer)
        if resource is not None:
            resource.checked(member, result, counts=False)

    def _own_load(self) -> tuple[int, int]:
        """
        Return how many more connections can be served, and how many are busy (APACHE A23).
        """
        ready = busy = 0
        for listener in self._listeners.values():
            channels = listener.site.channels
            busy += sum(channel.exchange is not None for channel in channels)
            ready += max(0, (listener.site.spec.max_connections or 10000) - len(channels))
        return ready, busy

    def _check_wanted(self, balancer: str, member: str) -> bool:
        """
        Tell whether a member is to be checked: all but stopped ones (APACHE C11).
        """
        resource = self.targets.balancers.get(balancer)
        found = resource.member(member) if resource is not None else None
        return found is not None and not found.flags & flags.STOPPED

    def _apply_checks(self, before: Iterable[str] = ()) -> None:
        self.checks.configure(self.spec.service)
        for name in before:
            if name not in self.targets.balancers:
                self.checks.set_members(name, ())
        for name, resource in self.targets.balancers.items():
            self.checks.set_members(name, [each.spec for each in resource.balancer.members])

    def reopen_logs(self) -> None:
        """
        Open all logs anew, after a log rotation moved them.
        """
        self.logs.reopen()

    # -- reload

    def reload_file(self, who: str = "") -> list[str]:
        """
        Read the configuration file again and put it in force; see L{reload}.

        @param who: who asked for it; empty for a signal.
        @raise BalancerError: when it has a fault; nothing has changed then.
        """
        with self.targets.pages.sources.reloads.trial(self.runtime.wall):
            try:
                loaded = self._load(self.path, self.registry, CHECKS)
                for warning in loaded.warnings:
                    self.log.warn("{warning}", warning=warning)
                return self.reload(loaded.spec, who)
            except BalancerError as error:
                tell_fault(self.targets.journal, error, who)
                raise

    def reload(self, spec: ServiceSpec, who: str = "") -> list[str]:
        """
        Put another configuration in force without dropping a request.

        Whatever can fail (ports, TLS files, the log) is tried first.

        @return: what changed, a line each.
        @raise StartError: when a part cannot be had; nothing has changed then.
        """
        changes = plan(self.spec, spec)
        listeners = {
            each.name: listener_for(each, self.runtime, self._listeners.get(each.name))
            for each in spec.listeners
        }
        # Endpoints stay open whatever becomes of the listener that they belong to.
        spare = [socket for each in self._listeners.values() for socket in each.sockets]
        try:
            self.logs.prepare(spec)
            for each in spec.listeners:
                listeners[each.name].prepare(each, spare)
            self.control.check(spec.service.control)
            self.loads.configure(spec.service)
            state = self.persistence.check(spec.service.state)
            self.targets.install(spec)
        except Exception:
            self.loads.configure(self.spec.service)
            for listener in listeners.values():
                listener.abandon()
            self.logs.abandon()
            raise
        self._publish(spec, listeners, spare)
        self._use_logs()
        before = [each.name for each in self.spec.balancers]
        self.spec = spec
        self.runtime.pipes.allow(self.spec.service.splice)
        self.persistence.use(state)
        self.control.use(spec.service.control)
        self.certificates.start(spec.service.tls_watch)
        self._apply_checks(before)
        self.targets.discovery.use(spec)
        lines = list(changes.lines)
        tell_reload(self.targets.journal, lines, who)
        return lines

    def _publish(
        self, spec: ServiceSpec, listeners: dict[str, ListenerService], unused: list[Socket]
    ) -> None:
        before, self._listeners = self._listeners, listeners
        self._leaving = [each for each in self._leaving if each.site.channels]
        for each in spec.listeners:
            listeners[each.name].site.guards_identity = spec.guards_identity
            listeners[each.name].configure(each, self.targets.table(each))
        for socket in unused:
            socket.close()
        for name, listener in before.items():
            if listeners.get(name) is not listener:
                listener.sockets = []
                self._leaving.append(listener)
                listener.disownServiceParent()
        for name, listener in listeners.items():
            if before.get(name) is not listener:
                listener.setServiceParent(self)

    # -- stop

    def stopService(self) -> Deferred[None]:
        """
        Wait for C{stop-delay}, accept nothing more, let exchanges finish within
        C{graceful-timeout}, then cut them.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            announced = self.stopping.announce(self.spec.service.stop_delay)
            announced.addCallback(lambda _: self._stop(MultiService.stopService(self)))
            announced.chainDeferred(self._stopped)
        return self._stopped

    def _stop(self, closed: Any) -> Deferred[None]:
        self.targets.journal.note("stop", "no more connections are accepted")
        self.targets.steering.streams.close()
        self.control.close()
        self.checks.stop()
        self.targets.discovery.stop()
        self.certificates.stop()
        self.telemetry.stop()
        self.loads.stop()
        drained = self.stopping.drain(self.spec.service.graceful_timeout)
        return gatherResults([drained, closed]).addBoth(lambda _: self._close())

    def _close(self) -> None:
        self.runtime.deadlines.stop()
        for resource in self.targets.resources():
            resource.leave()
        self.targets.steering.stop()
        self.persistence.stop()
        self.logs.close()

    def cut(self) -> None:
        """
        End a graceful stop now.
        """
        self.stopping.cut()

    def _channels(self) -> list[Any]:
        """
        Return the connections of every listener, those of a former configuration included.
        """
        listeners = (*self._listeners.values(), *self._leaving)
        return [channel for each in listeners for channel in list(each.site.channels)]
