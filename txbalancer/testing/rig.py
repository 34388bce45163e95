"""
The whole data path in memory.

L{MemoryRig} runs real listeners, exchanges and pools on a clock that is moved by hand
and on transports without sockets, so that a test says what each end does, byte by
byte, and never waits.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import ClientFactory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from txbalancer.config import loads
from txbalancer.core.balancer import Balancer
from txbalancer.core.counting import Counting
from txbalancer.core.outcome import Outcome
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.limits import Limits
from txbalancer.services.modes import MODES
from txbalancer.services.plugins import load_registry
from txbalancer.services.targets import Targets
from txbalancer.testing.transport import MemoryTransport

EPOCH = 1_800_000_000.0
"""What a L{MemoryRig}'s wall clock shows at its beginning."""


class Opening:
    """
    A connection to a member that is being opened.

    @ivar address: C{(host, port)}, or the path of a unix socket.
    """

    def __init__(self, reactor: MemoryReactorClock, factory: ClientFactory, address: Any) -> None:
        self.address = address
        self._reactor, self._factory = reactor, factory

    def accept(self) -> MemoryTransport:
        """
        Let it succeed; returns the member's end.
        """
        peer = IPv4Address("TCP", *self.address) if isinstance(self.address, tuple) else None
        protocol = self._factory.buildProtocol(peer)
        return MemoryTransport(self._reactor, protocol, peer)

    def fail(self, reason: Exception | None = None) -> None:
        """
        Let it fail, by default as a member that is not running.
        """
        failure = Failure(reason or error.ConnectionRefusedError())
        self._factory.clientConnectionFailed(None, failure)  # type: ignore[arg-type]
        self._reactor.advance(0)


class MemoryRig:
    """
    The first listener of a configuration with its mounts and balancers, without sockets.

    @ivar reactor: a C{MemoryReactorClock}.
    @ivar site: the listener.
    @ivar targets: balancers and mounts.
    @ivar outcomes: the record of each exchange that is over.
    """

    def __init__(
        self,
        configuration: str | ServiceSpec,
        registry: Registry | None = None,
        counting: Counting | None = None,
    ) -> None:
        """
        @param configuration: specs, or the text of an INI file.
        @param counting: makes what counts for limits; by default, for this rig alone.
        """
        self.registry = registry or load_registry()
        if isinstance(configuration, str):
            configuration = loads(configuration, self.registry).spec
        self.spec = configuration
        self.reactor: Any = MemoryReactorClock()
        self.outcomes: list[Outcome] = []
        self.runtime = Runtime(
            self.reactor,
            self.outcomes.append,
            self.reactor.seconds,
            lambda: EPOCH + self.reactor.seconds(),
            counting,
        )
        limits = Limits(counting=self.runtime.counting)
        self.targets = Targets(self.runtime, self.registry, limits=limits)
        self.targets.install(configuration)
        first = configuration.listeners[0]
        self.site = MODES[first.mode].make_site(
            self.runtime, first, self.targets.table(first), first.secure
        )
        self.runtime.deadlines.start(self.runtime.now)
        self._opened = [0, 0]

    def balancer(self, name: str = "shop") -> Balancer:
        """
        Return a balancer by its name.
        """
        return self.targets.balancers[name].balancer

    def client(self, host: str = "192.0.2.1") -> MemoryTransport:
        """
        Connect a client; returns its end.
        """
        address = IPv4Address("TCP", host, 40000 + len(self.site.channels))
        return MemoryTransport(self.reactor, self.site.buildProtocol(address), address)

    def openings(self) -> list[Opening]:
        """
        Return the connections to members begun since this was last asked.
        """
        tcp, unix = self.reactor.tcpClients, self.reactor.unixClients
        found = [Opening(self.reactor, each[2], each[:2]) for each in tcp[self._opened[0] :]]
        found += [Opening(self.reactor, each[1], each[0]) for each in unix[self._opened[1] :]]
        self._opened = [len(tcp), len(unix)]
        return found

    def accept(self) -> MemoryTransport:
        """
        Let the one connection that is being opened succeed; returns the member's end.
        """
        (opening,) = self.openings()
        return opening.accept()

    def advance(self, seconds: float) -> None:
        """
        Let time pass, in steps that no deadline is missed by much in.
        """
        steps = max(1, min(200, int(seconds / self.runtime.deadlines.period) + 1))
        for _ in range(steps):
            self.reactor.advance(seconds / steps)
