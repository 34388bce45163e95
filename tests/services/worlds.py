"""
A whole service on a reactor in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from txbalancer.config import loads
from txbalancer.core.registry import Registry
from txbalancer.services.plugins import load_registry
from txbalancer.services.service import BalancerService
from txbalancer.testing import MemoryTransport, Opening

GET = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

CONFIGURATION = """
[txbalancer]
access-log = off
graceful-timeout = 10s
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    http://10.0.0.1
    http://10.0.0.2
[mount:/]
to = balancer://shop/
"""


class Port:
    """
    A port that is open until it is closed.

    @ivar reading: whether it accepts.
    """

    connected = reading = True
    disconnecting = False

    def __init__(self, reactor: Reactor, number: int) -> None:
        self.reactor, self.number = reactor, number

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "0.0.0.0", self.number)

    def fileno(self) -> int:
        return 1000 + self.number

    @property
    def socket(self) -> Any:
        return self

    def close(self) -> None:
        """
        Close the file of it, which nobody notices.
        """
        del self.reactor.open[self.number]

    def stopListening(self) -> Any:
        del self.reactor.open[self.number]
        self.connected = False
        return succeed(None)

    def startReading(self) -> None:
        self.reading = True

    def stopReading(self) -> None:
        self.reading = False


class Reactor(MemoryReactorClock):
    """
    A reactor with ports that can be taken.

    @ivar open: number -> factory of each open port.
    @ivar busy: numbers that somebody else has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[int, Any] = {}
        self.busy: set[int] = set()

    def listenTCP(self, port, factory, backlog=50, interface=""):
        if port in self.busy or port in self.open:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        self.open[port] = factory
        return Port(self, port)


class World:
    """
    A service, and everybody around it.
    """

    def __init__(
        self, text: str = CONFIGURATION, path: str = "", registry: Registry | None = None
    ) -> None:
        self.registry = registry or load_registry()
        self.reactor = Reactor()
        self.service = BalancerService(self.spec(text), path, self.reactor, self.registry)
        self.service.runtime.now = self.reactor.seconds
        self._opened = 0

    def spec(self, text: str):
        """
        Read a configuration.
        """
        return loads(text, self.registry).spec

    def start(self) -> World:
        """
        Start the service as twistd does.
        """
        self.service.privilegedStartService()
        self.service.startService()
        return self

    def reload(self, text: str) -> list[str]:
        """
        Put another configuration in force.
        """
        return self.service.reload(self.spec(text))

    def client(self, port: int = 80, request: bytes = b"") -> MemoryTransport:
        """
        Connect a client.
        """
        address = IPv4Address("TCP", "192.0.2.1", 40000)
        protocol = self.reactor.open[port].buildProtocol(address)
        client = MemoryTransport(self.reactor, protocol, address)
        if request:
            client.send(request)
        return client

    def openings(self) -> list[Opening]:
        """
        Return the connections to members begun since this was last asked.
        """
        clients = self.reactor.tcpClients[self._opened :]
        self._opened += len(clients)
        return [Opening(self.reactor, each[2], each[:2]) for each in clients]

    def accept(self) -> MemoryTransport:
        """
        Let the one connection that is being opened succeed.
        """
        (opening,) = self.openings()
        return opening.accept()

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(int(seconds * 10) + 1):
            self.reactor.advance(0.1)

    def members(self, balancer: str = "shop"):
        """
        Return the members of a balancer.
        """
        return self.service.targets.balancers[balancer].balancer.members
