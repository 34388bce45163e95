"""
The whole balancer as one Twisted service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger

from txbalancer.config import Check, Loaded, load
from txbalancer.config.diff import plan
from txbalancer.control.checks import CHECKS
from txbalancer.core.counters import Counters
from txbalancer.core.counting import Counting
from txbalancer.core.meters import tallied
from txbalancer.core.outcome import Outcome
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.errors import BalancerError
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.certificates import CertificateWatch
from txbalancer.services.checks import HealthChecks
from txbalancer.services.control import ControlSocket
from txbalancer.services.fitness import stays_one, vet
from txbalancer.services.inheritance import Inheritance
from txbalancer.services.inside import Inside
from txbalancer.services.leaving import Leaving
from txbalancer.services.limits import Limits
from txbalancer.services.listeners import Listeners
from txbalancer.services.loads import MemberLoads
from txbalancer.services.logs import Logs
from txbalancer.services.memory import allowed
from txbalancer.services.overload import Overload
from txbalancer.services.persistence import Persistence
from txbalancer.services.plugins import load_registry
from txbalancer.services.reloaded import tell_fault, tell_reload
from txbalancer.services.showing import show
from txbalancer.services.sockets import Socket
from txbalancer.services.stopping import Stopping
from txbalancer.services.sweeps import Sweeps
from txbalancer.services.takeover import Beginning
from txbalancer.services.targets import Targets


class BalancerService(MultiService):
    """
    Listeners, balancers, health checks and the access log of one configuration.

    Usable as a library: C{BalancerService(spec).setServiceParent(application)}.

    @cvar make_resource: makes what stands for a balancer.
    @cvar fits: complains of what this kind of service cannot be.
    @ivar spec: the configuration in force.
    @ivar targets: the live balancers and mounts.
    @ivar listeners: where clients come in.
    @ivar telemetry: what was served, by listener, balancer and member.
    @ivar stopping: how far the end of all this is.
    """

    log = Logger()
    make_resource: ClassVar[type[BalancerResource]] = BalancerResource
    fits = staticmethod(stays_one)

    def __init__(
        self,
        spec: ServiceSpec,
        path: str = "",
        reactor: Any = None,
        registry: Registry | None = None,
        load: Callable[[str, Registry, Iterable[Check]], Loaded] = load,
        environment: Mapping[str, str] | None = None,
        inside: Inside | None = None,
        beginning: Beginning | None = None,
        counting: Counting | None = None,
    ) -> None:
        """
        @param counting: makes what counts for limits; by default, for this process alone.
        @param beginning: how it starts; in place of another process, perhaps.
        @param inside: where the service's own pages are, if in another process.
        @param environment: of a process of its own, which has a socket for commands;
            C{None} for a part of somebody's program.
        @param path: the file that C{spec} came from, read again by L{reload_file} with C{load}.
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
        runtime = self.runtime = Runtime(reactor, self._finish, counting=counting)
        self.limits = Limits(lambda: [each.site for each in self.listeners], runtime.counting)
        self.loads = MemberLoads(self.runtime, self.registry.loads, self._own_load)
        self.targets = Targets(
            runtime, self.registry, self.loads.heartbeats, self.limits, inside, self.make_resource
        )
        self.sweeps = Sweeps(self.runtime, self.targets.resources)
        self.telemetry = self.targets.telemetry
        self._measure = self.telemetry.meters.measure
        steering = self.targets.steering
        self.listeners = Listeners(self, self.runtime, self.targets)
        steering.tap.on_change = self._choose_log
        self.persistence = Persistence(steering)
        steering.on_checks = lambda balancer: self._apply_checks()
        if path:
            steering.reload_file = self.reload_file
        self.checks = HealthChecks(
            reactor,
            self.registry.probes,
            self.targets.checked,
            on_sight=partial(self.targets.checked, counts=False),
            wanted=self.targets.wants_checks,
        )
        steering.probe_now = self.checks.now
        self.logs = Logs(reactor, self.targets.journal)
        self._choose_log()
        self.overload = Overload(
            self.runtime, self.targets.journal, self.limits, environment is not None
        )
        self._prepared = False
        self.control = ControlSocket(reactor, steering, environment)
        self.inheritance = Inheritance(self.targets, self.persistence.export)
        self.leaving = Leaving(self)
        self.stopping = Stopping(self.runtime, self.leaving.unfinished)
        self.farewell: Callable[[], Deferred[Any]] = lambda: succeed(None)
        self.entrances: Any = self.listeners
        self.beginning = beginning or Beginning()
        steering.former = self.beginning.report
        self._stopped: Deferred[None] | None = None
        self.certificates = CertificateWatch(self.runtime, self.targets, lambda: self.listeners)
        show(self)

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
        self.beginning.inherit(self)
        super().startService()
        self.runtime.deadlines.start(self.runtime.now)
        self.overload.watch(allowed(self.spec.service.memory_limit))
        self._begin_duties()
        self.sweeps.start()
        self.runtime.pipes.allow(self.spec.service.splice)
        self.certificates.start(self.spec.service.tls_watch)
        self.control.use(self.spec.service.control)
        self._ask_sources(self.spec)
        self.targets.journal.note("start", "the service serves")
        self._tell_start()

    def _tell_start(self) -> None:
        """
        Log what is served.
        """
        self.log.info("serving {what}", what=self.spec.told())

    def _begin_duties(self) -> None:
        """
        Begin what one process does for all.
        """
        self._apply_checks()
        self.loads.start(lambda: self.targets.balancers.values())
        self.persistence.start()
        self.telemetry.start()

    def _ask_sources(self, spec: ServiceSpec) -> None:
        """
        Ask the sources of members that a configuration names, and no others.
        """
        self.targets.discovery.use(spec)

    def _prepare(self) -> None:
        if self._prepared:
            return
        vet(self.spec, self.fits)
        self.logs.prepare(self.spec)
        self._use_logs()
        try:
            self.overload.prepare(self.spec)
            self.beginning.greet(self)
            self.control.check(self.spec.service.control)
            self.loads.configure(self.spec.service)
            state = self.persistence.check(self.spec.service.state)
            self.targets.install(self.spec)
            self.beginning.load(self, state)
            self._open()
        except BalancerError:
            self.listeners.close()
            self.logs.close()
            self.loads.stop()
            raise
        self._prepared = True

    def _open(self) -> None:
        """
        Open the listeners.

        @raise StartError: one of them cannot be opened.
        """
        self.listeners.open(self.served(self.spec), self.spec.guards_identity, self.sockets())

    def served(self, spec: ServiceSpec) -> tuple[ListenerSpec, ...]:
        """
        Return the listeners that this process serves.
        """
        return spec.listeners

    def sockets(self) -> list[Socket]:
        """
        Return open endpoints beside those of the listeners; listeners take what they need.
        """
        return self.beginning.sockets(self.reactor)

    def _use_logs(self) -> None:
        self.logs.publish()
        self._choose_log()

    def _choose_log(self) -> None:
        self._log_outcome = self.targets.steering.tap.over(self.logs.access.log)

    # -- while it runs

    def settled(self) -> Deferred[None]:
        """
        Wait until the configuration is in force everywhere.
        """
        return succeed(None)

    def well(self) -> bool:
        """
        Tell whether it does what it should, for those who watch it.
        """
        return True

    @property
    def counters(self) -> Counters:
        """
        What all listeners have served.
        """
        return tallied(self.telemetry.meters.by_key.values())

    def _finish(self, outcome: Outcome) -> None:
        self._measure(outcome)
        self._log_outcome(outcome)

    def _own_load(self) -> tuple[int, int]:
        """
        Return how many more connections can be served, and how many are busy (APACHE A23).
        """
        return self.limits.load()

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
                self.leaving.check()
                loaded = self._load(self.path, self.registry, (*CHECKS, self.fits))
                for warning in loaded.warnings:
                    self.log.warn("{warning}", warning=warning)
                return self.reload(loaded.spec, who)
            except BalancerError as error:
                self.log.error("reload refused, nothing has changed:\n{error}", error=str(error))
                tell_fault(self.targets.journal, error, who)
                raise

    def reload(self, spec: ServiceSpec, who: str = "") -> list[str]:
        """
        Put another configuration in force without dropping a request.

        Whatever can fail (ports, TLS files, logs, plugins) is tried first.

        @return: what changed, a line each.
        @raise StartError: when a part cannot be had; nothing has changed then.
        """
        with self.targets.journal.consequences():
            vet(spec, self.fits)
            changes = plan(self.spec, spec)
            served = self.served(spec)
            try:
                self.logs.prepare(spec)
                self.listeners.prepare(served, self.sockets())
                self.control.check(spec.service.control)
                memory = allowed(spec.service.memory_limit)
                state = self.persistence.check(spec.service.state)
                prepared = self.targets.prepare(spec)
                # The last that may fail: it cannot be tried without being done.
                self.loads.configure(spec.service)
            except Exception:
                self.listeners.abandon()
                self.logs.abandon()
                raise
            self.targets.publish(prepared)
            self.listeners.publish(served, spec.guards_identity)
            self._use_logs()
            before = [each.name for each in self.spec.balancers]
            self.spec = spec
            self.runtime.pipes.allow(self.spec.service.splice)
            self.overload.watch(memory)
            self.persistence.use(state)
            self.control.use(spec.service.control)
            self.certificates.start(spec.service.tls_watch)
            self._apply_checks(before)
            self._ask_sources(spec)
            lines = list(changes.lines)
            tell_reload(self.targets.journal, lines, who)
            return lines

    # -- stop

    def stopService(self) -> Deferred[None]:
        """
        Wait for C{stop-delay}, accept nothing more, let exchanges finish within
        C{graceful-timeout}, then cut them.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            delay = self.spec.service.stop_delay
            announced = succeed(None) if self.leaving.done else self.stopping.announce(delay)
            announced.addCallback(lambda _: self._stop(MultiService.stopService(self)))
            announced.chainDeferred(self._stopped)
        return self._stopped

    def _stop(self, closed: Any) -> Deferred[None]:
        if not self.leaving.done:
            self.targets.journal.note("stop", "no more connections are accepted")
            self.control.close()
        self.targets.steering.streams.close()
        self.checks.stop()
        self.targets.discovery.stop()
        self.certificates.stop()
        self.telemetry.stop()
        self.loads.stop()
        self.sweeps.stop()
        drained = self.stopping.drain(self.spec.service.graceful_timeout)
        over = gatherResults([drained, closed]).addBoth(lambda _: self._close())
        return over.addBoth(lambda _: self.farewell())

    def _close(self) -> None:
        self.runtime.deadlines.stop()
        self.overload.stop()
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
