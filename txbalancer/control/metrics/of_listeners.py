"""
The families of listeners.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, Family, Group, by_class
from txbalancer.core.meters import Meter


class ListenerView(NamedTuple):
    """
    @ivar name: of the listener.
    @ivar accepted: connections so far.
    @ivar connections: those that are open; C{busy}: those with an exchange.
    @ivar most: how many there may be; 0 for no limit.
    """

    name: str
    accepted: int
    connections: int
    busy: int
    most: int


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
    ),
)
