"""
The families of listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, Family, Group, by_class
from txbalancer.control.record import Record
from txbalancer.core.meters import Meter


class TLSView(NamedTuple):
    """
    @ivar full: handshakes that went well from the start; C{resumed}: with an earlier session.
    @ivar failures: the others, by reason.
    @ivar active: handshakes in progress; C{waiting}: those that may not begin yet.
    @ivar renewals: how often certificates were taken from the disk between reloads.
    @ivar days: until each certificate ends, by its file.
    """

    full: int
    resumed: int
    failures: Mapping[str, int]
    active: int
    waiting: int
    renewals: Record
    days: Mapping[str, float]


class ListenerView(NamedTuple):
    """
    @ivar name: of the listener.
    @ivar accepted: connections so far.
    @ivar connections: those that are open; C{busy}: those with an exchange.
    @ivar most: how many there may be; 0 for no limit.
    @ivar tls: of its TLS, if it has any.
    @ivar refused: connections, and datagrams of new clients, that nobody served, by cause.
    @ivar abuses: connections of HTTP/2 that ended for what their clients did, by kind.
    """

    name: str
    accepted: int
    connections: int
    busy: int
    most: int
    tls: TLSView | None = None
    refused: Mapping[str, int] = MappingProxyType({})
    abuses: Mapping[str, int] = MappingProxyType({})


def together(views: Iterable[ListenerView]) -> ListenerView:
    """
    Return what a listener has to do in several processes, one view or more.

    Each process takes changed certificates from the disk by itself, which is one renewal.
    """
    first, *others = views
    for each in others:
        first = first._replace(
            accepted=first.accepted + each.accepted,
            connections=first.connections + each.connections,
            busy=first.busy + each.busy,
            refused=_added(first.refused, each.refused),
            abuses=_added(first.abuses, each.abuses),
            tls=_secured(first.tls, each.tls),
        )
    return first


def _secured(one: TLSView | None, other: TLSView | None) -> TLSView | None:
    if one is None or other is None:
        return one or other
    return TLSView(
        one.full + other.full,
        one.resumed + other.resumed,
        _added(one.failures, other.failures),
        one.active + other.active,
        one.waiting + other.waiting,
        one.renewals,
        one.days or other.days,
    )


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}


def left_over(view: ListenerView) -> ListenerView:
    """
    Return what stays of a listener's view when its process is gone.
    """
    tls = view.tls and view.tls._replace(active=0, waiting=0, days={})
    return view._replace(connections=0, busy=0, tls=tls)


def _of_tls(read: Callable[[TLSView], Mapping[str, float]]) -> Callable[[Any], Any]:
    def of_listener(view: MeteredListener) -> Mapping[str, float]:
        tls = view.listener.tls
        return {} if tls is None else read(tls)

    return of_listener


class MeteredListener(NamedTuple):
    """
    @ivar meter: what came in by the listener.
    """

    listener: ListenerView
    meter: Meter


LISTENERS = Group(
    "listener",
    ("listener",),
    (
        Family(
            "txbalancer_listener_requests",
            COUNTER,
            "Exchanges by the listener, by class of status",
            lambda view: by_class(view.meter),
            "code",
        ),
        Family(
            "txbalancer_listener_failures",
            COUNTER,
            "Exchanges that did not end well, by reason as in the access log",
            lambda view: view.meter.failures,
            "reason",
        ),
        Family(
            "txbalancer_listener_in_flight",
            GAUGE,
            "Exchanges in progress",
            lambda view: view.listener.busy,
        ),
        Family(
            "txbalancer_listener_received_bytes",
            COUNTER,
            "Bytes of bodies from clients",
            lambda view: view.meter.bytes_in,
        ),
        Family(
            "txbalancer_listener_sent_bytes",
            COUNTER,
            "Bytes of bodies to clients",
            lambda view: view.meter.bytes_out,
        ),
        Family(
            "txbalancer_listener_duration_seconds",
            HISTOGRAM,
            "Time from the first byte of the request to the end of the answer",
            lambda view: view.meter.total,
        ),
        Family(
            "txbalancer_listener_connections",
            GAUGE,
            "Open connections of clients",
            lambda view: view.listener.connections,
        ),
        Family(
            "txbalancer_listener_connections_limit",
            GAUGE,
            "Most connections of clients that are served at once; 0 for no limit",
            lambda view: view.listener.most,
        ),
        Family(
            "txbalancer_listener_connections_accepted",
            COUNTER,
            "Connections of clients so far",
            lambda view: view.listener.accepted,
        ),
        Family(
            "txbalancer_listener_refused",
            COUNTER,
            "Connections, and datagrams of new clients, that were not served, by reason:"
            " proxy-header, or the option that did not allow it",
            lambda view: view.listener.refused,
            "reason",
        ),
        Family(
            "txbalancer_listener_floods",
            COUNTER,
            "HTTP/2 connections that were ended for floods, by what there was too much of",
            lambda view: view.listener.abuses,
            "kind",
        ),
        Family(
            "txbalancer_listener_tls_handshakes",
            COUNTER,
            "TLS handshakes that went well: full ones, and those that resumed a session",
            _of_tls(lambda tls: {"full": tls.full, "resumed": tls.resumed}),
            "kind",
        ),
        Family(
            "txbalancer_listener_tls_handshake_failures",
            COUNTER,
            "TLS handshakes that failed, by reason",
            _of_tls(lambda tls: tls.failures),
            "reason",
        ),
        Family(
            "txbalancer_listener_tls_handshakes_in_progress",
            GAUGE,
            "TLS handshakes now: active ones, and those that wait for tls-handshakes",
            _of_tls(lambda tls: {"active": tls.active, "waiting": tls.waiting}),
            "state",
        ),
        Family(
            "txbalancer_listener_certificate_renewals",
            COUNTER,
            "Times that certificates had changed on the disk between reloads, by result",
            _of_tls(lambda tls: {"failed": tls.renewals.failed, "passed": tls.renewals.passed}),
            "result",
        ),
        Family(
            "txbalancer_listener_certificate_days_left",
            GAUGE,
            "Days until a certificate or one of its chain ends, by its file",
            _of_tls(lambda tls: tls.days),
            "file",
        ),
    ),
)
