"""
A listener at work: its connections, its limits, and the way from a head to a target.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from txbalancer.core.clients import Clients
from txbalancer.core.gates import Crowd, Gate, GateSpec, adjusted, limit_name, opened
from txbalancer.core.lines import Line
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.networks import within
from txbalancer.core.request import Peer
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import ClientError, TLSOnPlain
from txbalancer.http1.heads import RequestHead
from txbalancer.http1.limits import Limits
from txbalancer.http2.limits import KINDS
from txbalancer.http2.limits import Limits as H2Limits
from txbalancer.net.peers import peer_of
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.companions import dismiss
from txbalancer.proxy.doorway import Doorway
from txbalancer.proxy.entrance import Begin, believing, identifying, leading, told_by
from txbalancer.proxy.h2.channel import H2Channel
from txbalancer.proxy.hsts import hsts_line
from txbalancer.proxy.local import METHODS, LocalAnswer
from txbalancer.proxy.refusals import Refusal, Refused
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.shares import Share
from txbalancer.proxy.throttle import Throttle
from txbalancer.proxy.unlisted import Unlisted

Channel = ClientChannel | Doorway | H2Channel


class Site(ServerFactory):
    """
    Makes a L{ClientChannel} for each connection and finds the target of each request.

    @ivar spec: the listener's options; replaced on reload.
    @ivar table: the mounts; replaced on reload by one assignment.
    @ivar draining: no further requests are taken.
    @ivar most_requests: of one connection; the answer to the last one ends it.
    @ivar accepted: connections so far.
    @ivar guards_identity: whether what clients say of a certificate is dropped, as some
        listener tells members of certificates.
    @ivar hsts: a header line for every answer, or C{b""}.
    @ivar begin: hands a request to the target of the first mount that takes it.
    @ivar clients: how many connections each client has, where that is limited.
    @ivar gate: before all requests for members; C{crowd}: before those of each client.
    @ivar exempt: tells by address for whom limits per client do not hold.
    @ivar on_count: called when there is another connection, or one less; where somebody counts.
    @ivar refused: connections and the like that nobody served, by cause.
    @ivar unlisted: tells of PROXY headers that are taken for requests.
    @ivar abuses: how often connections of HTTP/2 ended for what their clients did.
    """

    noisy = False
    log = Logger()
    begin: Begin

    def __init__(
        self, runtime: Runtime, spec: ListenerSpec, table: MountTable, secure: bool = False
    ) -> None:
        """
        @param secure: whether clients come through TLS.
        """
        self.runtime = runtime
        self.now = runtime.now
        self.table = table
        self.secure = secure
        self.draining = False
        self.channels: set[Channel] = set()
        self.accepted = 0
        self.abuses = Counter(dict.fromkeys(KINDS, 0))
        self.refused: Counter[str] = Counter()
        self._held: Line[ClientChannel | Doorway] = Line()
        self._share: Share | None = None
        self._throttle = Throttle()
        self.clients: Clients | None = None
        self.gate: Gate | None = None
        self.crowd: Crowd | None = None
        self.on_count: Callable[[], object] | None = None
        self.unlisted = Unlisted(spec.name)
        self.guards_identity = spec.tls_client_headers
        self.configure(spec)

    def configure(self, spec: ListenerSpec) -> None:
        """
        Take other options for the same endpoints; connections stay.
        """
        self.spec = spec
        lasting = spec.keepalive_timeout > 0 and not self.draining
        self.most_requests = (spec.keepalive_requests or inf) if lasting else 0
        self.limits = Limits(
            head=spec.max_head,
            url=spec.max_url,
            line=spec.max_line,
            headers=spec.max_headers,
            underscores=spec.underscores,
            kept=told_by(spec),
        )
        self.h2_limits = H2Limits(
            streams=spec.http2_max_streams,
            window=spec.http2_window,
            connection_window=spec.http2_connection_window,
            head=spec.max_head,
            resets=spec.http2_resets,
            control=spec.http2_control_frames,
        )
        self._chooses = spec.http2 if self.secure else spec.h2c
        self.begin = self._entrance(spec)
        self._limit(spec)
        self.hsts = hsts_line(spec)
        self.server_name = (spec.server_name or socket.gethostname()).encode("idna")

    def _limit(self, spec: ListenerSpec) -> None:
        """
        Take the limits of connections and requests; what is in progress counts from the start.
        """
        self.exempt = within(spec.exempt_clients)
        counting = self.runtime.counting
        if not self._per_client(spec):
            if self.clients is not None:
                self.clients.end()
            self.clients = None
        elif self.clients is None:
            there = (each.peer.client for each in self.channels)
            self.clients = counting.clients(spec.name, there)
        name, queue, wait = f"listener {spec.name}", spec.queue, spec.queue_timeout
        own = GateSpec(limit_name(name), spec.max_requests, queue, wait)
        self.gate = adjusted(self.gate, own, self._soon, counting.gate)
        of_each = limit_name(name, "requests-per-client")
        each = GateSpec(of_each, spec.requests_per_client, queue, wait)
        if each.most:
            exempt = self.exempt if spec.exempt_clients else None
            self.crowd = self.crowd or counting.crowd(each, self._soon)
            self.crowd.configure(each, exempt)
        elif self.crowd is not None:
            self.crowd.configure(opened(each), None)
            self.crowd = None

    @staticmethod
    def _per_client(spec: ListenerSpec) -> int:
        """
        Return how many connections each client may have; 0 for any number.
        """
        return spec.connections_per_client

    def _soon(self, act: Callable[[], None]) -> None:
        self.runtime.reactor.callLater(0, act)

    def _entrance(self, spec: ListenerSpec) -> Begin:
        begin: Begin = self._begin
        if spec.redirect_to_https and not spec.secure:
            begin = leading(self, spec.redirect_to_https)
        if self.guards_identity:
            begin = identifying(spec.tls_client_headers, begin)
        if spec.trusted_proxies or spec.external_proxies:
            begin = believing(spec, begin)
        return begin

    # -- connections

    @property
    def held(self) -> int:
        """
        How many connections wait for C{max-connections}.
        """
        return self._held.size

    def buildProtocol(self, addr: Any) -> Any:
        """
        Make the client side of a new connection.
        """
        return Doorway(self) if self._chooses else (self.runtime.channel or ClientChannel)(self)

    def peer(self, transport: Any) -> Peer:
        """
        Describe the client at the other end of a transport.
        """
        return peer_of(transport, self.spec.name, self.secure, self.server_name)

    def opened(self, channel: ClientChannel | Doorway) -> None:
        """
        Count a connection; over C{max-connections} it has to wait for another to close.
        """
        most = self.spec.max_connections
        self.channels.add(channel)
        self.accepted += 1
        if self.clients is not None:
            self.clients.opened(channel.peer.client)
        if self.on_count is not None:
            self.on_count()
        if (most or self._share is not None) and not self._may_open(most):
            self._held.add(channel)
            channel.hold()
        else:
            self.runtime.deadlines.add(channel)
            channel.welcome()

    def replace(self, doorway: Doorway, channel: Channel) -> None:
        """
        Let a channel take the place of the doorway that its connection came by.
        """
        self.channels.discard(doorway)
        self.channels.add(channel)
        self.runtime.deadlines.discard(doorway)
        self.runtime.deadlines.add(channel)

    def closed(self, channel: Channel) -> None:
        """
        Forget a connection, and let one that waits take its place.
        """
        self.channels.discard(channel)
        if self.clients is not None:
            self.clients.closed(channel.peer.client)
        if self.on_count is not None:
            self.on_count()
        if channel.peer.companions:
            dismiss(channel.peer)
        channel.peer.companions = None
        self.runtime.deadlines.discard(channel)
        if self._held.size or self._share is not None:
            self._make_room(channel)

    def share(self, share: Share, line: Line[Any]) -> None:
        """
        Have C{max-connections} hold for several processes together.

        @param line: those who wait here.
        """
        self._share, self._held = share, line

    @property
    def shared(self) -> bool:
        """
        Whether C{max-connections} holds for several processes together.
        """
        return self._share is not None

    @property
    def line(self) -> Line[Any]:
        """
        Connections that wait for others to close.
        """
        return self._held

    def _may_open(self, most: int) -> bool:
        if self._share is not None:
            return self._share.take(most)
        return len(self.channels) <= most

    def _make_room(self, channel: Channel) -> None:
        """
        Let one that waits take the place of a connection that is gone.
        """
        if self._held.discard(channel):  # type: ignore[arg-type]
            return
        if self._share is not None:
            self._share.give()
            self.serve_held()
        else:
            self._let_in()

    def serve_held(self) -> None:
        """
        Let in who waits, as far as others have left room.
        """
        while self._share is not None and self._held.size:
            if not self._share.take(self.spec.max_connections):
                return
            self._let_in()

    def _let_in(self) -> None:
        waiting = self._held.take()
        self.runtime.deadlines.add(waiting)
        waiting.release()

    def retire(self) -> None:
        """
        Have every connection end with its next answer. An idle one may ask once more: what
        its client is just sending would be lost if it were closed.
        """
        self.draining = True
        self.most_requests = 0
        for channel in list(self.channels):
            channel.retire()

    def drain(self) -> None:
        """
        Close idle connections now and the others after their answer.
        """
        self.draining = True
        self.most_requests = 0
        for channel in list(self.channels):
            channel.drain()

    # -- requests

    def _begin(self, channel: ClientChannel, head: RequestHead) -> None:
        if head.path == b"*":
            self.answer_options(channel, head)
            return
        try:
            found = self.table.find(head)
        except ClientError as error:
            self.answer(channel, head, error.status, error.reason, str(error))
            return
        if found is None:
            self.answer(channel, head, 404, "no-mount", "")
            return
        mount, path = found
        limit = mount.spec.max_body
        if limit and head.body > limit:
            self.answer(channel, head, 413, "body-too-large", f"a body over {limit} bytes", mount)
            return
        mount.target.begin(self, channel, head, mount, path)

    def answer(
        self,
        channel: ClientChannel,
        head: RequestHead,
        status: int,
        reason: str,
        text: str,
        mount: Mount | None = None,
    ) -> None:
        """
        Answer a request here, with a small page.

        @param mount: the mount that it belongs to, for its header edits.
        """
        LocalAnswer(self.runtime, channel, head, status, reason, mount).send_page(text)

    def turn_away(
        self, channel: ClientChannel, head: RequestHead, mount: Mount, refusal: Refusal
    ) -> None:
        """
        Answer a request for which there is no room, with when to try again.
        """
        answer = Refused(self.runtime, channel, head, refusal.status, refusal.reason, mount)
        answer.tell(refusal)

    def answer_options(self, channel: ClientChannel, head: RequestHead) -> None:
        """
        Answer C{OPTIONS *}, which asks about this proxy (APACHE H9).
        """
        lines = [self.runtime.date_line(), b"Allow: " + METHODS]
        LocalAnswer(self.runtime, channel, head, 200, "ok").send(lines, b"")

    def abused(self, what: str) -> None:
        """
        Count what a client did too often, for which its connection ended.
        """
        self.abuses[what] += 1

    def permit_line(self) -> str | None:
        """
        Tell whether there may be another line about a client, and with what at its end.
        """
        return self._throttle.permit(self.now())

    def refuse(self, channel: ClientChannel, error: ClientError) -> None:
        """
        Answer something that is no readable request, and end the connection.
        """
        head = RequestHead()
        head.peer = channel.peer
        head.method, head.target, head.path, head.query = b"-", b"-", b"", None
        head.minor, head.keep_alive, head.lines, head.noted = 1, False, [], {}
        head.host = head.upgrade = head.trace = b""
        head.body, head.expects, head.user = -1, False, None
        more = self._throttle.permit(self.now())
        if more is not None:
            # A wrong port is somebody's to mend; that of TLS is told with its handshake.
            note = self.log.info if isinstance(error, TLSOnPlain) else self.log.debug
            note(
                "{listener}: {client}: {status}: {error}{more}",
                listener=self.spec.name,
                client=channel.peer.client,
                status=error.status,
                error=str(error),
                more=more,
            )
        channel.head = head
        LocalAnswer(self.runtime, channel, head, error.status, error.reason).send_page(str(error))
