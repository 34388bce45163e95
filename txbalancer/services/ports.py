"""
The listening sockets of a listener.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from txbalancer.control.metrics.of_listeners import ListenerView, TLSView
from txbalancer.control.record import Record
from txbalancer.core.mounts import MountTable
from txbalancer.core.networks import within
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.net.proxied import ProxiedFactory
from txbalancer.proxy.h2.channel import in_progress
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.throttle import Throttle
from txbalancer.proxy.unlisted import Unlisted
from txbalancer.services.limits import Limits
from txbalancer.services.modes import MODES
from txbalancer.services.sockets import Socket, cause
from txbalancer.tls.ends import ServerTLSFactory
from txbalancer.tls.handshakes import PROXY_HEADER, Handshakes
from txbalancer.tls.listeners import ListenerTLS, server_options


class ListenerService(Service):
    """
    One listener: opens its endpoints, or says which one cannot be opened. Its mode stays; a
    reload that changes it puts another listener on the same endpoints.

    @ivar site: what serves its connections.
    @ivar handshakes: those of TLS.
    @ivar renewals: how often certificates were taken from the disk between reloads.
    @ivar sockets: its open endpoints.
    """

    log = Logger()

    def __init__(
        self,
        runtime: Runtime,
        spec: ListenerSpec,
        table: MountTable,
        limits: Limits | None = None,
    ) -> None:
        """
        @param limits: of the service.
        """
        self.spec = spec
        self._limits = limits or Limits()
        self.setName(f"listener:{spec.name}")
        self._reactor, self._wall = runtime.reactor, runtime.wall
        self._mode = MODES[spec.mode]
        self.site = self._mode.make_site(runtime, spec, table, spec.secure)
        self.sockets: list[Socket] = []
        self._prepared: list[Socket] = []
        self._prepared_tls: ListenerTLS | None = None
        self._tls: ListenerTLS | None = None
        self._secured: ServerTLSFactory | None = None
        self.renewals = Record()
        self._given_away = False
        self._factory: Any = self.site
        self._proxied: ProxiedFactory | None = None
        self.handshakes = Handshakes(runtime.deadlines, runtime.now, self._handshake_failed)
        self._throttle = Throttle()
        self._unlisted = Unlisted(spec.name)

    @property
    def ports(self) -> list[IListeningPort]:
        """
        The open ports, in the order of the endpoints.
        """
        return [each.port for each in self.sockets]

    @property
    def tls(self) -> ListenerTLS | None:
        """
        How clients are spoken to under TLS, if they are.
        """
        return self._tls

    def renew(self, tls: ListenerTLS) -> None:
        """
        Take other certificates for the same spec.
        """
        self._tls = tls
        tls.publish()
        if self._secured is not None:
            self._secured.maker = tls
        self.renewals.note(True, self._wall())

    def not_renewed(self) -> None:
        """
        Count certificates on the disk that could not be taken.
        """
        self.renewals.note(False, self._wall())

    def view(self) -> ListenerView:
        """
        Return how much it has to do.
        """
        site, channels = self.site, self.site.channels
        busy = sum(in_progress(channel) for channel in channels)
        most = site.spec.max_connections
        tls = None if self._tls is None else self._view_tls(self._tls)
        return ListenerView(
            self.spec.name,
            site.accepted,
            len(channels),
            busy,
            most,
            tls,
            refused=site.refused,
            abuses=site.abuses,
        )

    def _view_tls(self, tls: ListenerTLS) -> TLSView:
        handshakes, now = self.handshakes, self._wall()
        return TLSView(
            handshakes.completed - handshakes.resumed,
            handshakes.resumed,
            handshakes.failures,
            handshakes.active,
            handshakes.waiting,
            self.renewals,
            {each.path: round(each.days_left(now), 3) for each in tls.certificates},
        )

    def open(self, spare: list[Socket] | None = None) -> None:
        """
        Listen on every endpoint, or on none.

        @param spare: open endpoints that may be had; those that are wanted are taken off.
        @raise StartError: naming the endpoint and the cause.
        """
        try:
            self.prepare(self.spec, [] if spare is None else spare)
        except StartError:
            self.abandon()
            raise
        self.configure(self.spec, self.site.table)

    def prepare(self, spec: ListenerSpec, spare: list[Socket]) -> None:
        """
        Try what may fail about a new spec: its certificate and its endpoints.

        @param spare: open endpoints that may be had; those that are wanted are taken off.
        @raise StartError: naming what cannot be had; L{abandon} must follow.
        """
        self._prepared_tls = server_options(spec, self._tls)
        for endpoint in spec.endpoint:
            fitting = [each for each in spare if each.endpoint == endpoint]
            if fitting:
                # Two listeners may have tcp:0 both.
                taken = next((each for each in fitting if each.listener is self), fitting[0])
                spare.remove(taken)
                self._prepared.append(taken)
            else:
                self._prepared.append(self._listen(spec, endpoint))

    def _listen(self, spec: ListenerSpec, endpoint: str) -> Socket:
        try:
            return self._mode.open_socket(self._reactor, endpoint)
        except Exception as error:
            raise StartError(
                f"listener {spec.name}: {cause(error)}: cannot listen on {endpoint}"
            ) from error

    def abandon(self) -> None:
        """
        Close what L{prepare} opened, and leave everything as it was.
        """
        for each in self._prepared:
            if each.listener is None:
                each.close()
        self._prepared = []

    def configure(self, spec: ListenerSpec, table: MountTable) -> None:
        """
        Take the spec that was prepared: new connections see it whole, open ones all but TLS.
        """
        self._tls, self._prepared_tls = self._prepared_tls, None
        self._factory, self._secured = self.site, None
        if self._tls is not None:
            self._tls.publish()
            self.handshakes.configure(
                spec.tls_handshakes, spec.tls_handshake_timeout, spec.tls_strict_sni
            )
            self._secured = ServerTLSFactory(self._tls, self.handshakes, self.site)
            self._factory = self._secured
        self._factory = self._limits.door(spec, self.site, self._factory)
        self._proxied = None
        if spec.accept_proxy:
            self._factory = self._proxied = self._behind_proxies(spec, self._factory)
        self.spec = spec
        self.site.secure = spec.secure
        self.site.configure(spec)
        self.site.table = table
        self.sockets, self._prepared = self._prepared, []
        for each in self.sockets:
            self._take(each)

    def _take(self, taken: Socket) -> None:
        taken.listener = self
        taken.obey(self.site.runtime.turnstile, self.spec.reserved)
        taken.hold_unsent(self.spec.max_unsent)

    def open_anew(self) -> None:
        """
        Listen on every endpoint anew; connections stay.

        @raise StartError: naming the endpoint and the cause.
        """
        for place, former in enumerate(self.sockets):
            self.sockets[place] = fresh = self._listen(self.spec, former.endpoint)
            former.give_away()
            self._take(fresh)

    def _behind_proxies(self, spec: ListenerSpec, factory: Any) -> ProxiedFactory:
        """
        Put what reads PROXY headers before a factory.
        """
        runtime = self.site.runtime
        return ProxiedFactory(
            factory,
            within(spec.accept_proxy),
            runtime.deadlines,
            runtime.now,
            spec.head_timeout,
            self._no_header,
        )

    def _no_header(self, proxy: str, why: str) -> None:
        self.site.refused["proxy-header"] += 1
        more = self._throttle.permit(self.site.now())
        if more is not None:
            self.log.warn(
                "listener {listener}: {proxy} is in accept-proxy but sent {why}:"
                " its connection is refused{more}",
                listener=self.spec.name,
                proxy=proxy or "a unix socket's client",
                why=why,
                more=more,
            )

    def _handshake_failed(self, end: Any, reason: str, text: str) -> None:
        if text == PROXY_HEADER:
            self._unlisted.note(end.getPeer(), self.site.now())
            return
        more = self._throttle.permit(self.site.now())
        if more is not None:
            self.log.info(
                "listener {listener}: {client}: no TLS: {reason}: {text}{more}",
                listener=self.spec.name,
                client=getattr(end.getPeer(), "host", ""),
                reason=reason,
                text=text,
                more=more,
            )

    def build_protocol(self, address: Any) -> Any:
        """
        Make the protocol for a new connection, under TLS if the listener has it.
        """
        return self._factory.buildProtocol(address)

    def privilegedStartService(self) -> None:
        """
        Open the ports while the process may still open low ones.
        """
        if not self.sockets:
            self.open()

    def startService(self) -> None:
        """
        Begin to serve.
        """
        super().startService()
        if not self.sockets:
            self.open()

    def close(self) -> Deferred[Any]:
        """
        Accept no more connections; those that are open go on.
        """
        sockets, self.sockets = self.sockets, []
        return gatherResults([each.close() for each in sockets])

    def stopService(self) -> Deferred[Any]:
        """
        Accept no more connections, and end the idle ones.
        """
        super().stopService()
        closed = self.close()
        if self._given_away:
            self.site.retire()
            return closed
        if self._proxied is not None:
            self._proxied.drain()
        self.site.drain()
        return closed

    def unfinished(self) -> list[Any]:
        """
        Return its connections, those included that have no listener's protocol yet.
        """
        waiting = () if self._proxied is None else self._proxied.waiting
        return [*self.site.channels, *waiting]

    def give_away(self) -> None:
        """
        Leave new clients to another process, and those that are here once they are answered.
        """
        self._given_away = True
        for each in self.sockets:
            each.give_away()


def listener_for(
    spec: ListenerSpec,
    runtime: Runtime,
    there: ListenerService | None,
    limits: Limits | None = None,
) -> ListenerService:
    """
    Return the listener for a new spec: the one there is, unless its mode is another.
    """
    if there is not None and there.spec.mode == spec.mode:
        return there
    return ListenerService(runtime, spec, MountTable(()), limits)
