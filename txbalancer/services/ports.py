"""
The listening sockets of a listener.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from txbalancer.core.mounts import MountTable
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.net.eager import make_eager
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.site import Site
from txbalancer.tls.listeners import server_options


class ListenerService(Service):
    """
    One listener: opens its endpoints, or says which one cannot be opened.

    @ivar site: what serves its connections.
    @ivar ports: its open ports.
    """

    def __init__(self, runtime: Runtime, spec: ListenerSpec, table: MountTable) -> None:
        self.spec = spec
        self.setName(f"listener:{spec.name}")
        self._reactor = runtime.reactor
        self.site = Site(runtime, spec, table, secure=bool(spec.tls_certificate))
        self.ports: list[IListeningPort] = []
        self._factory: Any = self.site

    def open(self) -> None:
        """
        Listen on every endpoint, or on none.

        @raise StartError: naming the endpoint and the cause.
        """
        self._load_tls(self.spec)
        for endpoint in self.spec.endpoint:
            try:
                self.ports.append(self._listen(endpoint))
            except Exception as error:
                self.close()
                raise StartError(
                    f"listener {self.spec.name}: cannot listen on {endpoint}: {_cause(error)}"
                ) from error

    def _load_tls(self, spec: ListenerSpec) -> None:
        tls = server_options(spec)
        self._factory = TLSMemoryBIOFactory(tls, False, self.site) if tls else self.site

    def _listen(self, endpoint: str) -> IListeningPort:
        outcome: list[Any] = []
        shared = _Shared(self)
        listening = maybeDeferred(serverFromString(self._reactor, endpoint).listen, shared)
        listening.addBoth(outcome.append)
        if not outcome:
            raise StartError("the endpoint does not listen at once")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        make_eager(outcome[0])
        return outcome[0]

    def can_become(self, spec: ListenerSpec) -> bool:
        """
        Tell whether the open ports can serve this spec; only other endpoints need new ones.
        """
        return self.spec.endpoint == spec.endpoint

    def prepare(self, spec: ListenerSpec) -> None:
        """
        Try what may fail about a new spec.

        @raise StartError: when its certificate cannot be used.
        """
        server_options(spec)

    def configure(self, spec: ListenerSpec, table: MountTable) -> None:
        """
        Take another spec for the same endpoints: new connections see it whole, open ones
        all but TLS.
        """
        self._load_tls(spec)
        self.spec = spec
        self.site.secure = bool(spec.tls_certificate)
        self.site.configure(spec)
        self.site.table = table

    def build_protocol(self, address: Any) -> Any:
        """
        Make the protocol for a new connection, under TLS if the listener has it.
        """
        return self._factory.buildProtocol(address)

    def privilegedStartService(self) -> None:
        """
        Open the ports while the process may still open low ones.
        """
        if not self.ports:
            self.open()

    def startService(self) -> None:
        """
        Begin to serve.
        """
        super().startService()
        if not self.ports:
            self.open()

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections; those that are open go on.
        """
        ports, self.ports = self.ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def stopService(self) -> Deferred[Any]:
        """
        Accept no more connections, and end the idle ones.
        """
        super().stopService()
        closed = self.close()
        self.site.drain()
        return closed


class _Shared(ServerFactory):
    """
    What a port keeps hold of, while the listener behind it may change with a reload.
    """

    noisy = False

    def __init__(self, listener: ListenerService) -> None:
        self._listener = listener

    def buildProtocol(self, addr: Any) -> Any:
        """
        Ask the listener as it is now.
        """
        return self._listener.build_protocol(addr)

    def logPrefix(self) -> str:
        """
        Name the listener in Twisted's own messages about the port.
        """
        return f"listener {self._listener.spec.name}"


def _cause(error: Exception) -> str:
    """
    Put the reason of a failed listen in a few words.
    """
    inner = getattr(error, "socketError", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
